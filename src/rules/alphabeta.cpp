// R_i = α·Σ_j z_ij⁺/stab(P_j)·R_j − β·Σ_j z_ij⁻/stab(N_j)·R_j,  α − β = 1;  P_j with b_j⁺, N_j = Σ_i z_ij⁻ + b_j⁻.
// [LRP] Bach et al., PLOS ONE 2015, eq. 60.
#include <fmt/format.h>

#include <cmath>

#include "relprop/error.h"
#include "rules/list.h"

namespace relprop {

Rule alphaBetaRule(Parameters& p) {
  const float alpha = p.number("alpha", 2), beta = p.number("beta", alpha - 1), eps = stabiliserOf(p);
  if (std::abs(alpha - beta - 1) > 1e-5f || beta < 0)
    throw Error(ErrorCode::InvalidRule, "alphabeta", fmt::format("alpha={}, beta={}", alpha, beta),
                "alpha − beta = 1 and beta ≥ 0");
  LinearRule r;
  r.denominators = {{positiveTerms(BiasPart::Pos), eps}, {negativeTerms(BiasPart::Neg), eps}};
  r.messages = {{alpha, Take::All, {0}, positiveTerms(BiasPart::None)}};
  if (beta > 0) r.messages.push_back({-beta, Take::All, {1}, negativeTerms(BiasPart::None)});
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
