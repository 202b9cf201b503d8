#include "kernels/record/record.h"

#include "kernels/ref/backend.h"
#include "kernels/simd/winograd.h"

namespace relprop {
namespace {

class Idle : public Kernel {
 public:
  Idle(std::int64_t weightBytes, std::shared_ptr<const char> shared)
      : weightBytes_(weightBytes), shared_(std::move(shared)) {}
  void run(const std::byte* const*, std::byte* const*, void*) const override {}
  std::int64_t weightBytes() const override { return weightBytes_; }

 private:
  std::int64_t weightBytes_;
  std::shared_ptr<const char> shared_;  // stands for packed weights, while somebody has them
};

// Which weights kernels can share; directly computed layers have one order each way.
struct IdleLayout {
  simd::Direction direction;
  int tile, srcBlock, dstBlock;
  bool operator==(const IdleLayout&) const = default;
};

LinearCall callOf(LinearCall::Kind kind, const DenseSpec& s) {
  LinearShape shape;
  shape.n = s.rows, shape.ic = s.ic, shape.oc = s.oc, shape.dense = true;
  return {kind, shape, static_cast<int>(s.terms.size())};
}

class IdleDense : public DenseKernel {
 public:
  IdleDense(DenseSpec spec, std::vector<LinearCall>& calls) : spec_(std::move(spec)), calls_(calls), at_(calls.size()) {
    calls_.push_back(callOf(LinearCall::Kind::Forward, spec_));
  }
  void run(const std::byte* const*, std::byte* const*, void*) const override {}
  const DenseSpec& spec() const override { return spec_; }
  void add(const std::vector<DenseTerm>& terms) override {
    spec_.terms.insert(spec_.terms.end(), terms.begin(), terms.end());
    calls_[at_].parts += static_cast<int>(terms.size());
  }

 private:
  DenseSpec spec_;
  std::vector<LinearCall>& calls_;
  std::size_t at_;
};

class RecordingBackend : public ReferenceBackend {
 public:
  RecordingBackend(std::unique_ptr<Backend> like, std::vector<LinearCall>& calls)
      : ReferenceBackend(like->operand()), like_(std::move(like)), calls_(calls) {}
  const char* name() const override { return "recording"; }
  int block() const override { return like_->block(); }
  TensorDesc activation(const Shape& shape) const override { return like_->activation(shape); }
  bool readsDenseInPlace(std::int64_t rows) const override { return like_->readsDenseInPlace(rows); }
  KernelPtr linearForward(const LinearKernelSpec& s) override {
    return add({LinearCall::Kind::Forward, s.shape}, s, simd::Direction::Forward);
  }
  KernelPtr linearBackward(const LinearKernelSpec& s) override {
    return add({LinearCall::Kind::Backward, s.shape}, s, simd::Direction::Backward);
  }
  DenseKernelPtr denseForward(const DenseSpec& s) override { return std::make_unique<IdleDense>(s, calls_); }
  KernelPtr denseBackward(const DenseSpec& s) override { return add(callOf(LinearCall::Kind::Backward, s)); }
  KernelPtr matmul(const MatmulSpec&) override { return add({LinearCall::Kind::Product, {}}); }
  void runProgram(const Program&, const ProgramArgs&) override {}

 private:
  // Directly computed layers: without the padding that some kernels want.
  KernelPtr add(const LinearCall& call, const LinearKernelSpec& s, simd::Direction direction) {
    const simd::WinogradOps* ops = simd::bestWinogradOps();
    const int tile = simd::winogradTile(ops, s, direction);
    const std::int64_t bytes =
        tile ? simd::winogradWeightBytes(*ops, s, direction, tile) : s.shape.weightCount() * bytesOf(s.operands);
    const auto [shared, isNew] = packed_.get(s.weights, s.part, {direction, tile, s.srcBlock, s.dstBlock},
                                             [] { return std::make_shared<const char>(); });
    return add(call, isNew ? bytes : 0, shared);
  }
  KernelPtr add(const LinearCall& call, std::int64_t weightBytes = 0, std::shared_ptr<const char> shared = {}) {
    calls_.push_back(call);
    return std::make_unique<Idle>(weightBytes, std::move(shared));
  }

  PackedWeights<IdleLayout, const char> packed_;

  std::unique_ptr<Backend> like_;
  std::vector<LinearCall>& calls_;
};

}  // namespace

std::unique_ptr<Backend> makeRecordingBackend(std::unique_ptr<Backend> like, std::vector<LinearCall>& calls) {
  return std::make_unique<RecordingBackend>(std::move(like), calls);
}

}  // namespace relprop
