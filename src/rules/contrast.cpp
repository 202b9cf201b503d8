// R_i = Σ_j z_ij⁺/stab(P_j)·R_j − Σ_j z_ij⁻/stab(N_j)·R_j: what is for output j less what is for its dual, whose
// weights are the negated ones; P_j with b_j⁺, N_j = Σ_i z_ij⁻ + b_j⁻. [EBP] Zhang et al., IJCV 2018, section 3.4. Sums
// to 0 by design.
#include "rules/list.h"

namespace relprop {

Rule contrastRule(Parameters& p) {
  const float eps = stabiliserOf(p);
  LinearRule r;
  r.denominators = {{positiveTerms(BiasPart::Pos), eps}, {negativeTerms(BiasPart::Neg), eps}};
  r.messages = {{1, Take::All, {0}, positiveTerms(BiasPart::None)},
                {-1, Take::All, {1}, negativeTerms(BiasPart::None)}};
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
