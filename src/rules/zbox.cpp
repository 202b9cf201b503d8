// R_i = Σ_j (x_i w_ij − l_i w_ij⁺ − h_i w_ij⁻) / stab(Σ_i …) · R_j;  l, h: lowest and highest value of the input.
// Without stabiliser it conserves exactly; what float32 loses of it (the three terms cancel) is given back.
// [DTD] Montavon et al. 2017, the z^B rule; eq. 10 of [RAP] (there without stabiliser).
#include "rules/list.h"

namespace relprop {

Rule zboxRule(Parameters& p) {
  const std::vector<Term> terms = {{InputPart::X, WeightPart::W, BiasPart::None, 1},
                                   {InputPart::Low, WeightPart::Pos, BiasPart::None, -1},
                                   {InputPart::High, WeightPart::Neg, BiasPart::None, -1}};
  LinearRule r;
  r.imageBounds = p.word("bounds", "range", {"range", "image"}) == "image";
  const float eps = p.number("stabilizer", kStabiliser);
  r.denominators = {{terms, eps}};
  if (eps == 0) r.after = After::RestoreRounding;
  r.messages = {{1, Take::All, {0}, terms}};
  return linearRule(r);
}

}  // namespace relprop
