// A kernel over float32 buffers from a function object: run(FloatsIn, FloatsOut).
#pragma once

#include <utility>

#include "kernels/backend.h"
#include "kernels/buffers.h"

namespace relprop {

template <class Run>
class LambdaKernel : public Kernel {
 public:
  explicit LambdaKernel(Run run) : run_(std::move(run)) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    run_(FloatsIn{in}, FloatsOut{out});
  }

 private:
  Run run_;
};

template <class Run>
KernelPtr makeKernel(Run run) {
  return std::make_unique<LambdaKernel<Run>>(std::move(run));
}

}  // namespace relprop
