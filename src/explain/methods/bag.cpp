// Pixel-wise decomposition of a kernel machine over a bag of visual words (Bach et al. 2015): the score over words, of
// words over features, of features over pixels. The layers themselves are in src/bow.
#include "explain/methods/method_list.h"

namespace relprop {

Method bowLrp(Parameters& p) {
  Method m;
  m.seed = seedOf(p, "logit");
  m.ofNetworks = false;
  m.bag = BagWay{.derivative = false, .root = p.word("root", "search", {"search", "zero", "mean"})};
  return m;
}

}  // namespace relprop
