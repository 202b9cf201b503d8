// R_i = Σ_j w_ij R_j: the vector-Jacobian product of a linear node.
// Simonyan et al., ICLR workshop 2014.
#include "rules/list.h"

namespace relprop {

Rule gradientRule(Parameters&) {
  LinearRule r;
  r.messages = {{1, Take::All, {}, {{InputPart::One, WeightPart::W}}}};
  return linearRule(r);
}

}  // namespace relprop
