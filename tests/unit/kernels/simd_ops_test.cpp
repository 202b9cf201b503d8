// The instruction-set variants of one source compute the same, where this processor has them.
#include <algorithm>

#include "kernels/simd/simd.h"
#include "unit/kernels/pool_cases.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

struct Variant {
  const char* name;
  const simd::Ops& (*ops)();
  bool (*available)();
};

const Variant kVariants[] = {
#if defined(__x86_64__)
    {"Avx512", simd::opsAvx512,
     [] { return __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bw") != 0; }},
    {"Avx2", simd::opsAvx2, [] { return __builtin_cpu_supports("avx2") != 0; }},
#endif
    {"Baseline", simd::opsBaseline, [] { return true; }}};

class SimdOps : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (!GetParam().available()) GTEST_SKIP() << "this processor has no " << GetParam().name;
  }
  const simd::Ops& ops() const { return GetParam().ops(); }
};

TEST_P(SimdOps, SumsInDoublePrecision) {
  Floats x(1000, 1e-3f);
  x[0] = 1e7f;  // a float accumulator would lose the small ones
  EXPECT_NEAR(ops().sum(x.data(), 1000), 1e7 + 0.999, 1e-4);
  EXPECT_EQ(ops().sum(x.data(), 0), 0);
}

TEST_P(SimdOps, FindsExtremesAnywhere) {
  for (std::size_t at = 0; at < 37; ++at) {
    Floats x(37, 2.0f);
    x[at] = -5;
    x[(at + 7) % 37] = 9;
    double low = 0, high = 0;
    ops().minMax(x.data(), 37, &low, &high);
    EXPECT_EQ(low, -5);
    EXPECT_EQ(high, 9);
  }
}

// out = safediv(x·y + 0.5, stab(x)) · exp(min(x, 0)), for lengths around vector widths.
Floats tileResult(const simd::Ops& ops, std::int64_t n) {
  const Floats x = randomFloats(n, 1), y = randomFloats(n, 2);
  const std::vector<Instruction> code = {{.op = Elt::Load, .dst = 0, .slot = 0},
                                         {.op = Elt::Load, .dst = 1, .slot = 1},
                                         {.op = Elt::Mul, .dst = 2, .a = 0, .b = 1},
                                         {.op = Elt::AddImm, .dst = 2, .a = 2, .imm = 0.5f},
                                         {.op = Elt::Stab, .dst = 3, .a = 0, .imm = 0.1f},
                                         {.op = Elt::SafeDiv, .dst = 2, .a = 2, .b = 3},
                                         {.op = Elt::Min0, .dst = 3, .a = 0},
                                         {.op = Elt::Exp, .dst = 3, .a = 3},
                                         {.op = Elt::Mul, .dst = 2, .a = 2, .b = 3}};
  std::vector<Buffer> registers;
  std::vector<float*> reg;
  for (int k = 0; k < 4; ++k) registers.emplace_back(simd::kTile), reg.push_back(registers.back().data());
  const std::vector<const std::byte*> inputs = {bytes(x.data()), bytes(y.data())};
  ops.runTile({code.data(), static_cast<int>(code.size()), reg.data(), inputs.data(), nullptr, nullptr, nullptr, n});
  return {reg[2], reg[2] + n};
}

TEST_P(SimdOps, TileIsTheFormula) {
  for (const std::int64_t n : {std::int64_t{1}, std::int64_t{7}, std::int64_t{8}, std::int64_t{17}, std::int64_t{33},
                               simd::kTile - 1, simd::kTile}) {
    const Floats x = randomFloats(n, 1), y = randomFloats(n, 2), got = tileResult(ops(), n);
    for (std::size_t i = 0; i < sz(n); ++i) {
      const double a = x[i], b = y[i];
      const double expected = (a * b + 0.5) / (a + (a < 0 ? -0.1 : 0.1)) * std::exp(std::min(a, 0.0));
      ASSERT_NEAR(got[i], expected, 2e-6 * std::abs(expected) + 1e-6) << i << " of " << n;
    }
  }
}

TEST_P(SimdOps, AgreesWithBaseline) {
  const Floats got = tileResult(ops(), simd::kTile - 3), expected = tileResult(simd::opsBaseline(), simd::kTile - 3);
  expectClose(got, expected, 1e-6);
}

// Each variant's own block: a padded pool with ties, one plane after the other.
TEST_P(SimdOps, PoolsAsTheReference) {
  PoolShape p = pool(2, 21, {{7, 6}, {4, 3}, {3, 3}, {2, 2}, {1, 1, 1, 1}});
  p.block = ops().block;
  const TensorDesc in{{p.n, p.c, p.ih, p.iw}, p.block}, out{{p.n, p.c, p.oh, p.ow}, p.block};
  Floats values = randomFloats(elementCount(in.shape), 1, -2, 2);
  for (float& v : values) v = std::round(v);
  const Buffer x = laidOut(values, in), r = laidOut(randomFloats(elementCount(out.shape), 2), out);
  Buffer max(out.floats()), won(in.floats()), average(out.floats()), shared(in.floats());
  for (std::int64_t plane = 0; plane < p.n * ((p.c + p.block - 1) / p.block); ++plane) {
    ops().maxPool(p, x.data(), max.data(), plane);
    ops().maxPoolBackward(p, x.data(), r.data(), won.data(), plane);
    ops().averagePool(p, x.data(), average.data(), plane);
    ops().averagePoolBackward(p, r.data(), shared.data(), plane);
  }
  const auto slow = makeReferenceBackend();
  Buffer expected(out.floats()), back(in.floats());
  run(*slow->maxPool(p), {x.data()}, {expected.data()});
  EXPECT_EQ(max.values(), expected.values());
  run(*slow->averagePool(p), {x.data()}, {expected.data()});
  expectClose(average.values(), expected.values(), 1e-6);
  run(*slow->maxPoolBackward(p), {x.data(), r.data()}, {back.data()});
  expectClose(won.values(), back.values(), 1e-6);
  run(*slow->averagePoolBackward(p), {r.data()}, {back.data()});
  expectClose(shared.values(), back.values(), 1e-6);
}

// One sum of so many would be off by more than one in a thousand.
TEST_P(SimdOps, AveragesOfManyAreExact) {
  for (const auto& [height, width] : {std::pair{512, 512}, {1, 512 * 512}, {512 * 512, 1}}) {
    PoolShape p = pool(1, ops().block, {{height, width}, {1, 1}, {height, width}, {1, 1}});
    p.block = ops().block;
    const Buffer x(std::int64_t{height} * width * p.block, 0.1f);
    Buffer average(p.block);
    ops().averagePool(p, x.data(), average.data(), 0);
    expectClose(average.values(), Floats(sz(p.block), 0.1f), 2e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, SimdOps, testing::ValuesIn(kVariants), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace relprop::test
