// PatternNet R_i = Σ_j a_ij R_j, PatternAttribution R_i = Σ_j w_ij a_ij R_j, with a the patterns estimated from data
// (`relprop patterns`). [PN] Kindermans et al., ICLR 2018.
#include "rules/list.h"

namespace relprop {
namespace {

Rule throughPatterns(WeightPart part) {
  LinearRule r;
  r.messages = {{1, Take::All, {}, {{InputPart::One, part}}}};
  return linearRule(r);
}

}  // namespace

Rule patternRule(Parameters&) {
  return throughPatterns(WeightPart::Pattern);
}

Rule patternAttributionRule(Parameters&) {
  return throughPatterns(WeightPart::WeightTimesPattern);
}

}  // namespace relprop
