// The fast linear kernels against plain loops.
#include <limits>

#include "kernels/backend.h"
#include "kernels/threads.h"
#include "unit/kernels/linear_cases.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

struct Options {
  bool bias = false, relu = false, accumulate = false;
  float most = std::numeric_limits<float>::infinity();
};

int blockOf(const Backend& backend, const LinearShape& s, std::int64_t channels) {
  return !s.dense && channels >= 8 ? backend.block() : 1;
}

struct Layouts {
  TensorDesc in, out;
};

Layouts layoutsOf(const Backend& backend, const LinearShape& s) {
  return {{s.inputShape(), blockOf(backend, s, s.ic)}, {s.outputShape(), blockOf(backend, s, s.oc)}};
}

LinearKernelSpec specOf(const LinearShape& s, const Layouts& l, const Options& o) {
  return {
      s,      l.in.block,   l.out.block, randomFloats(s.weightCount(), 1), o.bias ? randomFloats(s.oc, 2) : Floats{},
      o.relu, o.accumulate, o.most};
}

// Output of one backend in row-major order; `before` is what the destination held.
Floats forward(Backend& backend, const LinearShape& s, const Options& o, const Floats& x, const Floats& before) {
  const Layouts l = layoutsOf(backend, s);
  const KernelPtr kernel = backend.linearForward(specOf(s, l, o));
  const Buffer in = laidOut(x, l.in);
  Buffer out = o.accumulate ? laidOut(before, l.out) : Buffer(l.out.floats(), 77.0f);
  run(*kernel, {in.data()}, {out.data()});
  expectCleanPadding(out, l.out);
  return rowMajor(out, l.out);
}

Floats backward(Backend& backend, const LinearShape& s, const Floats& r, const Options& o = {},
                const Floats& before = {}) {
  const Layouts l = layoutsOf(backend, s);
  const KernelPtr kernel = backend.linearBackward(specOf(s, l, o));
  const Buffer in = laidOut(r, l.out);
  Buffer out = o.accumulate ? laidOut(before, l.in) : Buffer(l.in.floats(), 77.0f);
  run(*kernel, {in.data()}, {out.data()});
  expectCleanPadding(out, l.in);
  return rowMajor(out, l.in);
}

Floats weightGradient(Backend& backend, const LinearShape& s, const Floats& x, const Floats& g) {
  const Layouts l = layoutsOf(backend, s);
  const KernelPtr kernel = backend.linearWeightGradient({s, l.in.block, l.out.block, {}, {}});
  const Buffer in = laidOut(x, l.in), out = laidOut(g, l.out);
  Buffer sums(s.weightCount(), 77.0f);
  run(*kernel, {in.data(), out.data()}, {sums.data()});
  return sums.values();
}

class LinearKernels : public testing::TestWithParam<LinearCase> {
 protected:
  const LinearShape& shape() const { return GetParam().shape; }
  Floats input() const { return randomFloats(elementCount(shape().inputShape()), 3); }
  Floats output() const { return randomFloats(elementCount(shape().outputShape()), 4); }
  void compareForward(const Options& o) {
    const Floats expected = forward(*slow_, shape(), o, input(), output());
    expectClose(forward(*fast_, shape(), o, input(), output()), expected, 5e-6);
  }

  std::unique_ptr<Backend> fast_ = makeOneDnnBackend(), slow_ = makeReferenceBackend();
};

TEST_P(LinearKernels, Forward) {
  compareForward({});
}
TEST_P(LinearKernels, ForwardWithBias) {
  compareForward({.bias = true});
}
TEST_P(LinearKernels, ForwardWithBiasAndRelu) {
  compareForward({.bias = true, .relu = true});
}
TEST_P(LinearKernels, ForwardWithBiasCutOnBothSides) {
  compareForward({.bias = true, .relu = true, .most = 2});
}
TEST_P(LinearKernels, ForwardAddsToWhatIsThere) {
  compareForward({.accumulate = true});
}
TEST_P(LinearKernels, ForwardAddsBeforeTheRelu) {
  compareForward({.bias = true, .relu = true, .accumulate = true});
}
TEST_P(LinearKernels, Backward) {
  expectClose(backward(*fast_, shape(), output()), backward(*slow_, shape(), output()), 5e-6);
}

TEST_P(LinearKernels, BackwardAddsToWhatIsThere) {
  const Options o{.bias = true, .relu = true, .accumulate = true};  // of which it knows the last alone
  expectClose(backward(*fast_, shape(), output(), o, input()), backward(*slow_, shape(), output(), o, input()), 5e-6);
}

// <a, b> = <c, d>
void expectSameProduct(const Floats& a, const Floats& b, const Floats& c, const Floats& d) {
  double left = 0, right = 0, scale = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    left += static_cast<double>(a[i]) * b[i];
    scale += std::abs(static_cast<double>(a[i]) * b[i]);
  }
  for (std::size_t i = 0; i < c.size(); ++i) right += static_cast<double>(c[i]) * d[i];
  EXPECT_NEAR(left, right, 1e-6 * scale);
}

// <Wx, r> = <x, Wᵀr>
TEST_P(LinearKernels, BackwardIsTheTransposeOfForward) {
  const Floats x = input(), r = output();
  const Floats wx = forward(*fast_, shape(), {}, x, {}), wr = backward(*fast_, shape(), r);
  expectSameProduct(wx, r, x, wr);
}

TEST_P(LinearKernels, WeightGradient) {
  expectClose(weightGradient(*fast_, shape(), input(), output()), weightGradient(*slow_, shape(), input(), output()),
              5e-6);
}

// <Wx, g> is linear in W, and its derivative is the weight gradient: <Wx, g> = <W, dW>
TEST_P(LinearKernels, WeightGradientIsTheDerivativeByTheWeights) {
  const Floats x = input(), g = output(), dw = weightGradient(*fast_, shape(), x, g);
  const Floats w = *specOf(shape(), layoutsOf(*fast_, shape()), {}).weights, wx = forward(*fast_, shape(), {}, x, {});
  expectSameProduct(wx, g, w, dw);
}

INSTANTIATE_TEST_SUITE_P(All, LinearKernels, testing::ValuesIn(linearCases()),
                         [](const auto& info) { return info.param.name; });

// Parts of the weights are taken while packing, once or for every run: the same bits, and nothing is kept.
class PackedParts : public testing::TestWithParam<LinearCase> {
 protected:
  static LinearKernelSpec withPart(const Backend& b, const LinearShape& s, WeightSlopes part) {
    LinearKernelSpec spec = specOf(s, layoutsOf(b, s), {});
    spec.part = part;
    return spec;
  }
  static LinearKernelSpec withValues(LinearKernelSpec spec) {
    Floats values = *spec.weights;
    for (float& w : values) w = spec.part.of(w);
    spec.weights = values, spec.part = {};
    return spec;
  }
  static Floats ran(const Kernel& kernel, const TensorDesc& from, const TensorDesc& to) {
    const Buffer in = laidOut(randomFloats(elementCount(from.shape), 6), from);
    Buffer out(to.floats(), 77.0f);
    run(kernel, {in.data()}, {out.data()});
    return out.values();
  }
  std::unique_ptr<Backend> once_ = makeOneDnnBackend(),
                           everyRun_ = makeOneDnnBackend(Element::Float32, Packing::EveryRun);
};

TEST_P(PackedParts, AreTheSameHoweverTheyArePacked) {
  const LinearShape& s = GetParam().shape;
  const Layouts l = layoutsOf(*once_, s);
  for (const WeightSlopes part : {WeightSlopes{1, 1}, {1, 0}, {0, 1}, {1, -1}, {1.25f, 1}}) {
    const LinearKernelSpec spec = withPart(*once_, s, part);
    const Floats z = ran(*once_->linearForward(withValues(spec)), l.in, l.out);
    const Floats r = ran(*once_->linearBackward(withValues(spec)), l.out, l.in);
    for (Backend* b : {once_.get(), everyRun_.get()}) {
      EXPECT_TRUE(sameBits(z, ran(*b->linearForward(spec), l.in, l.out))) << part.up << " " << part.down;
      EXPECT_TRUE(sameBits(r, ran(*b->linearBackward(spec), l.out, l.in))) << part.up << " " << part.down;
    }
  }
}

TEST_P(PackedParts, KeepNothingWhenPackedForEveryRun) {
  const LinearShape& s = GetParam().shape;
  const LinearKernelSpec spec = withPart(*once_, s, {1, 0});
  EXPECT_EQ(everyRun_->linearForward(spec)->weightBytes(), 0);
  EXPECT_GE(once_->linearForward(spec)->weightBytes(), s.weightCount() * 4);
  EXPECT_GE(everyRun_->linearForward(spec)->scratchBytes(),
            once_->linearForward(spec)->scratchBytes() + 2 * s.weightCount() * 4);
}

INSTANTIATE_TEST_SUITE_P(All, PackedParts, testing::ValuesIn(linearCases()),
                         [](const auto& info) { return info.param.name; });

// The oracle itself, on numbers worked out by hand.
TEST(ReferenceLinear, KnownConvolution) {
  const LinearShape s = convolution({.ic = 1, .oc = 1, .h = 1, .w = 3, .kh = 1, .kw = 2, .pl = 1});
  const auto backend = makeReferenceBackend();
  const Floats x = {1, 2, 3};
  Buffer z(3), back(3);
  run(*backend->linearForward({s, 1, 1, {10, 100}, {0.5f}}), {x.data()}, {z.data()});
  EXPECT_EQ(z.values(), (Floats{100.5f, 210.5f, 320.5f}));
  run(*backend->linearForward({.shape = s, .weights = {10, -100}, .bias = {}, .part = {2, 0.5f}}), {x.data()},
      {z.data()});
  EXPECT_EQ(z.values(), (Floats{-50, -80, -110})) << "20·left − 50·right";
  run(*backend->linearBackward({s, 1, 1, {10, 100}, {}}), {x.data()}, {back.data()});
  EXPECT_EQ(back.values(), (Floats{120, 230, 300}));
  run(*backend->linearBackward({.shape = s, .weights = {10, 100}, .bias = {}, .accumulate = true}), {x.data()},
      {back.data()});
  EXPECT_EQ(back.values(), (Floats{240, 460, 600}));
  const Floats g = {1, 10, 100};
  Buffer dw(2);
  run(*backend->linearWeightGradient({s, 1, 1, {}, {}}), {x.data(), g.data()}, {dw.data()});
  EXPECT_EQ(dw.values(), (Floats{210, 321})) << "0·1 + 1·10 + 2·100 and 1·1 + 2·10 + 3·100";
}

TEST(ReferenceLinear, KnownDense) {
  const LinearShape s = denseLayer(2, 2, 1);
  const Floats x = {1, 2, 3, -4};
  Buffer z(Floats{5, 5});
  run(*makeReferenceBackend()->linearForward({s, 1, 1, {3, 4}, {}, true, true}), {x.data()}, {z.data()});
  EXPECT_EQ(z.values(), (Floats{16, 0})) << "5 + 11, and 5 − 7 cut at 0";
}

// A block of channels of so many pixels is more than 2^31 bytes, for which oneDNN has no code for single pixels.
TEST(LinearKernel, IsMadeForPlanesOfAnySize) {
  const auto backend = makeBackend({});
  constexpr std::int64_t wide = 70'000'000;
  for (const Conv2d& c : {Conv2d{.ic = 16, .oc = 16, .h = 1, .w = wide, .kh = 1, .kw = 1},
                          Conv2d{.ic = 20, .oc = 8, .h = 1, .w = wide, .kh = 1, .kw = 1, .sw = 2},
                          Conv2d{.ic = 16, .oc = 16, .h = 1, .w = wide, .kh = 1, .kw = 3, .sw = 2, .dw = 5}}) {
    const LinearShape s = convolution(c);
    const LinearKernelSpec spec = specOf(s, layoutsOf(*backend, s), {});
    EXPECT_TRUE(backend->linearForward(spec));
    EXPECT_TRUE(backend->linearBackward(spec));
    EXPECT_TRUE(backend->linearWeightGradient(spec));
  }
}

TEST(LinearKernel, SameBitsWithOneAndTwoThreads) {
  const auto backend = makeOneDnnBackend();
  for (const LinearCase& c : linearCases()) {
    const Floats x = randomFloats(elementCount(c.shape.inputShape()), 5);
    const auto by = [&](int threads) {
      backend->setThreads(threads);
      const ThreadScope scope(threads);
      return forward(*backend, c.shape, {.bias = true}, x, {});
    };
    EXPECT_TRUE(sameBits(by(1), by(2))) << c.name;
  }
}

}  // namespace
}  // namespace relprop::test
