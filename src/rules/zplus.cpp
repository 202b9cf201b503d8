// R_i = Σ_j (x_i⁺w_ij⁺ + x_i⁻w_ij⁻) / stab(P_j) · R_j,  P_j = Σ_i (x_i⁺w_ij⁺ + x_i⁻w_ij⁻) + b_j⁺.
// [DTD] Montavon et al., Pattern Recognition 2017, the z⁺ rule; = α1β0 of [LRP].
#include "rules/list.h"

namespace relprop {

Rule zplusRule(Parameters& p) {
  LinearRule r;
  r.denominators = {{positiveTerms(BiasPart::Pos), stabiliserOf(p)}};
  r.messages = {{1, Take::All, {0}, positiveTerms(BiasPart::None)}};
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
