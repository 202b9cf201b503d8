// The vector-Jacobian walk. Simonyan et al. 2014; Shrikumar et al. 2016.
#include "explain/method.h"

namespace relprop {

Method gradient(Parameters& p) {
  Method m;
  m.table = {{"Conv", "gradient"}, {"Dense", "gradient"}, {"*", "jacobian"}};
  m.seed = seedOf(p, "one");
  m.conserves = false;
  return m;
}

Method inputTimesGradient(Parameters& p) {
  Method m = gradient(p);
  m.timesInput = true;
  return m;
}

}  // namespace relprop
