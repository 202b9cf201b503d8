// R_i = Σ_j x_i w_ij / (z_j + ε·sign z_j) · R_j,  z_j = Σ_i x_i w_ij + b_j.  ε = 0: safe division (LRP-0).
// [LRP] Bach et al., PLOS ONE 2015, eq. 58.
#include "rules/list.h"

namespace relprop {

Rule epsilonRule(Parameters& p) {
  LinearRule r;
  r.denominators = {{{{InputPart::X, WeightPart::W, BiasPart::B}}, stabiliserOf(p, "epsilon")}};
  r.messages = {{1, Take::All, {0}, {{InputPart::X, WeightPart::W}}}};
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
