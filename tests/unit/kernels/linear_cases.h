// Linear maps that between them reach every branch of the fast kernels.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace relprop::test {

struct LinearCase {
  std::string name;
  LinearShape shape;
};
inline std::ostream& operator<<(std::ostream& out, const LinearCase& c) {
  return out << c.name;
}

struct Conv2d {
  std::int64_t n = 1, ic = 3, oc = 5, h = 9, w = 7;
  std::int64_t kh = 3, kw = 3, sh = 1, sw = 1, dh = 1, dw = 1, pt = 0, pl = 0, pb = 0, pr = 0, groups = 1;
};

inline LinearShape convolution(const Conv2d& c) {
  LinearShape s;
  s.n = c.n, s.ic = c.ic, s.ih = c.h, s.iw = c.w, s.oc = c.oc, s.groups = c.groups;
  s.kh = c.kh, s.kw = c.kw, s.sh = c.sh, s.sw = c.sw, s.dh = c.dh, s.dw = c.dw;
  s.pt = c.pt, s.pl = c.pl, s.pb = c.pb, s.pr = c.pr;
  s.oh = (c.h + c.pt + c.pb - (c.kh - 1) * c.dh - 1) / c.sh + 1;
  s.ow = (c.w + c.pl + c.pr - (c.kw - 1) * c.dw - 1) / c.sw + 1;
  return s;
}

inline LinearShape denseLayer(std::int64_t rows, std::int64_t in, std::int64_t out) {
  LinearShape s;
  s.dense = true, s.n = rows, s.ic = in, s.oc = out;
  return s;
}

inline std::vector<LinearCase> linearCases() {
  return {
      {"OneByOne", convolution({.ic = 16, .oc = 32, .kh = 1, .kw = 1})},
      {"OneByOneBatch", convolution({.n = 3, .ic = 24, .oc = 17, .kh = 1, .kw = 1})},
      {"OneByOneStrided", convolution({.ic = 32, .oc = 16, .kh = 1, .kw = 1, .sh = 2, .sw = 2})},
      {"FirstLayer", convolution({.ic = 3, .oc = 32, .sh = 2, .sw = 2, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"FirstLayerBig", convolution({.ic = 3,
                                     .oc = 16,
                                     .h = 15,
                                     .w = 13,
                                     .kh = 7,
                                     .kw = 7,
                                     .sh = 2,
                                     .sw = 2,
                                     .pt = 3,
                                     .pl = 3,
                                     .pb = 3,
                                     .pr = 3})},
      {"FirstLayerWideStride", convolution({.n = 2,
                                            .ic = 3,
                                            .oc = 16,
                                            .h = 27,
                                            .w = 23,
                                            .kh = 11,
                                            .kw = 11,
                                            .sh = 4,
                                            .sw = 4,
                                            .pt = 2,
                                            .pl = 2,
                                            .pb = 2,
                                            .pr = 2})},
      {"FirstLayerUnreadRows", convolution({.ic = 1, .oc = 17, .h = 12, .w = 11, .kh = 4, .kw = 3, .sh = 3, .sw = 2})},
      {"FirstLayerAsymmetric",
       convolution({.n = 2, .ic = 6, .oc = 24, .h = 10, .w = 11, .kw = 5, .sh = 2, .pl = 4, .pb = 1})},
      {"FirstLayerGaps", convolution({.ic = 3, .oc = 16, .h = 11, .w = 11, .kh = 2, .kw = 2, .sh = 3, .sw = 3})},
      {"Same", convolution({.n = 3, .ic = 16, .oc = 16, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"SmallChannels", convolution({.ic = 3, .oc = 5, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"OddChannels", convolution({.n = 3, .ic = 17, .oc = 24, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"OddChannelsBack", convolution({.ic = 24, .oc = 17, .sh = 2, .sw = 2})},
      {"FewFromMany", convolution({.ic = 40, .oc = 5, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"Strided",
       convolution({.ic = 16, .oc = 24, .h = 10, .w = 11, .sh = 2, .sw = 3, .pt = 1, .pl = 1, .pb = 1, .pr = 1})},
      {"StrideBeyondKernel", convolution({.ic = 16, .oc = 16, .h = 11, .w = 11, .kh = 2, .kw = 2, .sh = 3, .sw = 3})},
      {"AsymmetricPads",
       convolution({.n = 3, .ic = 16, .oc = 16, .sh = 2, .sw = 2, .pt = 0, .pl = 1, .pb = 2, .pr = 0})},
      {"Dilated", convolution({.ic = 16, .oc = 24, .dh = 2, .dw = 3, .pt = 2, .pl = 3, .pb = 2, .pr = 3})},
      {"Oblong", convolution({.ic = 16, .oc = 16, .kh = 1, .kw = 5, .pl = 2, .pr = 2})},
      {"Groups", convolution({.n = 3, .ic = 32, .oc = 64, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 2})},
      {"GroupsOdd", convolution({.ic = 24, .oc = 12, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 3})},
      {"GroupsNarrow", convolution({.ic = 32, .oc = 32, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 8})},
      {"Depthwise", convolution({.n = 3, .ic = 32, .oc = 32, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 32})},
      {"DepthwiseOdd",
       convolution({.ic = 17, .oc = 17, .sh = 2, .sw = 2, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 17})},
      {"DepthwiseSmall", convolution({.ic = 3, .oc = 3, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 3})},
      {"DepthMultiplier", convolution({.ic = 8, .oc = 16, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .groups = 8})},
      {"Line", convolution({.n = 3, .ic = 5, .oc = 17, .h = 1, .w = 20, .kh = 1, .kw = 5, .sw = 2, .pl = 2, .pr = 1})},
      {"LineDilated", convolution({.ic = 16, .oc = 24, .h = 1, .w = 20, .kh = 1, .kw = 3, .dw = 4})},
      {"Dense", denseLayer(1, 24, 10)},
      {"DenseManyRows", denseLayer(50, 17, 33)},
      {"DenseOne", denseLayer(3, 1, 1)},
  };
}

}  // namespace relprop::test
