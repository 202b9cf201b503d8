// Layer normalisation and products of computed matrices: every backend against the definitions in double precision.

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/backend.h"
#include "kernels/simd/simd.h"
#include "unit/kernels/derivatives.h"

namespace relprop::test {
namespace {

LayerNormSpec normOf(std::int64_t rows, std::int64_t extent) {
  return {rows, extent, 1e-3f, randomFloats(extent, 3, 0.5f, 2), randomFloats(extent, 4)};
}

Doubles normalised(const LayerNormSpec& s, const Doubles& x) {
  Doubles y(x.size());
  for (std::size_t first = 0; first < x.size(); first += sz(s.extent)) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < sz(s.extent); ++i) mean += x[first + i] / static_cast<double>(s.extent);
    for (std::size_t i = 0; i < sz(s.extent); ++i)
      variance += std::pow(x[first + i] - mean, 2) / static_cast<double>(s.extent);
    for (std::size_t i = 0; i < sz(s.extent); ++i)
      y[first + i] = (x[first + i] - mean) / std::sqrt(variance + s.epsilon) * s.scale[i] + s.bias[i];
  }
  return y;
}

class LayerNorm : public testing::TestWithParam<std::int64_t> {
 protected:
  static constexpr std::int64_t kRows = 3;
  LayerNormSpec spec_ = normOf(kRows, GetParam());
  Floats x_ = randomFloats(kRows * GetParam(), 1, -2, 5);
  Doubles wide_{x_.begin(), x_.end()};
};

TEST_P(LayerNorm, ForwardIsTheDefinition) {
  const Doubles y = normalised(spec_, wide_);
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Buffer out(kRows * GetParam(), 77);
    run(*b->layerNorm(spec_), {x_.data()}, {out.data()});
    expectClose(out.values(), {y.begin(), y.end()}, 2e-6);
  }
}

TEST_P(LayerNorm, BackwardIsTheDerivative) {
  const Floats g = randomFloats(kRows * GetParam(), 2);
  const Floats expected = narrow(numericGradient([&](const Doubles& v) { return normalised(spec_, v); }, wide_, g));
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Buffer out(kRows * GetParam(), 77);
    run(*b->layerNormBackward(spec_), {x_.data(), g.data()}, {out.data()});
    expectClose(out.values(), expected, 5e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Extents, LayerNorm, testing::Values(3, 7, 16, 33, 96), testing::PrintToStringParamName());

// A mean a hundred thousand times the deviation must not swallow it.
TEST(LayerNormLargeMean, KeepsTheDeviation) {
  LayerNormSpec s{1, 32, 0.0f, Floats(32, 1.0f), Floats(32, 0.0f)};
  Floats x(32);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 ? 4097.0f : 4096.0f;
  for (const auto& b : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Buffer out(32);
    run(*b->layerNorm(s), {x.data()}, {out.data()});
    for (std::int64_t i = 0; i < 32; ++i) EXPECT_NEAR(out[i], i % 2 ? 1.0f : -1.0f, 1e-3f) << b->name();
  }
}

struct MatmulCase {
  std::int64_t batch, m, n, k;
  bool transposeA, transposeB;
};

class Matmul : public testing::TestWithParam<MatmulCase> {};

TEST_P(Matmul, IsTheDefinition) {
  const auto& [batch, m, n, k, ta, tb] = GetParam();
  const Floats a = randomFloats(batch * m * k, 1), b = randomFloats(batch * k * n, 2);
  Floats expected(sz(batch * m * n));
  for (std::int64_t s = 0; s < batch; ++s)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l)
          sum += static_cast<double>(a[sz(s * m * k + (ta ? l * m + i : i * k + l))]) *
                 b[sz(s * k * n + (tb ? j * k + l : l * n + j))];
        expected[sz((s * m + i) * n + j)] = static_cast<float>(sum);
      }
  for (const auto& backend : {makeReferenceBackend(), makeOneDnnBackend()}) {
    Buffer out(batch * m * n, 77);
    run(*backend->matmul({batch, m, n, k, ta, tb}), {a.data(), b.data()}, {out.data()});
    expectClose(out.values(), expected, 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Matmul,
                         testing::Values(MatmulCase{1, 1, 1, 1, false, false}, MatmulCase{3, 5, 7, 4, false, false},
                                         MatmulCase{3, 5, 7, 4, true, false}, MatmulCase{3, 5, 7, 4, false, true},
                                         MatmulCase{3, 5, 7, 4, true, true}, MatmulCase{24, 17, 17, 64, false, true},
                                         MatmulCase{2, 40, 33, 50, true, false},
                                         MatmulCase{1, 16, 1, 32, false, false}),
                         [](const auto& info) {
                           const MatmulCase& c = info.param;
                           return "B" + std::to_string(c.batch) + "M" + std::to_string(c.m) + "N" +
                                  std::to_string(c.n) + "K" + std::to_string(c.k) +
                                  (c.transposeA ? "TransposedA" : "") + (c.transposeB ? "TransposedB" : "");
                         });

// ---- functions of the instruction set, over their whole range, on every instruction set this processor has
Floats computed(const simd::Ops& ops, Elt op, const Floats& x) {
  const std::vector<Instruction> code = {{.op = Elt::Load, .dst = 0, .slot = 0}, {.op = op, .dst = 1, .a = 0}};
  Floats y;
  for (std::size_t first = 0; first < x.size(); first += sz(simd::kTile)) {
    Buffer unused(simd::kTile), result(simd::kTile);
    std::vector<float*> reg = {unused.data(), result.data()};
    const std::byte* input = bytes(x.data() + first);
    const auto n = std::min(simd::kTile, static_cast<std::int64_t>(x.size() - first));
    ops.runTile({code.data(), 2, reg.data(), &input, nullptr, nullptr, nullptr, n});
    y.insert(y.end(), result.data(), result.data() + n);
  }
  return y;
}

Floats range(float low, float high, float step) {
  Floats x;
  for (float v = low; v <= high; v += step) x.push_back(v);
  return x;
}

void expectFunction(Elt op, const Floats& x, double (*definition)(double), double tolerance) {
  std::vector<const simd::Ops*> variants = {&simd::opsBaseline(), &simd::bestOps()};
  for (const simd::Ops* ops : variants) {
    const Floats y = computed(*ops, op, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = definition(x[i]);
      ASSERT_NEAR(y[i], expected, tolerance * std::abs(expected)) << ops->name << " at " << x[i];
    }
  }
}

TEST(Functions, ErfHoldsItsRelativePrecision) {
  expectFunction(Elt::Erf, range(-6, 6, 1e-3f), std::erf, 5e-7);
  expectFunction(Elt::Erf, {1e-30f, -1e-8f, 1e-4f, 0.999999f, 1.0f, -1.0f, 3.999f, 4.0f, 4.001f, 80.0f, -1e30f},
                 std::erf, 5e-7);
}

TEST(Functions, ExpHoldsItsRelativePrecision) {
  expectFunction(Elt::Exp, range(-87.3f, 88.7f, 1e-3f), std::exp, 1.2e-7);
  expectFunction(Elt::Exp, {0.0f, 1e-30f, -1e-8f, 1e-4f, 0.34657f, -0.34658f}, std::exp, 1.2e-7);
}

TEST(Functions, ExpEndsInZeroInfinityAndNan) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kSmallest = 1.4013e-45f;
  for (const simd::Ops* ops : {&simd::opsBaseline(), &simd::bestOps()}) {
    const Floats y = computed(*ops, Elt::Exp, {88.73f, 1e30f, kInfinity, -104.1f, -1e30f, -kInfinity, std::nanf("")});
    EXPECT_EQ(Floats(y.begin(), y.begin() + 6), (Floats{kInfinity, kInfinity, kInfinity, 0, 0, 0})) << ops->name;
    EXPECT_TRUE(std::isnan(y[6])) << ops->name;
    const Floats x = range(-103.5f, -87.3f, 1e-2f), small = computed(*ops, Elt::Exp, x);
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(small[i], std::exp(static_cast<double>(x[i])), kSmallest) << ops->name << " at " << x[i];
  }
}

TEST(Functions, SigmoidHoldsItsRelativePrecision) {
  expectFunction(
      Elt::Sigmoid, range(-87, 30, 1e-3f), [](double x) { return 1 / (1 + std::exp(-x)); }, 3e-7);
}

TEST(Functions, TanhHoldsItsRelativePrecision) {
  expectFunction(Elt::Tanh, range(-10, 10, 1e-3f), std::tanh, 2.5e-7);
  expectFunction(Elt::Tanh, {0.0f, 1e-30f, -1e-8f, 1e-4f, 0.6249999f, 0.625f, -0.625f, 50.0f, -1e30f}, std::tanh,
                 2.5e-7);
}

TEST(Functions, Log1pHoldsItsRelativePrecision) {
  expectFunction(Elt::Log1p, range(-0.9f, 3, 1e-3f), std::log1p, 5e-7);
  expectFunction(Elt::Log1p, {0.0f, 1e-30f, -1e-9f, 1e-7f, 1e-4f, 1e10f}, std::log1p, 5e-7);
}

TEST(Functions, Sqrt) {
  expectFunction(Elt::Sqrt, range(0, 5, 1e-2f), std::sqrt, 1e-7);
}

}  // namespace
}  // namespace relprop::test
