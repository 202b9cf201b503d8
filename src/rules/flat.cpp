// R_i = Σ_j 1/stab(Σ_i 1) · R_j: equal parts to all inputs in reach; padding is no input.
// [overview] Montavon et al. 2019; Lapuschkin et al. 2019.
#include "rules/list.h"

namespace relprop {

Rule flatRule(Parameters& p) {
  LinearRule r;
  r.denominators = {{{{InputPart::One, WeightPart::One}}, stabiliserOf(p)}};
  r.messages = {{1, Take::All, {0}, {{InputPart::One, WeightPart::One}}}};
  return linearRule(r);
}

}  // namespace relprop
