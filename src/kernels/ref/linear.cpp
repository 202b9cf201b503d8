#include "kernels/ref/linear.h"

#include <algorithm>

#include "kernels/buffers.h"

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

float rounded(float value, Element element) {
  return element == Element::Float32 ? value : fromBfloat16(toBfloat16(value));
}

std::vector<float> rounded(std::vector<float> values, Element element) {
  for (float& v : values) v = rounded(v, element);
  return values;
}

LinearKernelSpec rounded(LinearKernelSpec spec) {
  std::vector<float> weights = *spec.weights;
  for (float& w : weights) w = rounded(spec.part.of(w), spec.operands);
  spec.weights = std::move(weights);
  return spec;
}

class Forward : public Kernel {
 public:
  explicit Forward(const LinearKernelSpec& spec) : spec_(rounded(spec)) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    forEachOutput(spec_.shape, [&](auto n, auto o, auto y, auto x, auto index) {
      double sum = spec_.accumulate ? readElement(out[0], index, spec_.out) : 0.0;
      if (!spec_.bias.empty()) sum += spec_.bias[static_cast<std::size_t>(o)];
      forEachProduct(spec_.shape, n, o, y, x, [&](auto i, auto w) {
        const float operand = rounded(readElement(in[0], i, spec_.in), spec_.operands);
        sum += static_cast<double>(operand) * static_cast<double>(spec_.weights[static_cast<std::size_t>(w)]);
      });
      if (spec_.relu) sum = std::min(std::max(sum, 0.0), static_cast<double>(spec_.most));
      writeElement(out[0], index, spec_.out, static_cast<float>(sum));
    });
  }
  std::int64_t weightBytes() const override { return static_cast<std::int64_t>(spec_.weights.size() * sizeof(float)); }

 private:
  LinearKernelSpec spec_;
};

class Backward : public Kernel {
 public:
  explicit Backward(const LinearKernelSpec& spec) : spec_(rounded(spec)) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    const LinearShape& s = spec_.shape;
    std::vector<double> sum(static_cast<std::size_t>(s.n * s.ic * s.ih * s.iw));
    if (spec_.accumulate) std::copy_n(FloatsOut{out}[0], sum.size(), sum.begin());
    forEachOutput(s, [&](auto n, auto o, auto y, auto x, auto index) {
      const double r = rounded(readElement(in[0], index, spec_.in), spec_.operands);
      forEachProduct(s, n, o, y, x, [&](auto i, auto w) {
        sum[static_cast<std::size_t>(i)] += r * static_cast<double>(spec_.weights[static_cast<std::size_t>(w)]);
      });
    });
    std::transform(sum.begin(), sum.end(), FloatsOut{out}[0], [](double v) { return static_cast<float>(v); });
  }
  std::int64_t weightBytes() const override { return static_cast<std::int64_t>(spec_.weights.size() * sizeof(float)); }

 private:
  LinearKernelSpec spec_;
};

class WeightGradient : public Kernel {
 public:
  explicit WeightGradient(const LinearShape& shape) : shape_(shape) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    std::vector<double> sum(static_cast<std::size_t>(shape_.weightCount()));
    const float *values = FloatsIn{in}[0], *gradient = FloatsIn{in}[1];
    forEachOutput(shape_, [&](auto n, auto o, auto y, auto x, auto index) {
      const double g = gradient[index];
      forEachProduct(shape_, n, o, y, x,
                     [&](auto i, auto w) { sum[static_cast<std::size_t>(w)] += g * static_cast<double>(values[i]); });
    });
    std::transform(sum.begin(), sum.end(), FloatsOut{out}[0], [](double v) { return static_cast<float>(v); });
  }

 private:
  LinearShape shape_;
};

// Weights at position o·I + i in the parts that each operand takes.
class Dense : public DenseKernel {
 public:
  Dense(const DenseSpec& spec, Element weights, bool forward)
      : spec_(spec), weights_(rounded(*spec.weights, weights)), forward_(forward) {}
  void run(const std::byte* const* in, std::byte* const* out, void*) const override {
    const FloatsIn reads{in};
    const FloatsOut writes{out};
    for (int result = 0; result < spec_.results(); ++result)
      for (std::int64_t row = 0; row < spec_.rows; ++row)
        forward_ ? forward(reads, writes[result], result, row) : backward(reads, writes[result], result, row);
  }
  const DenseSpec& spec() const override { return spec_; }
  void add(const std::vector<DenseTerm>& terms) override {
    spec_.terms.insert(spec_.terms.end(), terms.begin(), terms.end());
  }

 private:
  double part(const DenseTerm& t, std::int64_t o, std::int64_t i) const {
    const double w = weights_[static_cast<std::size_t>(o * spec_.ic + i)];
    return w * (w > 0 ? t.part.up : t.part.down);
  }
  void forward(FloatsIn in, float* out, int result, std::int64_t row) const {
    const bool bias = result == 0 && !spec_.bias.empty();
    for (std::int64_t o = 0; o < spec_.oc; ++o) {
      double sum = bias ? spec_.bias[static_cast<std::size_t>(o)] : 0.0;
      for (const DenseTerm& t : spec_.terms)
        for (std::int64_t i = 0; t.out == result && i < spec_.ic; ++i)
          sum += part(t, o, i) * in[t.in][row * spec_.ic + i];
      out[row * spec_.oc + o] = static_cast<float>(sum);
    }
  }
  void backward(FloatsIn in, float* out, int result, std::int64_t row) const {
    for (std::int64_t i = 0; i < spec_.ic; ++i) {
      double sum = 0;
      for (const DenseTerm& t : spec_.terms)
        for (std::int64_t o = 0; t.out == result && o < spec_.oc; ++o)
          sum += part(t, o, i) * in[t.in][row * spec_.oc + o];
      out[row * spec_.ic + i] = static_cast<float>(sum);
    }
  }

  DenseSpec spec_;
  std::vector<float> weights_;
  bool forward_;
};

}  // namespace

DenseKernelPtr denseForward(const DenseSpec& spec, Element weights) {
  return std::make_unique<Dense>(spec, weights, true);
}
KernelPtr denseBackward(const DenseSpec& spec, Element weights) {
  return std::make_unique<Dense>(spec, weights, false);
}
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
