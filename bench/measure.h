// What the benchmarks share.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "relprop/explain.h"

namespace relprop::bench {

inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

template <class Call>
double secondsOf(Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Reproducible noise in the shape of so many inputs.
inline Tensor noise(const Explainer& explainer, std::int64_t rows) {
  Shape shape = explainer.inputShape();
  shape.insert(shape.begin(), rows);
  Tensor x(shape);
  unsigned state = 1;
  for (float& v : x.data) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>((state >> 8) & 0xffff) / 16384.0f - 2.0f;
  }
  return x;
}

}  // namespace relprop::bench
