#include "kernels/onednn/phases.h"

#include <algorithm>

#include "kernels/buffers.h"
#include "kernels/onednn/linear.h"

namespace relprop::onednn {
namespace {

// One axis: positions in → phases × positions.
struct Axis {
  std::int64_t in, out, kernel, stride, pad;

  std::int64_t taps() const { return (kernel + stride - 1) / stride; }
  std::int64_t first() const { return pad / stride; }  // quotient of position 0
  std::int64_t count() const { return (in - 1 + pad) / stride - first() + 1; }
  std::int64_t padBegin() const { return taps() - 1 - first(); }
  std::int64_t padEnd() const { return count() - out - padBegin() + taps() - 1; }
  // Which weight the convolution's tap t reads for a phase; beyond the kernel there is none.
  std::int64_t weight(std::int64_t phase, std::int64_t t) const { return phase + (taps() - 1 - t) * stride; }
  std::int64_t phaseOf(std::int64_t position) const { return (position + pad) % stride; }
  std::int64_t placeOf(std::int64_t position) const { return (position + pad) / stride - first(); }
};

Axis vertical(const LinearShape& s) {
  return {s.ih, s.oh, s.kh, s.sh, s.pt};
}
Axis horizontal(const LinearShape& s) {
  return {s.iw, s.ow, s.kw, s.sw, s.pl};
}

std::int64_t channelOf(const LinearShape& s, std::int64_t c, std::int64_t ph, std::int64_t pw) {
  return (c * s.sh + ph) * s.sw + pw;
}

LinearShape forwardShape(const LinearShape& s) {
  const Axis v = vertical(s), h = horizontal(s);
  LinearShape f;
  f.n = s.n, f.ic = s.oc, f.ih = s.oh, f.iw = s.ow;
  f.oc = s.ic * s.sh * s.sw, f.oh = v.count(), f.ow = h.count();
  f.kh = v.taps(), f.kw = h.taps();
  f.pt = v.padBegin(), f.pb = v.padEnd(), f.pl = h.padBegin(), f.pr = h.padEnd();
  return f;
}

// visit(phase channel, tap, tap, weight along the kernel, along its rows) for every weight there is.
template <class Visit>
void forEachWeight(const LinearShape& s, const LinearShape& f, Visit visit) {
  const Axis v = vertical(s), h = horizontal(s);
  for (std::int64_t ph = 0; ph < s.sh; ++ph)
    for (std::int64_t pw = 0; pw < s.sw; ++pw)
      for (std::int64_t y = 0; y < f.kh; ++y)
        for (std::int64_t x = 0; x < f.kw; ++x)
          if (v.weight(ph, y) < s.kh && h.weight(pw, x) < s.kw) visit(ph, pw, y, x, v.weight(ph, y), h.weight(pw, x));
}

std::vector<float> forwardWeights(const LinearKernelSpec& spec, const LinearShape& f) {
  const LinearShape& s = spec.shape;
  std::vector<float> out(static_cast<std::size_t>(f.weightCount()));
  forEachWeight(s, f, [&](auto ph, auto pw, auto y, auto x, auto ky, auto kx) {
    for (std::int64_t c = 0; c < s.ic; ++c)
      for (std::int64_t o = 0; o < s.oc; ++o) {
        const std::int64_t to = ((channelOf(s, c, ph, pw) * f.ic + o) * f.kh + y) * f.kw + x;
        out[static_cast<std::size_t>(to)] =
            spec.part.of(spec.weights[static_cast<std::size_t>(((o * s.ic + c) * s.kh + ky) * s.kw + kx)]);
      }
  });
  return out;
}

class Phases : public Kernel {
 public:
  Phases(const LinearKernelSpec& spec, int block) : shape_(spec.shape), phases_(forwardShape(spec.shape)) {
    const int inside = spec.operands == Element::Float32 ? block : static_cast<int>(phases_.oc);
    desc_ = {phases_.outputShape(), inside};
    Packed own;
    convolution_ = linearForward({.shape = phases_,
                                  .srcBlock = spec.dstBlock,
                                  .dstBlock = inside,
                                  .weights = forwardWeights(spec, phases_),
                                  .bias = {},
                                  .operands = spec.operands,
                                  .in = spec.in},
                                 &own);
  }

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    auto* phases = static_cast<std::byte*>(scratch);
    convolution_->run(in, &phases, phases + ownBytes());
    const auto* values = static_cast<const float*>(scratch);
    float* pixels = FloatsOut{out}[0];
    const std::int64_t rows = shape_.n * shape_.ic * shape_.ih;
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < rows; ++row) gather(values, pixels + row * shape_.iw, row);
  }

  std::int64_t scratchBytes() const override {
    return ownBytes() + convolution_->scratchBytes();
  }
  std::int64_t weightBytes() const override {
    return convolution_->weightBytes();
  }
  const char* algorithm() const override {
    return convolution_->algorithm();
  }

 private:
  std::int64_t ownBytes() const {
    return (desc_.bytes() + 63) / 64 * 64;
  }

  // One line of pixels: its positions take turns between the phases.
  void gather(const float* phases, float* to, std::int64_t row) const {
    const Axis v = vertical(shape_), h = horizontal(shape_);
    const std::int64_t y = row % shape_.ih, c = row / shape_.ih % shape_.ic, n = row / shape_.ih / shape_.ic;
    for (std::int64_t pw = 0; pw < shape_.sw; ++pw) {
      const std::int64_t channel = channelOf(shape_, c, v.phaseOf(y), pw);
      const float* from = phases + physicalIndex(desc_, n, channel, v.placeOf(y) * phases_.ow);
      for (std::int64_t x = (pw - shape_.pl % shape_.sw + shape_.sw) % shape_.sw; x < shape_.iw; x += shape_.sw)
        to[x] = from[h.placeOf(x) * desc_.block];
    }
  }

  LinearShape shape_, phases_;
  TensorDesc desc_;
  KernelPtr convolution_;
};

}  // namespace

bool suitsPhases(const LinearKernelSpec& spec) {
  const LinearShape& s = spec.shape;
  const bool few = s.ic < 8 && s.oc >= 16 && spec.srcBlock == 1 && spec.dstBlock > 1;
  if (s.dense || s.groups != 1 || s.dh != 1 || s.dw != 1 || !few || s.ic * s.sh * s.sw > 128) return false;
  const LinearShape f = forwardShape(s);
  return std::min({f.pt, f.pb, f.pl, f.pr}) >= 0;
}

KernelPtr linearBackwardByPhases(const LinearKernelSpec& spec, int block) {
  return std::make_unique<Phases>(spec, block);
}

}  // namespace relprop::onednn
