
#include "kernels/ref/backend.h"

#include <fmt/format.h>

#include "kernels/onednn/engine.h"
#include "kernels/onednn/linear.h"
#include "kernels/onednn/matmul.h"
#include "kernels/onednn/phases.h"
#include "kernels/simd/simd.h"
#include "kernels/simd/winograd.h"
#include "kernels/threads.h"
#include "relprop/error.h"

namespace relprop {
namespace {

bool multipliesBfloat16() {
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());  // a bit for each set of instructions
  const auto needed = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (has & needed) == needed;
}

void requireSupport(Element operand) {
  if (operand == Element::Float32 || multipliesBfloat16()) return;
  throw Error(ErrorCode::NotSupportedByHardware, "precision bf16", "the processor has neither AVX512-BF16 nor AMX",
              "one that multiplies bfloat16 itself", "use float32");
}

// Layouts whose pixels hold whole vectors of channels, or all of them.
bool isVector(const PoolShape& p) {
  return p.block == simd::bestOps().block || (p.block > 1 && p.block == p.c);
}

class OneDnnBackend : public ReferenceBackend {
 public:
  OneDnnBackend(Element operand, Packing packing, std::shared_ptr<const AlgorithmTable> algorithms)
      : ReferenceBackend(operand), packing_(packing), algorithms_(std::move(algorithms)) {}
  const char* name() const override { return "oneDNN"; }
  int block() const override { return simd::bestOps().block; }
  // Channels in blocks for float32. Channels last for bfloat16: the layout that oneDNN's kernels for AMX take.
  TensorDesc activation(const Shape& shape) const override {
    const bool image = shape.size() == 4 && shape[1] >= 8;
    if (!image) return {shape, 1};
    return {shape, operand() == Element::Float32 ? block() : static_cast<int>(shape[1])};
  }

  KernelPtr linearForward(const LinearKernelSpec& s) override {
    return made("forward", [&] {
      const int tile = tileOf(s, simd::Direction::Forward);
      return tile ? simd::winograd(*winograd_, s, simd::Direction::Forward, tile, kept(tiles_))
                  : onednn::linearForward(s, kept(packed_));
    });
  }
  KernelPtr linearBackward(const LinearKernelSpec& s) override {
    return made("backward", [&] {
      if (const int tile = tileOf(s, simd::Direction::Backward))
        return simd::winograd(*winograd_, s, simd::Direction::Backward, tile, kept(tiles_));
      if (onednn::suitsPhases(s) && !s.accumulate) return onednn::linearBackwardByPhases(s, block());
      return onednn::linearBackward(s, kept(packed_));
    });
  }
  // Beyond a few rows arithmetic takes longer than reading the weights.
  bool readsDenseInPlace(std::int64_t rows) const override { return rows <= 8; }
  DenseKernelPtr denseForward(const DenseSpec& s) override {
    return made("dense", [&] { return simd::denseForward(s, operand() == Element::Bfloat16); });
  }
  KernelPtr denseBackward(const DenseSpec& s) override {
    return made("dense backward", [&] { return simd::denseBackward(s, operand() == Element::Bfloat16); });
  }
  KernelPtr linearWeightGradient(const LinearKernelSpec& s) override {
    return made("weight gradient", [&] { return onednn::linearWeightGradient(s); });
  }
  KernelPtr reorder(const TensorDesc& a, const TensorDesc& b) override {
    return made("reorder", [&] { return onednn::reorder(a, b); });
  }
  KernelPtr lrn(const LrnSpec& s) override {
    if (s.size % 2 == 0) return ref::lrn(s);  // oneDNN centres even windows differently
    return made("lrn", [&] { return onednn::lrn(s); });
  }
  KernelPtr lrnBackward(const LrnSpec& s) override { return simd::lrnBackward(s); }
  KernelPtr matmul(const MatmulSpec& s) override {
    return made("matmul", [&] { return onednn::matmul(s); });
  }
  KernelPtr copy(const CopySpec& s) override { return simd::suitsCopy(s) ? simd::copy(s) : ref::copy(s); }
  KernelPtr softmax(std::int64_t outer, std::int64_t extent, std::int64_t inner) override {
    return inner == 1 ? simd::softmax(outer, extent) : ref::softmax(outer, extent, inner);
  }
  KernelPtr softmaxBackward(std::int64_t outer, std::int64_t extent, std::int64_t inner) override {
    return inner == 1 ? simd::softmaxBackward(outer, extent) : ref::softmaxBackward(outer, extent, inner);
  }
  KernelPtr layerNorm(const LayerNormSpec& s) override { return simd::layerNorm(s); }
  KernelPtr layerNormBackward(const LayerNormSpec& s) override { return simd::layerNormBackward(s); }
  KernelPtr maxPool(const PoolShape& p) override { return isVector(p) ? simd::maxPool(p) : ref::maxPool(p); }
  KernelPtr maxPoolBackward(const PoolShape& p) override {
    return isVector(p) ? simd::maxPoolBackward(p) : ref::maxPoolBackward(p);
  }
  KernelPtr averagePool(const PoolShape& p) override {
    return isVector(p) ? simd::averagePool(p) : ref::averagePool(p);
  }
  KernelPtr averagePoolBackward(const PoolShape& p) override {
    return isVector(p) ? simd::averagePoolBackward(p) : ref::averagePoolBackward(p);
  }
  void runProgram(const Program& p, const ProgramArgs& a) override {
    const ThreadScope scope(threads());
    simd::runProgram(p, a);
  }

 private:
  // Of Winograd's algorithm; 0: direct.
  int tileOf(const LinearKernelSpec& s, simd::Direction direction) const {
    if (algorithms_ && simd::winogradSuits(winograd_, s)) {
      const auto found = algorithms_->find(layerKey(s.shape, direction == simd::Direction::Backward));
      if (found != algorithms_->end()) return tileOf(found->second);
    }
    return simd::winogradTile(winograd_, s, direction);
  }
  static int tileOf(Algorithm algorithm) {
    switch (algorithm) {
      case Algorithm::Direct:
        return 0;
      case Algorithm::Winograd2:
        return 2;
      case Algorithm::Winograd4:
        return 4;
    }
    return 0;
  }

  template <class Packed>
  Packed* kept(Packed& packed) const {
    return packing_ == Packing::Once ? &packed : nullptr;
  }

  // oneDNN chooses a kernel's code by the number of threads, and weights are packed by all of them. It reports by
  // exceptions of its own; only relprop::Error leaves the library.
  template <class Make>
  auto made(const char* what, Make make) const -> decltype(make()) {
    const ThreadScope scope(threads());
    if (!hasRoomFor(kRoomForKernels)) onednn::failMemory(what);
    try {
      return make();
    } catch (const dnnl::error& e) {
      if (onednn::lacksMemory(e)) onednn::failMemory(what);
      throw Error(ErrorCode::Internal, what, e.what(), "a primitive oneDNN can make");
    }
  }

  Packing packing_;
  std::shared_ptr<const AlgorithmTable> algorithms_;
  onednn::Packed packed_;
  simd::WinogradPacked tiles_;
  const simd::WinogradOps* winograd_ = simd::bestWinogradOps();
};

}  // namespace

std::unique_ptr<Backend> makeOneDnnBackend(Element operand, Packing packing,
                                           std::shared_ptr<const AlgorithmTable> algorithms) {
  requireSupport(operand);
  return std::make_unique<OneDnnBackend>(operand, packing, std::move(algorithms));
}

std::string oneDnnVersion() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace relprop
