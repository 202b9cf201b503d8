// What is asked of a kernel for a layer with weights, as counted and as run bare.
#pragma once

#include "kernels/backend.h"

namespace relprop {

struct LinearCall {
  enum class Kind { Forward, Backward, Product } kind = Kind::Forward;
  LinearShape shape = {};  // of a product of two computed matrices: left as it is
  int parts = 1;           // so many layers of that shape in one call

  std::int64_t flops() const { return shape.flops() * parts; }
};

}  // namespace relprop
