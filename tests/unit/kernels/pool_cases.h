// Pools that between them reach every kind of window.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace relprop::test {

struct PoolCase {
  std::string name;
  PoolShape shape;
};
inline std::ostream& operator<<(std::ostream& out, const PoolCase& c) {
  return out << c.name;
}

// Rows and columns together; pads as ONNX lists them: top, left, bottom, right.
struct PoolWindows {
  Shape in, out, kernel, strides = {1, 1}, pads = {0, 0, 0, 0}, dilations = {1, 1};
};

inline PoolShape pool(std::int64_t n, std::int64_t c, const PoolWindows& w, bool countPadding = false) {
  PoolShape p{n, c, w.in[0], w.in[1], w.out[0], w.out[1], w.kernel[0], w.kernel[1], w.strides[0], w.strides[1]};
  p.dh = w.dilations[0], p.dw = w.dilations[1], p.countPadding = countPadding;
  p.pt = w.pads[0], p.pl = w.pads[1], p.pb = w.pads[2], p.pr = w.pads[3];
  return p;
}

inline std::vector<PoolCase> poolCases() {
  const Shape one = {1, 1, 1, 1}, two = {2, 2};
  return {{"TwoByTwo", pool(3, 16, {{6, 8}, {3, 4}, {2, 2}, two})},
          {"KernelBeyondStride", pool(1, 24, {{7, 9}, {4, 5}, {3, 3}, two, one})},
          {"StrideBeyondKernel", pool(1, 16, {{8, 8}, {3, 3}, {2, 2}, {3, 3}})},
          {"Overhang", pool(1, 17, {{6, 6}, {3, 3}, {3, 3}, two})},
          {"OverhangCounted", pool(2, 17, {{6, 6}, {4, 4}, {3, 3}, two, one}, true)},
          {"PadsCounted", pool(2, 20, {{5, 5}, {5, 5}, {3, 3}, {1, 1}, one}, true)},
          {"AsymmetricPads", pool(1, 16, {{5, 6}, {4, 5}, {3, 3}, {1, 1}, {0, 1, 1, 0}}, true)},
          {"Dilated", pool(1, 16, {{9, 9}, {7, 5}, {2, 3}, {1, 1}, {0, 0, 0, 0}, two})},
          {"DilatedPadded", pool(1, 16, {{7, 7}, {7, 7}, {3, 3}, {1, 1}, {2, 2, 2, 2}, two}, true)},
          {"Global", pool(3, 40, {{7, 7}, {1, 1}, {7, 7}})},
          {"Line", pool(2, 16, {{1, 11}, {1, 5}, {1, 3}, {1, 2}})},
          {"Few", pool(2, 3, {{6, 6}, {3, 3}, {2, 2}, two})}};
}

}  // namespace relprop::test
