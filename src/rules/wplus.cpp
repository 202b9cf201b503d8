// R_i = Σ_j x_i w_ij⁺ / (Σ_i x_i w_ij⁺ + ε) · R_j without bias; at the input layer x is replaced by ones:
// R_i = Σ_j w_ij⁺ / (Σ_i w_ij⁺ + ε) · R_j, so nothing of the image itself enters. ε = 1e-5.
// [LRP-ResNet] Otsuki et al., ECCV 2024, section 3.
#include "rules/list.h"

namespace relprop {
namespace {

Rule positiveWeights(Parameters& p, InputPart in) {
  LinearRule r;
  r.denominators = {{{{in, WeightPart::Pos}}, stabiliserOf(p, "stabilizer", 1e-5f)}};
  r.messages = {{1, Take::All, {0}, {{in, WeightPart::Pos}}}};
  return linearRule(r);
}

}  // namespace

Rule wplusRule(Parameters& p) {
  return positiveWeights(p, InputPart::X);
}

Rule onesRule(Parameters& p) {
  return positiveWeights(p, InputPart::One);
}

}  // namespace relprop
