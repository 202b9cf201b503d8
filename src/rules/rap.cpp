// Relative attributing propagation. With P_j = Σ_i |z_ij⁺|, N_j = Σ_i |z_ij⁻| (no bias) and v_j = R_j·N_j/(P_j + N_j):
//   rap         R̄_i = Σ_j z_ij⁺/P_j·R_j + Σ_j |z_ij⁻|/N_j·v_j
//   rap-signed  R̄_i = Σ_j z_ij⁺/P_j·R_j⁺ + Σ_j |z_ij⁻|/N_j·(R_j⁻ + v_j)
// then a uniform shift over the activated neurons, so that ΣR stays. v_j/N_j is R_j/(P_j + N_j), and where N_j = 0 no
// z_ij⁻ is there to receive anything.
//   rap-top     R_i = Σ_k z_ik/Σ_i' z_i'k·R_k (no bias), R'_i = |R_i|·ΣR/Σ|R|
// Safe division throughout. [RAP] Nam et al., AAAI 2020, eqs. 5–9.
#include "rules/list.h"

namespace relprop {
namespace {

LinearRule split() {
  LinearRule r;
  r.denominators = {{positiveTerms(BiasPart::None), 0}, {negativeTerms(BiasPart::None, -1), 0, 0}};
  r.after = After::ShiftActivated;
  return r;
}

}  // namespace

Rule rapRule(Parameters&) {
  LinearRule r = split();
  r.messages = {{1, Take::All, {0}, positiveTerms(BiasPart::None)},
                {1, Take::All, {0, 1}, negativeTerms(BiasPart::None, -1)}};
  return linearRule(r);
}

Rule rapSignedRule(Parameters&) {
  LinearRule r = split();
  r.messages = {{1, Take::Positive, {0}, positiveTerms(BiasPart::None)},
                {1, Take::Negative, {1}, negativeTerms(BiasPart::None, -1)},
                {1, Take::All, {0, 1}, negativeTerms(BiasPart::None, -1)}};
  return linearRule(r);
}

Rule rapTopRule(Parameters&) {
  LinearRule r;
  r.denominators = {{{{InputPart::X, WeightPart::W}}, 0}};
  r.messages = {{1, Take::All, {0}, {{InputPart::X, WeightPart::W}}}};
  r.after = After::AbsoluteNormalise;
  return linearRule(r);
}

}  // namespace relprop
