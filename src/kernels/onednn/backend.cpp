
#include "kernels/ref/backend.h"

#include <fmt/format.h>
#include <omp.h>

#include "kernels/onednn/compat.h"
#include "kernels/onednn/linear.h"
#include "kernels/onednn/matmul.h"
#include "kernels/simd/simd.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// oneDNN reports by exceptions of its own; only relprop::Error leaves the library.
template <class Make>
KernelPtr guarded(const char* what, Make make) {
  try {
    return make();
  } catch (const dnnl::error& e) {
    throw Error(ErrorCode::Internal, what, e.what(), "a primitive oneDNN can make");
  }
}

class OneDnnBackend : public ReferenceBackend {
 public:
  const char* name() const override { return "oneDNN"; }
  int block() const override { return simd::bestOps().block; }
  void setThreads(int threads) override { omp_set_num_threads(threads > 0 ? threads : omp_get_num_procs()); }

  KernelPtr linearForward(const LinearKernelSpec& s) override {
    return guarded("forward", [&] { return onednn::linearForward(s); });
  }
  KernelPtr linearBackward(const LinearKernelSpec& s) override {
    return guarded("backward", [&] { return onednn::linearBackward(s); });
  }
  KernelPtr linearWeightGradient(const LinearKernelSpec& s) override {
    return guarded("weight gradient", [&] { return onednn::linearWeightGradient(s); });
  }
  KernelPtr reorder(const TensorDesc& a, const TensorDesc& b) override {
    return guarded("reorder", [&] { return onednn::reorder(a, b); });
  }
  KernelPtr lrn(const LrnSpec& s) override {
    if (s.size % 2 == 0) return ref::lrn(s);  // oneDNN centres even windows differently
    return guarded("lrn", [&] { return onednn::lrn(s); });
  }
  KernelPtr matmul(const MatmulSpec& s) override {
    return guarded("matmul", [&] { return onednn::matmul(s); });
  }
  KernelPtr layerNorm(const LayerNormSpec& s) override { return simd::layerNorm(s); }
  KernelPtr layerNormBackward(const LayerNormSpec& s) override { return simd::layerNormBackward(s); }
  KernelPtr maxPool(const PoolShape& p) override { return p.block == block() ? simd::maxPool(p) : ref::maxPool(p); }
  KernelPtr maxPoolBackward(const PoolShape& p) override {
    return p.block == block() ? simd::maxPoolBackward(p) : ref::maxPoolBackward(p);
  }
  KernelPtr averagePool(const PoolShape& p) override {
    return p.block == block() ? simd::averagePool(p) : ref::averagePool(p);
  }
  KernelPtr averagePoolBackward(const PoolShape& p) override {
    return p.block == block() ? simd::averagePoolBackward(p) : ref::averagePoolBackward(p);
  }
  void runProgram(const Program& p, const ProgramArgs& a) override { simd::runProgram(p, a); }
};

}  // namespace

std::unique_ptr<Backend> makeOneDnnBackend() {
  return std::make_unique<OneDnnBackend>();
}

std::string oneDnnVersion() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace relprop
