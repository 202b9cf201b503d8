#include "kernels/ref/linear.h"

#include <algorithm>

namespace relprop::ref {
namespace {

// Calls visit(input index, output index, weight index) for every product of the linear map.
template <class Visit>
void forEachProduct(const LinearShape& s, std::int64_t n, std::int64_t o, std::int64_t y, std::int64_t x, Visit visit) {
  const std::int64_t perGroup = s.ic / s.groups, group = o / (s.oc / s.groups);
  for (std::int64_t c = 0; c < perGroup; ++c)
    for (std::int64_t ky = 0; ky < s.kh; ++ky)
      for (std::int64_t kx = 0; kx < s.kw; ++kx) {
        const std::int64_t iy = y * s.sh - s.pt + ky * s.dh, ix = x * s.sw - s.pl + kx * s.dw;
        if (iy < 0 || ix < 0 || iy >= s.ih || ix >= s.iw) continue;
        const std::int64_t in = ((n * s.ic + group * perGroup + c) * s.ih + iy) * s.iw + ix;
        visit(in, ((o * perGroup + c) * s.kh + ky) * s.kw + kx);
      }
}

template <class Visit>
void forEachOutput(const LinearShape& s, Visit visit) {
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t o = 0; o < s.oc; ++o)
      for (std::int64_t y = 0; y < s.oh; ++y)
        for (std::int64_t x = 0; x < s.ow; ++x) visit(n, o, y, x, ((n * s.oc + o) * s.oh + y) * s.ow + x);
}

class Forward : public Kernel {
 public:
  explicit Forward(LinearKernelSpec spec) : spec_(std::move(spec)) {}
  void run(const float* const* in, float* const* out, void*) const override {
    forEachOutput(spec_.shape, [&](auto n, auto o, auto y, auto x, auto index) {
      double sum = spec_.accumulate ? out[0][index] : 0.0;
      if (!spec_.bias.empty()) sum += spec_.bias[static_cast<std::size_t>(o)];
      forEachProduct(spec_.shape, n, o, y, x, [&](auto i, auto w) {
        sum += static_cast<double>(in[0][i]) * static_cast<double>(spec_.weights[static_cast<std::size_t>(w)]);
      });
      out[0][index] = static_cast<float>(spec_.relu ? std::max(sum, 0.0) : sum);
    });
  }
  std::int64_t weightBytes() const override { return static_cast<std::int64_t>(spec_.weights.size() * sizeof(float)); }

 private:
  LinearKernelSpec spec_;
};

class Backward : public Kernel {
 public:
  explicit Backward(LinearKernelSpec spec) : spec_(std::move(spec)) {}
  void run(const float* const* in, float* const* out, void*) const override {
    const LinearShape& s = spec_.shape;
    std::vector<double> sum(static_cast<std::size_t>(s.n * s.ic * s.ih * s.iw));
    forEachOutput(s, [&](auto n, auto o, auto y, auto x, auto index) {
      const double r = in[0][index];
      forEachProduct(s, n, o, y, x, [&](auto i, auto w) {
        sum[static_cast<std::size_t>(i)] += r * static_cast<double>(spec_.weights[static_cast<std::size_t>(w)]);
      });
    });
    std::transform(sum.begin(), sum.end(), out[0], [](double v) { return static_cast<float>(v); });
  }
  std::int64_t weightBytes() const override { return static_cast<std::int64_t>(spec_.weights.size() * sizeof(float)); }

 private:
  LinearKernelSpec spec_;
};

class WeightGradient : public Kernel {
 public:
  explicit WeightGradient(const LinearShape& shape) : shape_(shape) {}
  void run(const float* const* in, float* const* out, void*) const override {
    std::vector<double> sum(static_cast<std::size_t>(shape_.weightCount()));
    forEachOutput(shape_, [&](auto n, auto o, auto y, auto x, auto index) {
      const double g = in[1][index];
      forEachProduct(shape_, n, o, y, x,
                     [&](auto i, auto w) { sum[static_cast<std::size_t>(w)] += g * static_cast<double>(in[0][i]); });
    });
    std::transform(sum.begin(), sum.end(), out[0], [](double v) { return static_cast<float>(v); });
  }

 private:
  LinearShape shape_;
};

}  // namespace

KernelPtr linearForward(const LinearKernelSpec& spec) {
  return std::make_unique<Forward>(spec);
}
KernelPtr linearBackward(const LinearKernelSpec& spec) {
  return std::make_unique<Backward>(spec);
}
KernelPtr linearWeightGradient(const LinearKernelSpec& spec) {
  return std::make_unique<WeightGradient>(spec.shape);
}

}  // namespace relprop::ref
