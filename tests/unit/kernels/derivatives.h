// Derivatives by central differences, in double precision.
#pragma once

#include <functional>

#include "unit/kernels/support.h"

namespace relprop::test {

using Doubles = std::vector<double>;

// gᵀ·∂f/∂x by central differences.
inline Doubles numericGradient(const std::function<Doubles(const Doubles&)>& f, Doubles x, const Floats& g) {
  constexpr double h = 1e-5;
  Doubles out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    x[i] = v + h;
    const Doubles up = f(x);
    x[i] = v - h;
    const Doubles down = f(x);
    x[i] = v;
    for (std::size_t k = 0; k < up.size(); ++k) out[i] += g[k] * (up[k] - down[k]) / (2 * h);
  }
  return out;
}

inline Doubles wide(const Floats& x) {
  return {x.begin(), x.end()};
}
inline Floats narrow(const Doubles& x) {
  return {x.begin(), x.end()};
}

}  // namespace relprop::test
