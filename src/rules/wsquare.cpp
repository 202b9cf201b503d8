// R_i = Σ_j w_ij² / stab(Σ_i w_ij² + b_j²) · R_j.
// [DTD] Montavon et al. 2017, the w² rule for unbounded inputs.
#include "rules/list.h"

namespace relprop {

Rule wsquareRule(Parameters& p) {
  LinearRule r;
  r.denominators = {{{{InputPart::One, WeightPart::Square, BiasPart::Square}}, stabiliserOf(p)}};
  r.messages = {{1, Take::All, {0}, {{InputPart::One, WeightPart::Square}}}};
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
