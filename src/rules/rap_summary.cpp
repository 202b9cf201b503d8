// The summary form of RAP:
//   top    ρ_jk = |z_jk|/Σ_j |z_jk|, R̃_j = Σ_k ρ_jk R_k, then δ = (ΣR_k − ΣR̃_j)/|J| added to every neuron
//   below  R_i = Σ_j z_ij⁺/(Σ_i z_ij⁺ + ε)·R_j⁺ + Σ_j z_ij⁻/(Σ_i z_ij⁻ − ε)·R_j⁻
#include "rules/list.h"

namespace relprop {

Rule rapSummaryRule(Parameters& p) {
  const float eps = stabiliserOf(p);
  LinearRule r;
  // N ≤ 0, but stab(−0) would add +ε: the negated sum is positive and means the same.
  r.denominators = {{positiveTerms(BiasPart::None), eps}, {negativeTerms(BiasPart::None, -1), eps}};
  r.messages = {{1, Take::Positive, {0}, positiveTerms(BiasPart::None)},
                {1, Take::Negative, {1}, negativeTerms(BiasPart::None, -1)}};
  return linearRule(r);
}

Rule rapSummaryTopRule(Parameters&) {
  const std::vector<Term> magnitude = {{InputPart::Pos, WeightPart::Abs, BiasPart::None, 1},
                                       {InputPart::Neg, WeightPart::Abs, BiasPart::None, -1}};
  LinearRule r;
  r.denominators = {{magnitude, 0}};
  r.messages = {{1, Take::All, {0}, magnitude}};
  r.after = After::UniformCorrection;
  return linearRule(r);
}

}  // namespace relprop
