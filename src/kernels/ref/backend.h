// The oracle: every kernel as an obvious loop, every elementwise program one element at a time. Faster backends derive
// from it and replace what is hot.
#pragma once

#include "kernels/backend.h"
#include "kernels/ref/attention.h"
#include "kernels/ref/linear.h"
#include "kernels/ref/moves.h"
#include "kernels/ref/pool.h"
#include "kernels/ref/program.h"

namespace relprop {

class ReferenceBackend : public Backend {
 public:
  explicit ReferenceBackend(Element operand) : operand_(operand) {}
  const char* name() const override { return "reference"; }
  int block() const override { return 1; }
  TensorDesc activation(const Shape& shape) const override { return {shape, 1}; }
  Element operand() const override { return operand_; }
  void setThreads(int threads) override { threads_ = threads; }
  int threads() const override { return threads_; }
  KernelPtr linearForward(const LinearKernelSpec& s) override { return ref::linearForward(s); }
  KernelPtr linearBackward(const LinearKernelSpec& s) override { return ref::linearBackward(s); }
  bool readsDenseInPlace(std::int64_t) const override { return true; }
  DenseKernelPtr denseForward(const DenseSpec& s) override { return ref::denseForward(s, operand_); }
  KernelPtr denseBackward(const DenseSpec& s) override { return ref::denseBackward(s, operand_); }
  KernelPtr linearWeightGradient(const LinearKernelSpec& s) override { return ref::linearWeightGradient(s); }
  KernelPtr reorder(const TensorDesc& a, const TensorDesc& b) override { return ref::reorder(a, b); }
  KernelPtr maxPool(const PoolShape& p) override { return ref::maxPool(p); }
  KernelPtr maxPoolBackward(const PoolShape& p) override { return ref::maxPoolBackward(p); }
  KernelPtr averagePool(const PoolShape& p) override { return ref::averagePool(p); }
  KernelPtr averagePoolBackward(const PoolShape& p) override { return ref::averagePoolBackward(p); }
  KernelPtr lrn(const LrnSpec& s) override { return ref::lrn(s); }
  KernelPtr lrnBackward(const LrnSpec& s) override { return ref::lrnBackward(s); }
  KernelPtr lrnSecant(const LrnSpec& s) override { return ref::lrnSecant(s); }
  KernelPtr softmax(std::int64_t o, std::int64_t e, std::int64_t i) override { return ref::softmax(o, e, i); }
  KernelPtr softmaxBackward(std::int64_t o, std::int64_t e, std::int64_t i) override {
    return ref::softmaxBackward(o, e, i);
  }
  KernelPtr layerNorm(const LayerNormSpec& s) override { return ref::layerNorm(s); }
  KernelPtr layerNormBackward(const LayerNormSpec& s) override { return ref::layerNormBackward(s); }
  KernelPtr matmul(const MatmulSpec& s) override { return ref::matmul(s); }
  KernelPtr copy(const CopySpec& s) override { return ref::copy(s); }
  KernelPtr fill(std::int64_t n, float v) override { return ref::fill(n, v); }
  KernelPtr resize(std::int64_t p, const ResizeAxis& h, const ResizeAxis& w) override { return ref::resize(p, h, w); }
  KernelPtr resizeBackward(std::int64_t p, const ResizeAxis& h, const ResizeAxis& w) override {
    return ref::resizeBackward(p, h, w);
  }
  void runProgram(const Program& p, const ProgramArgs& a) override { ref::runProgram(p, a); }

 private:
  Element operand_;
  int threads_ = 0;
};

}  // namespace relprop
