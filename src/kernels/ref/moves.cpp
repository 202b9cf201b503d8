#include "kernels/ref/moves.h"

#include <algorithm>
#include <cmath>

#include "kernels/lambda_kernel.h"

namespace relprop::ref {
namespace {

// visit(first element, distance between elements) for every line along the softmax axis.
template <class Visit>
void forEachLine(std::int64_t outer, std::int64_t extent, std::int64_t inner, Visit visit) {
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) visit(o * extent * inner + i);
}

void copyAxis(const CopySpec& s, std::size_t axis, const float* src, float* dst) {
  const bool last = axis + 1 == s.extents.size();
  for (std::int64_t i = 0; i < s.extents[axis]; ++i) {
    const float* from = src + i * s.srcStrides[axis];
    float* to = dst + i * s.dstStrides[axis];
    if (!last)
      copyAxis(s, axis + 1, from, to);
    else
      *to = s.accumulate ? *to + *from : *from;
  }
}

// visit(output index, input index, weight) for every tap of one plane.
template <class Visit>
void forEachTap(const ResizeAxis& h, const ResizeAxis& w, Visit visit) {
  const std::size_t rows = h.taps(), columns = w.taps();
  for (std::int64_t y = 0; y < h.out; ++y)
    for (std::int64_t x = 0; x < w.out; ++x)
      for (std::size_t a = 0; a < rows; ++a)
        for (std::size_t b = 0; b < columns; ++b) {
          const std::size_t iy = static_cast<std::size_t>(y) * rows + a, ix = static_cast<std::size_t>(x) * columns + b;
          visit(y * w.out + x, h.index[iy] * w.in + w.index[ix], h.weight[iy] * w.weight[ix]);
        }
}

}  // namespace

KernelPtr softmax(std::int64_t outer, std::int64_t extent, std::int64_t inner) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
    forEachLine(outer, extent, inner, [&](std::int64_t first) {
      float top = in[0][first];
      for (std::int64_t k = 1; k < extent; ++k) top = std::max(top, in[0][first + k * inner]);
      double sum = 0;
      for (std::int64_t k = 0; k < extent; ++k) sum += std::exp(static_cast<double>(in[0][first + k * inner] - top));
      for (std::int64_t k = 0; k < extent; ++k) {
        const std::int64_t i = first + k * inner;
        out[0][i] = static_cast<float>(std::exp(static_cast<double>(in[0][i] - top)) / sum);
      }
    });
  });
}

// y_k (g_k − Σ g y)
KernelPtr softmaxBackward(std::int64_t outer, std::int64_t extent, std::int64_t inner) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
    forEachLine(outer, extent, inner, [&](std::int64_t first) {
      double dot = 0;
      for (std::int64_t k = 0; k < extent; ++k) {
        const std::int64_t i = first + k * inner;
        dot += static_cast<double>(in[0][i]) * in[1][i];
      }
      for (std::int64_t k = 0; k < extent; ++k) {
        const std::int64_t i = first + k * inner;
        out[0][i] = static_cast<float>(in[0][i] * (in[1][i] - dot));
      }
    });
  });
}

KernelPtr copy(const CopySpec& s) {
  return makeKernel([s](FloatsIn in, FloatsOut out) { copyAxis(s, 0, in[0] + s.srcOffset, out[0] + s.dstOffset); });
}

KernelPtr fill(std::int64_t floats, float value) {
  return makeKernel([=](FloatsIn, FloatsOut out) { std::fill_n(out[0], floats, value); });
}

KernelPtr resize(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], planes * h.out * w.out, 0.0f);
    for (std::int64_t p = 0; p < planes; ++p)
      forEachTap(h, w,
                 [&](auto o, auto i, float k) { out[0][p * h.out * w.out + o] += k * in[0][p * h.in * w.in + i]; });
  });
}

KernelPtr resizeBackward(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], planes * h.in * w.in, 0.0f);
    for (std::int64_t p = 0; p < planes; ++p)
      forEachTap(h, w,
                 [&](auto o, auto i, float k) { out[0][p * h.in * w.in + i] += k * in[0][p * h.out * w.out + o]; });
  });
}

KernelPtr reorder(const TensorDesc& from, const TensorDesc& to) {
  return makeKernel([=](FloatsIn in, FloatsOut out) {
    std::fill_n(out[0], to.floats(), 0.0f);
    for (std::int64_t n = 0; n < from.rows(); ++n)
      for (std::int64_t c = 0; c < from.channels(); ++c)
        for (std::int64_t i = 0; i < from.spatial(); ++i)
          out[0][physicalIndex(to, n, c, i)] = in[0][physicalIndex(from, n, c, i)];
  });
}

}  // namespace relprop::ref
