// The nearest of many centres, for many points.
#pragma once

#include <cstdint>
#include <vector>

#include "bow/again.h"

namespace relprop::bow {

struct Rows {
  const float* data = nullptr;
  std::int64_t count = 0, length = 0;
  const float* row(std::int64_t i) const { return data + i * length; }
};

// Σ (a_k − b_k)², in double.
double squaredDistance(const float* a, const float* b, std::int64_t length);

// Products of some points with blocks of kBlock centres, a centre a lane: products[point · centres + c], the centres
// filled up to whole blocks. Each of the kernels is for other instructions.
inline constexpr int kBlock = 16;
struct ProductKernel {
  const char* instructions = "";
  int points = 1;  // at once
  void (*run)(const float* points, const std::vector<float>& blocks, std::int64_t length, std::int64_t centres,
              float* products) = nullptr;
};
// Those that this processor can run, the fastest first.
const std::vector<ProductKernel>& productKernels();

struct Neighbours {
  std::int64_t nearest = 0;
  std::vector<int> centres;     // points × nearest, the nearest first, of equals the first
  std::vector<double> squares;  // of the distances
};
// By squaredDistance: products in float only leave out what cannot be among the nearest, so the result is the same
// whatever the kernel and the number of threads. 1 ≤ nearest ≤ centres. `again` is asked every some thousand points.
Neighbours nearestOf(const Rows& points, const Rows& centres, std::int64_t nearest,
                     const ProductKernel& kernel = productKernels().front(), const Again& again = {});

}  // namespace relprop::bow
