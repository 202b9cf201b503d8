#include "kernels/ref/attention.h"

#include <cmath>

#include "kernels/lambda_kernel.h"

namespace relprop::ref {
namespace {

struct Moments {
  double mean = 0, deviation = 0;
};

Moments momentsOf(const LayerNormSpec& s, const float* x) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < s.extent; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(s.extent);
  for (std::int64_t i = 0; i < s.extent; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, std::sqrt(squares / static_cast<double>(s.extent) + s.epsilon)};
}

// Element (i, j) of a matrix that lies as [rows, columns], or transposed as [columns, rows].
float element(const float* matrix, std::int64_t rows, std::int64_t columns, bool transposed, std::int64_t i,
              std::int64_t j) {
  return transposed ? matrix[j * rows + i] : matrix[i * columns + j];
}

}  // namespace

KernelPtr layerNorm(const LayerNormSpec& spec) {
  return makeKernel([s = spec](FloatsIn in, FloatsOut out) {
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const float* x = in[0] + row * s.extent;
      const Moments m = momentsOf(s, x);
      for (std::int64_t i = 0; i < s.extent; ++i) {
        const auto at = static_cast<std::size_t>(i);
        out[0][row * s.extent + i] = static_cast<float>((x[i] - m.mean) / m.deviation * s.scale[at] + s.bias[at]);
      }
    }
  });
}

// With x̂ the normalised input and h = scale·g: (h − mean(h) − x̂·mean(h·x̂))/deviation; the last term is the deviation's.
KernelPtr layerNormBackward(const LayerNormSpec& spec) {
  return makeKernel([s = spec](FloatsIn in, FloatsOut out) {
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const float *x = in[0] + row * s.extent, *g = in[1] + row * s.extent;
      const Moments m = momentsOf(s, x);
      const auto normalised = [&](std::int64_t i) { return (x[i] - m.mean) / m.deviation; };
      const auto scaled = [&](std::int64_t i) {
        return static_cast<double>(s.scale[static_cast<std::size_t>(i)]) * g[i];
      };
      double plain = 0, along = 0;
      for (std::int64_t i = 0; i < s.extent; ++i) plain += scaled(i), along += scaled(i) * normalised(i);
      if (s.constantDeviation) along = 0;
      const double count = static_cast<double>(s.extent);
      for (std::int64_t i = 0; i < s.extent; ++i)
        out[0][row * s.extent + i] =
            static_cast<float>((scaled(i) - plain / count - normalised(i) * along / count) / m.deviation);
    }
  });
}

KernelPtr matmul(const MatmulSpec& spec) {
  return makeKernel([s = spec](FloatsIn in, FloatsOut out) {
    for (std::int64_t b = 0; b < s.batch; ++b) {
      const float *left = in[0] + b * s.m * s.k, *right = in[1] + b * s.k * s.n;
      for (std::int64_t i = 0; i < s.m; ++i)
        for (std::int64_t j = 0; j < s.n; ++j) {
          double sum = 0;
          for (std::int64_t k = 0; k < s.k; ++k)
            sum += static_cast<double>(element(left, s.m, s.k, s.transposeA, i, k)) *
                   element(right, s.k, s.n, s.transposeB, k, j);
          out[0][(b * s.m + i) * s.n + j] = static_cast<float>(sum);
        }
    }
  });
}

}  // namespace relprop::ref
