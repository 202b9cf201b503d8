// Local response normalisation and softmax, with their derivatives.
#include "kernels/backend.h"
#include "unit/kernels/derivatives.h"

namespace relprop::test {
namespace {

// y_c = x_c / (bias + alpha/size · Σ x² over channels c − ⌊(size−1)/2⌋ … c + ⌊size/2⌋)^beta, by definition.
Doubles lrnOf(const LrnSpec& s, const Doubles& x) {
  const std::int64_t channels = s.desc.channels(), spatial = s.desc.spatial();
  Doubles y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i), c = at / spatial % channels;
    double sum = 0;
    for (std::int64_t k = c - (s.size - 1) / 2; k <= c + s.size / 2; ++k)
      if (k >= 0 && k < channels) sum += std::pow(x[sz(at + (k - c) * spatial)], 2);
    y[i] = x[i] / std::pow(s.bias + static_cast<double>(s.alpha) / static_cast<double>(s.size) * sum,
                           static_cast<double>(s.beta));
  }
  return y;
}

Doubles softmaxOf(std::int64_t outer, std::int64_t extent, std::int64_t inner, const Doubles& x) {
  Doubles y(x.size());
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      const auto at = [&](std::int64_t k) { return sz((o * extent + k) * inner + i); };
      double sum = 0;
      for (std::int64_t k = 0; k < extent; ++k) sum += std::exp(x[at(k)]);
      for (std::int64_t k = 0; k < extent; ++k) y[at(k)] = std::exp(x[at(k)]) / sum;
    }
  return y;
}

struct LrnCase {
  std::int64_t channels, size;
  float beta = 0.6f;
};

class Lrn : public testing::TestWithParam<LrnCase> {
 protected:
  LrnSpec specFor(const Backend& b) const {
    const auto [channels, size, beta] = GetParam();
    return {{{2, channels, 3, 2}, channels >= 8 ? b.block() : 1}, size, 0.7f, beta, 1.5f};
  }
  Floats input() const { return randomFloats(2 * GetParam().channels * 6, 1, -2, 2); }
};

TEST_P(Lrn, ForwardIsTheDefinition) {
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    const LrnSpec s = specFor(*b);
    const Buffer x = laidOut(input(), s.desc);
    Buffer y(s.desc.floats(), 77);
    run(*b->lrn(s), {x.data()}, {y.data()});
    expectClose(rowMajor(y, s.desc), narrow(lrnOf(s, wide(input()))), 2e-6);
    expectCleanPadding(y, s.desc);
  }
}

TEST_P(Lrn, BackwardIsTheDerivative) {
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    const LrnSpec s = specFor(*b);
    const Floats g = randomFloats(2 * GetParam().channels * 6, 2);
    const Buffer x = laidOut(input(), s.desc), gradient = laidOut(g, s.desc);
    Buffer out(s.desc.floats(), 77);
    run(*b->lrnBackward(s), {x.data(), gradient.data()}, {out.data()});
    const Doubles expected = numericGradient([&](const Doubles& v) { return lrnOf(s, v); }, wide(input()), g);
    expectClose(rowMajor(out, s.desc), narrow(expected), 5e-6);
    expectCleanPadding(out, s.desc);
  }
}

// More pixels than the fast kernel takes at a time, and the last ones fewer.
TEST_P(Lrn, BackwardIsThatOfTheReferenceOnLargerMaps) {
  const auto [channels, size, beta] = GetParam();
  const Shape shape = {2, channels, 7, 5};
  const Floats values = randomFloats(elementCount(shape), 3, -2, 2), g = randomFloats(elementCount(shape), 4);
  const auto by = [&](Backend& b) {
    const TensorDesc d{shape, channels >= 8 ? b.block() : 1};
    Buffer out(d.floats(), 77);
    run(*b.lrnBackward({d, size, 0.7f, beta, 1.5f}), {laidOut(values, d).data(), laidOut(g, d).data()}, {out.data()});
    expectCleanPadding(out, d);
    return rowMajor(out, d);
  };
  expectClose(by(*makeOneDnnBackend()), by(*makeReferenceBackend()), 1e-6);
}

TEST_P(Lrn, SecantExplainsTheWholeChange) {
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    const LrnSpec s = specFor(*b);
    const Floats after = input(), before = randomFloats(2 * GetParam().channels * 6, 7, -2, 2);
    const Floats g = randomFloats(2 * GetParam().channels * 6, 2);
    const Buffer x = laidOut(after, s.desc), x0 = laidOut(before, s.desc), gradient = laidOut(g, s.desc);
    Buffer out(s.desc.floats(), 77);
    run(*b->lrnSecant(s), {x.data(), x0.data(), gradient.data()}, {out.data()});
    const Doubles y = lrnOf(s, wide(after)), y0 = lrnOf(s, wide(before));
    const Floats m = rowMajor(out, s.desc);
    double change = 0, explained = 0, magnitude = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      change += g[i] * (y[i] - y0[i]);
      explained += static_cast<double>(m[i]) * (static_cast<double>(after[i]) - before[i]);
      magnitude += std::abs(g[i] * (y[i] - y0[i]));
    }
    EXPECT_NEAR(explained, change, 2e-6 * magnitude);
    expectCleanPadding(out, s.desc);
  }
}

TEST_P(Lrn, SecantWithoutAChangeIsTheDerivative) {
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    const LrnSpec s = specFor(*b);
    const Floats g = randomFloats(2 * GetParam().channels * 6, 2);
    const Buffer x = laidOut(input(), s.desc), gradient = laidOut(g, s.desc);
    Buffer secant(s.desc.floats(), 77), tangent(s.desc.floats(), 77);
    run(*b->lrnSecant(s), {x.data(), x.data(), gradient.data()}, {secant.data()});
    run(*b->lrnBackward(s), {x.data(), gradient.data()}, {tangent.data()});
    expectClose(rowMajor(secant, s.desc), rowMajor(tangent, s.desc), 2e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Lrn,
                         testing::Values(LrnCase{16, 5}, LrnCase{17, 5}, LrnCase{17, 4}, LrnCase{5, 3}, LrnCase{5, 2},
                                         LrnCase{24, 1}, LrnCase{8, 9}, LrnCase{17, 5, 0.75f}),
                         [](const auto& info) {
                           return "C" + std::to_string(info.param.channels) + "Size" + std::to_string(info.param.size) +
                                  "Beta" + std::to_string(std::lround(info.param.beta * 100));
                         });

class Softmax : public testing::Test {
 protected:
  static constexpr std::int64_t outer = 3, extent = 5, inner = 4, count = outer * extent * inner;
  std::unique_ptr<Backend> backend_ = makeOneDnnBackend();
};

TEST_F(Softmax, ForwardIsTheDefinition) {
  const Floats x = randomFloats(count, 1, -4, 4);
  Buffer y(count);
  run(*backend_->softmax(outer, extent, inner), {x.data()}, {y.data()});
  expectClose(y.values(), narrow(softmaxOf(outer, extent, inner, wide(x))), 1e-6);
}

TEST_F(Softmax, LargeScoresDoNotOverflow) {
  const Floats x = {1000, 1000, -1000};
  Buffer y(3);
  run(*backend_->softmax(1, 3, 1), {x.data()}, {y.data()});
  EXPECT_EQ(y.values(), (Floats{0.5f, 0.5f, 0}));
}

TEST_F(Softmax, BackwardIsTheDerivative) {
  const Floats x = randomFloats(count, 1, -2, 2), g = randomFloats(count, 2);
  const auto f = [](const Doubles& v) { return softmaxOf(outer, extent, inner, v); };
  const Floats y = narrow(f(wide(x)));
  Buffer out(count);
  run(*backend_->softmaxBackward(outer, extent, inner), {y.data(), g.data()}, {out.data()});
  expectClose(out.values(), narrow(numericGradient(f, wide(x), g)), 5e-6);
}

// Rows of every length that vectors fill or do not.
TEST_F(Softmax, RowsAreTheReferences) {
  const auto slow = makeReferenceBackend();
  for (const std::int64_t length : {1, 2, 15, 16, 17, 197, 1000}) {
    const Floats x = randomFloats(7 * length, 1, -30, 30), g = randomFloats(7 * length, 2);
    Buffer y(7 * length), expected(7 * length), back(7 * length), expectedBack(7 * length);
    run(*backend_->softmax(7, length, 1), {x.data()}, {y.data()});
    run(*slow->softmax(7, length, 1), {x.data()}, {expected.data()});
    expectClose(y.values(), expected.values(), 1e-6);
    run(*backend_->softmaxBackward(7, length, 1), {expected.data(), g.data()}, {back.data()});
    run(*slow->softmaxBackward(7, length, 1), {expected.data(), g.data()}, {expectedBack.data()});
    expectClose(back.values(), expectedBack.values(), 1e-6);
  }
}

// Masked scores are −∞.
TEST_F(Softmax, WhatIsMaskedGetsNothing) {
  const float low = -std::numeric_limits<float>::infinity();
  const Floats x = {1, low, 1, low};
  Buffer y(4);
  run(*backend_->softmax(1, 4, 1), {x.data()}, {y.data()});
  EXPECT_EQ(y.values(), (Floats{0.5f, 0, 0.5f, 0}));
}

}  // namespace
}  // namespace relprop::test
