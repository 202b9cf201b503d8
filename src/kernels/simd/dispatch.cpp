#include <omp.h>

#include <cstdlib>
#include <string>

#include "kernels/lambda_kernel.h"
#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

std::int64_t planes(const PoolShape& p) {
  const std::int64_t vectors = (p.block + bestOps().block - 1) / bestOps().block;
  return p.n * ((p.c + p.block - 1) / p.block) * vectors;
}

// A plane is one vector of channels of one image. Planes are independent: one a task.
template <class Op>
KernelPtr perPlane(const PoolShape& p, Op op) {
  return makeKernel([p, op](FloatsIn in, FloatsOut out) {
    const std::int64_t count = planes(p);
#pragma omp parallel for schedule(static)
    for (std::int64_t plane = 0; plane < count; ++plane) op(p, in, out, plane);
  });
}

}  // namespace

namespace {

// $RELPROP_ISA = avx2 or baseline takes a smaller instruction set than the processor has, to test what other machines
// run.
bool allowed(const std::string& isa) {
  static const char* const limit = std::getenv("RELPROP_ISA");
  if (!limit || !*limit) return true;
  return isa == "avx2" && isa == limit;
}

const Ops& chooseOps() {
#if defined(__x86_64__)
  if (allowed("avx512") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) return opsAvx512();
  if (allowed("avx2") && __builtin_cpu_supports("avx2")) return opsAvx2();
#endif
  return opsBaseline();
}

}  // namespace

const Ops& bestOps() {
  static const Ops& best = chooseOps();
  return best;
}

KernelPtr maxPool(const PoolShape& shape) {
  return perPlane(shape, [](const PoolShape& p, FloatsIn in, FloatsOut out, std::int64_t plane) {
    bestOps().maxPool(p, in[0], out[0], plane);
  });
}

KernelPtr maxPoolBackward(const PoolShape& shape) {
  return perPlane(shape, [](const PoolShape& p, FloatsIn in, FloatsOut out, std::int64_t plane) {
    bestOps().maxPoolBackward(p, in[0], in[1], out[0], plane);
  });
}

KernelPtr averagePool(const PoolShape& shape) {
  return perPlane(shape, [](const PoolShape& p, FloatsIn in, FloatsOut out, std::int64_t plane) {
    bestOps().averagePool(p, in[0], out[0], plane);
  });
}

KernelPtr averagePoolBackward(const PoolShape& shape) {
  return perPlane(shape, [](const PoolShape& p, FloatsIn in, FloatsOut out, std::int64_t plane) {
    bestOps().averagePoolBackward(p, in[0], out[0], plane);
  });
}

KernelPtr softmax(std::int64_t rows, std::int64_t extent) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < rows; ++row)
      bestOps().softmax(extent, in[0] + row * extent, out[0] + row * extent);
  });
}

KernelPtr softmaxBackward(std::int64_t rows, std::int64_t extent) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < rows; ++row)
      bestOps().softmaxBackward(extent, in[0] + row * extent, in[1] + row * extent, out[0] + row * extent);
  });
}

KernelPtr layerNorm(const LayerNormSpec& spec) {
  return makeKernel([s = spec](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < s.rows; ++row)
      bestOps().layerNorm(s, s.scale.data(), s.bias.data(), in[0] + row * s.extent, out[0] + row * s.extent);
  });
}

KernelPtr layerNormBackward(const LayerNormSpec& spec) {
  return makeKernel([s = spec](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const std::int64_t at = row * s.extent;
      bestOps().layerNormBackward(s, s.scale.data(), in[0] + at, in[1] + at, out[0] + at);
    }
  });
}

namespace {

// The lanes beyond the last channel, which no pixel's work writes.
void clearPadding(const TensorDesc& d, float* values) {
  const std::int64_t last = d.channels() / d.block * d.block;
  for (std::int64_t row = 0; row < d.rows(); ++row)
    for (std::int64_t pixel = 0; pixel < d.spatial(); ++pixel)
      for (std::int64_t c = d.channels(); c < last + d.block; ++c) values[physicalIndex(d, row, c, pixel)] = 0;
}

}  // namespace

KernelPtr lrnBackward(const LrnSpec& spec) {
  const TensorDesc d = spec.desc;
  const LrnTask task{d.channels(), d.spatial(), d.block, spec.size, spec.alpha, spec.beta, spec.bias};
  return makeKernel([d, task](FloatsIn in, FloatsOut out) {
    const std::int64_t stretches = (task.spatial + kLrnPixels - 1) / kLrnPixels;
    const std::int64_t size = 3 * task.channels * kLrnPixels;  // of what a thread works with
    std::vector<float> all(static_cast<std::size_t>(size * omp_get_max_threads()));
#pragma omp parallel
    {
      float* const work = all.data() + size * omp_get_thread_num();
#pragma omp for schedule(static)
      for (std::int64_t k = 0; k < d.rows() * stretches; ++k) {
        const std::int64_t at = k / stretches * d.rowFloats();
        bestOps().lrnBackward(task, in[0] + at, in[1] + at, out[0] + at, k % stretches * kLrnPixels, work);
      }
    }
    if (d.padded()) clearPadding(d, out[0]);
  });
}

}  // namespace relprop::simd
