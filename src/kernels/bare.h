// Linear layers as primitives on their own, in layouts of the library's choice and with nothing between them: the time
// that no engine built on the library gets below.
#pragma once

#include <memory>
#include <vector>

#include "kernels/linear_call.h"

namespace relprop {

enum class BareType { Float32, Bfloat16 };  // of what is multiplied; results are 32 bits wide

class BareLayers {
 public:
  // calls: of kind Forward or Backward. Every call has operands of its own, so none finds them in a cache because of
  // another. threads: 0 for all cores. Throws NotSupportedByHardware, Internal.
  BareLayers(const std::vector<LinearCall>& calls, int threads, BareType type);
  ~BareLayers();
  // Runs all calls in order; the seconds of each.
  std::vector<double> sweep();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace relprop
