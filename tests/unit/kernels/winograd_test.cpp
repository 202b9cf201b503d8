// Winograd's convolutions against plain loops, for every instruction set and both tiles.
#include "kernels/simd/winograd.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/simd/simd.h"
#include "kernels/threads.h"
#include "unit/kernels/linear_cases.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

using simd::Direction;

struct Instructions {
  const char* name;
  const simd::WinogradOps* (*ops)();  // null where the processor has no such instructions
};

const Instructions kInstructions[] = {
#if defined(__x86_64__)
    {"Avx512",
     []() -> const simd::WinogradOps* {
       const bool has = __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
       return has ? &simd::winogradAvx512() : nullptr;
     }},
    {"Avx2",
     []() -> const simd::WinogradOps* {
       return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &simd::winogradAvx2() : nullptr;
     }},
#endif
    {"Best", [] { return simd::bestWinogradOps(); }}};

LinearShape window(std::int64_t n, std::int64_t ic, std::int64_t oc, std::int64_t h, std::int64_t w, std::int64_t pad) {
  return convolution({.n = n, .ic = ic, .oc = oc, .h = h, .w = w, .pt = pad, .pl = pad, .pb = pad, .pr = pad});
}

// Maps that tiles fit into and do not, fewer pixels than a tile, every padding, channels that fill vectors and panels
// or do not, and more channels than are summed at a time.
std::vector<LinearCase> winogradCases() {
  return {{"Same", window(1, 16, 16, 9, 7, 1)},
          {"WholeTiles", window(2, 16, 32, 8, 12, 1)},
          {"NoPadding", window(1, 24, 40, 10, 11, 0)},
          {"WidePadding", window(1, 16, 16, 6, 5, 2)},
          {"OnePixel", window(3, 16, 16, 3, 3, 0)},
          {"OnePixelIn", window(1, 16, 16, 1, 1, 1)},
          {"Asymmetric", convolution({.ic = 16, .oc = 24, .h = 7, .w = 9, .pt = 0, .pl = 2, .pb = 1, .pr = 0})},
          {"OddChannels", window(3, 17, 23, 6, 6, 1)},
          {"ManyChannels", window(1, 150, 200, 5, 9, 1)},
          {"ManyTiles", window(2, 16, 16, 33, 35, 1)},
          {"LargeWeights", window(1, 180, 180, 2, 2, 1)}};
}

struct Fused {
  bool bias = false, relu = false, accumulate = false;
  float most = std::numeric_limits<float>::infinity();
};

class WinogradKernels : public testing::TestWithParam<std::tuple<Instructions, int, LinearCase>> {
 protected:
  void SetUp() override {
    ops_ = std::get<0>(GetParam()).ops();
    if (!ops_) GTEST_SKIP() << "this processor has no " << std::get<0>(GetParam()).name;
  }
  const LinearShape& shape() const { return std::get<2>(GetParam()).shape; }
  TensorDesc in(const LinearShape& s) const { return {s.inputShape(), ops_->block}; }
  TensorDesc out(const LinearShape& s) const { return {s.outputShape(), ops_->block}; }
  LinearKernelSpec spec(const Fused& o = {}) const {
    const LinearShape& s = shape();
    return {
        s,      ops_->block,  ops_->block, randomFloats(s.weightCount(), 1), o.bias ? randomFloats(s.oc, 2) : Floats{},
        o.relu, o.accumulate, o.most};
  }
  KernelPtr made(const LinearKernelSpec& s, Direction d, Packing packing = Packing::Once) const {
    return simd::winograd(*ops_, s, d, std::get<1>(GetParam()), packing == Packing::Once ? &packed_ : nullptr);
  }
  // before: what the destination held.
  static Floats ran(const Kernel& kernel, const Floats& x, const TensorDesc& from, const TensorDesc& to,
                    const Floats& before) {
    const Buffer reads = laidOut(x, from);
    Buffer writes = laidOut(before, to);
    run(kernel, {reads.data()}, {writes.data()});
    expectCleanPadding(writes, to);
    return rowMajor(writes, to);
  }
  Floats forward(const LinearKernelSpec& s, const Floats& x, Packing packing = Packing::Once) const {
    return ran(*made(s, Direction::Forward, packing), x, in(s.shape), out(s.shape), before(s.shape.outputShape()));
  }
  Floats backward(const LinearKernelSpec& s, const Floats& r, Packing packing = Packing::Once) const {
    return ran(*made(s, Direction::Backward, packing), r, out(s.shape), in(s.shape), before(s.shape.inputShape()));
  }
  static Floats before(const Shape& s) { return randomFloats(elementCount(s), 4); }
  Floats input() const { return randomFloats(elementCount(shape().inputShape()), 3); }
  Floats output() const { return randomFloats(elementCount(shape().outputShape()), 5); }

  static LinearKernelSpec plain(LinearKernelSpec s) {
    s.srcBlock = s.dstBlock = 1;
    return s;
  }
  static Floats expectedForward(const LinearKernelSpec& s, const Floats& x) {
    const TensorDesc from{s.shape.inputShape(), 1}, to{s.shape.outputShape(), 1};
    return ran(*makeReferenceBackend()->linearForward(plain(s)), x, from, to, before(to.shape));
  }
  static Floats expectedBackward(const LinearKernelSpec& s, const Floats& r) {
    const TensorDesc from{s.shape.outputShape(), 1}, to{s.shape.inputShape(), 1};
    return ran(*makeReferenceBackend()->linearBackward(plain(s)), r, from, to, before(to.shape));
  }
  void compareForward(const Fused& o) const {
    expectClose(forward(spec(o), input()), expectedForward(spec(o), input()), 3e-6);
  }

  const simd::WinogradOps* ops_ = nullptr;
  mutable simd::WinogradPacked packed_;
};

TEST_P(WinogradKernels, Forward) {
  compareForward({});
}
TEST_P(WinogradKernels, ForwardWithBiasAndRelu) {
  compareForward({.bias = true, .relu = true});
}
TEST_P(WinogradKernels, ForwardWithBiasCutOnBothSides) {
  const LinearKernelSpec cut = spec({.bias = true, .relu = true, .most = 2});
  const Floats whole = expectedForward(spec({.bias = true}), input());
  // What is rounded is in proportion to the whole sums, not to what is left of them.
  const double largest = *std::max_element(whole.begin(), whole.end());
  expectClose(forward(cut, input()), expectedForward(cut, input()), 3e-6 * std::max(1.0, largest / cut.most));
}
TEST_P(WinogradKernels, ForwardAddsBeforeTheRelu) {
  compareForward({.bias = true, .relu = true, .accumulate = true});
}
TEST_P(WinogradKernels, BackwardKnowsOfWeightsAlone) {
  expectClose(backward(spec({.bias = true, .relu = true}), output()), expectedBackward(spec(), output()), 3e-6);
}
TEST_P(WinogradKernels, BackwardAddsToWhatIsThere) {
  const LinearKernelSpec adding = spec({.accumulate = true});
  expectClose(backward(adding, output()), expectedBackward(adding, output()), 3e-6);
}

TEST_P(WinogradKernels, PartsOfTheWeightsAreTakenHoweverTheyArePacked) {
  LinearKernelSpec s = spec();
  for (const WeightSlopes part : {WeightSlopes{1, 0}, {1.25f, -1}}) {
    s.part = part;
    const Floats z = forward(s, input()), r = backward(s, output());
    expectClose(z, expectedForward(s, input()), 3e-6);
    expectClose(r, expectedBackward(s, output()), 3e-6);
    EXPECT_TRUE(sameBits(z, forward(s, input(), Packing::EveryRun)));
    EXPECT_TRUE(sameBits(r, backward(s, output(), Packing::EveryRun)));
  }
}

TEST_P(WinogradKernels, SayWhatTheyHold) {
  const std::int64_t places = std::get<1>(GetParam()) == 2 ? 16 : 36;
  const LinearKernelSpec s = spec();
  const KernelPtr once = made(s, Direction::Backward), everyRun = made(s, Direction::Backward, Packing::EveryRun);
  EXPECT_EQ(once->weightBytes(), simd::winogradWeightBytes(*ops_, s, Direction::Backward, std::get<1>(GetParam())));
  EXPECT_GE(once->weightBytes(), places * s.shape.ic * s.shape.oc * 4);
  EXPECT_EQ(everyRun->weightBytes(), 0);
  EXPECT_EQ(everyRun->scratchBytes(), once->scratchBytes() + once->weightBytes());
}

TEST_P(WinogradKernels, SayWhatTheyMultiply) {
  const int tile = std::get<1>(GetParam());
  const LinearKernelSpec s = spec();
  const KernelPtr forth = made(s, Direction::Forward), back = made(s, Direction::Backward);
  EXPECT_STREQ(forth->algorithm(), tile == 4 ? "F(4×4)" : "F(2×2)");
  const auto tiles = [tile](std::int64_t extent) { return (extent + tile - 1) / tile; };
  const std::int64_t perTile = 2 * (tile + 2) * (tile + 2) * s.shape.ic * s.shape.oc * s.shape.n;
  EXPECT_EQ(forth->multiplied(1), perTile * tiles(s.shape.oh) * tiles(s.shape.ow));
  EXPECT_EQ(back->multiplied(1), perTile * tiles(s.shape.ih) * tiles(s.shape.iw));
}

// An image alone, on one thread, and among others, on several: threads share the tiles out differently.
TEST_P(WinogradKernels, SameBitsInABatchAndWithAnyNumberOfThreads) {
  LinearKernelSpec one = spec({.bias = true}), several = one;
  one.shape.n = 1, several.shape.n = 3;
  const auto by = [&](int threads, const LinearKernelSpec& s, const Floats& values) {
    const ThreadScope scope(threads);
    return forward(s, values);
  };
  Floats three, alone;
  for (const unsigned seed : {6u, 7u, 8u}) {
    const Floats x = randomFloats(elementCount(one.shape.inputShape()), seed), z = by(1, one, x);
    three.insert(three.end(), x.begin(), x.end());
    alone.insert(alone.end(), z.begin(), z.end());
    EXPECT_TRUE(sameBits(by(2, one, x), z));
  }
  for (const int threads : {1, 2, 3, 7}) EXPECT_TRUE(sameBits(by(threads, several, three), alone)) << threads;
}

INSTANTIATE_TEST_SUITE_P(All, WinogradKernels,
                         testing::Combine(testing::ValuesIn(kInstructions), testing::Values(2, 4),
                                          testing::ValuesIn(winogradCases())),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "F" +
                                  std::to_string(std::get<1>(info.param)) + std::get<2>(info.param).name;
                         });

double relativeDistance(const Floats& got, const Floats& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    size += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(error / size);
}

// Behind a ReLU and through many channels, where errors add up: single precision is 6e-8.
class WinogradRounding : public testing::TestWithParam<Instructions> {};

TEST_P(WinogradRounding, IsThatOfAFewOperations) {
  const simd::WinogradOps* ops = GetParam().ops();
  if (!ops) GTEST_SKIP() << "this processor has no " << GetParam().name;
  const LinearShape s = window(1, 512, 32, 8, 8, 1);
  const LinearKernelSpec spec{.shape = s, .weights = randomFloats(s.weightCount(), 1)};
  const Floats x = randomFloats(elementCount(s.inputShape()), 2, 0, 1);
  const TensorDesc in{s.inputShape(), 1}, out{s.outputShape(), 1};
  Buffer expected(out.floats()), y(TensorDesc{s.outputShape(), ops->block}.floats());
  run(*makeReferenceBackend()->linearForward(spec), {laidOut(x, in).data()}, {expected.data()});
  for (const int tile : {2, 4}) {
    simd::WinogradPacked packed;
    run(*simd::winograd(*ops, spec, Direction::Forward, tile, &packed),
        {laidOut(x, {s.inputShape(), ops->block}).data()}, {y.data()});
    EXPECT_LT(relativeDistance(rowMajor(y, {s.outputShape(), ops->block}), expected.values()), 8e-7) << tile;
  }
}

INSTANTIATE_TEST_SUITE_P(All, WinogradRounding, testing::ValuesIn(kInstructions),
                         [](const auto& info) { return info.param.name; });

class WinogradChoice : public testing::Test {
 protected:
  static int tileOf(const LinearShape& s, Direction d = Direction::Forward) {
    return tileOf(LinearKernelSpec{s, 16, 16}, d);
  }
  static int tileOf(const LinearKernelSpec& s, Direction d = Direction::Forward) {
    static constexpr simd::WinogradOps kOps = {16, 4, nullptr, nullptr, nullptr, nullptr};
    return simd::winogradTile(&kOps, s, d);
  }
};

// Large maps: the fewest products. Small ones: tiles that fit them. Hardly any tiles: weights would be read for
// nothing.
TEST_F(WinogradChoice, GoesByTheLayersShape) {
  EXPECT_EQ(tileOf(window(1, 64, 64, 224, 224, 1)), 4);
  EXPECT_EQ(tileOf(window(1, 512, 512, 28, 28, 1)), 4);
  EXPECT_EQ(tileOf(window(1, 256, 256, 14, 14, 1)), 2);
  EXPECT_EQ(tileOf(window(1, 512, 512, 7, 7, 1)), 0);
  EXPECT_EQ(tileOf(window(1, 16, 16, 7, 7, 1)), 0);
  EXPECT_EQ(tileOf(window(1, 64, 96, 30, 30, 0), Direction::Backward), 4);
}

TEST_F(WinogradChoice, IsThatOfOneImage) {
  for (const std::int64_t size : {5, 7, 10, 14, 28})
    for (const Direction d : {Direction::Forward, Direction::Backward})
      EXPECT_EQ(tileOf(window(8, 128, 128, size, size, 1), d), tileOf(window(1, 128, 128, size, size, 1), d)) << size;
}

TEST_F(WinogradChoice, LeavesOtherLayersAlone) {
  const LinearKernelSpec suited{window(1, 64, 64, 56, 56, 1), 16, 16};
  ASSERT_NE(tileOf(suited), 0);
  const auto with = [&](auto change) {
    LinearKernelSpec s = suited;
    change(s);
    return tileOf(s);
  };
  EXPECT_EQ(with([](auto& s) { s.shape = convolution({.ic = 64, .oc = 64, .h = 56, .w = 56, .kh = 1, .kw = 1}); }), 0);
  EXPECT_EQ(with([](auto& s) { s.shape.sw = 2; }), 0);
  EXPECT_EQ(with([](auto& s) { s.shape.dh = 2; }), 0);
  EXPECT_EQ(with([](auto& s) { s.shape.pl = 3; }), 0);
  EXPECT_EQ(with([](auto& s) { s.shape.groups = 2; }), 0);
  EXPECT_EQ(with([](auto& s) { s.shape = denseLayer(1, 64, 64); }), 0);
  EXPECT_EQ(with([](auto& s) { s.srcBlock = 1; }), 0);
  EXPECT_EQ(with([](auto& s) { s.dstBlock = 8; }), 0);
  EXPECT_EQ(with([](auto& s) { s.operands = s.in = Element::Bfloat16; }), 0);
  EXPECT_EQ(simd::winogradTile(nullptr, suited, Direction::Forward), 0) << "no kernels for this processor";
}

}  // namespace
}  // namespace relprop::test
