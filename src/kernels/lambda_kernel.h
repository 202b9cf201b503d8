// A kernel from a function object: run(in, out).
#pragma once

#include <utility>

#include "kernels/backend.h"

namespace relprop {

template <class Run>
class LambdaKernel : public Kernel {
 public:
  explicit LambdaKernel(Run run) : run_(std::move(run)) {}
  void run(const float* const* in, float* const* out, void*) const override { run_(in, out); }

 private:
  Run run_;
};

template <class Run>
KernelPtr makeKernel(Run run) {
  return std::make_unique<LambdaKernel<Run>>(std::move(run));
}

}  // namespace relprop
