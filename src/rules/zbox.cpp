// R_i = Σ_j (x_i w_ij − l_i w_ij⁺ − h_i w_ij⁻) / stab(Σ_i …) · R_j;  l, h: lowest and highest value of the input.
// The numerator is (x_i − l_i)·w_ij⁺ + (x_i − h_i)·w_ij⁻: both terms ≥ 0, so nothing cancels and a sum that is 0 is
// exactly 0. Without stabiliser (RAP's input layer) it conserves but for such sums; the same uniform shift as in RAP's
// other layers gives back what a zero sum would have swallowed, and what rounding loses. [DTD] Montavon et al. 2017,
// the z^B rule; eq. 10 of [RAP] (there without stabiliser).
#include "rules/list.h"

namespace relprop {

Rule zboxRule(Parameters& p) {
  const std::vector<Term> terms = {{InputPart::AboveLow, WeightPart::Pos}, {InputPart::BelowHigh, WeightPart::Neg}};
  LinearRule r;
  r.imageBounds = p.word("bounds", "range", {"range", "image"}) == "image";
  const float eps = stabiliserOf(p);
  r.denominators = {{terms, eps}};
  if (eps == 0) r.after = After::ShiftActivated;
  r.messages = {{1, Take::All, {0}, terms}};
  return linearRule(r);
}

}  // namespace relprop
