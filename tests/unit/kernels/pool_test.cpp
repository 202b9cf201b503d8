// Pools over blocked layouts against plain loops, and the loops against numbers worked out by hand.
#include "kernels/backend.h"
#include "kernels/pool_window.h"
#include "unit/kernels/pool_cases.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

TensorDesc inputOf(const PoolShape& p) {
  return {{p.n, p.c, p.ih, p.iw}, p.block};
}
TensorDesc outputOf(const PoolShape& p) {
  return {{p.n, p.c, p.oh, p.ow}, p.block};
}

// Few distinct values, so that windows hold ties.
Floats withTies(std::int64_t count, unsigned seed) {
  Floats x = randomFloats(count, seed, -2, 2);
  for (float& v : x) v = std::round(v);
  return x;
}

using Make = KernelPtr (Backend::*)(const PoolShape&);

enum class Layout { Blocks, ChannelsLast };

class Pools : public testing::TestWithParam<std::tuple<PoolCase, Layout>> {
 protected:
  const PoolShape& shape() const { return std::get<0>(GetParam()).shape; }
  PoolShape shapeFor(const Backend& b) const {
    PoolShape p = shape();
    const bool last = std::get<1>(GetParam()) == Layout::ChannelsLast;
    p.block = last ? static_cast<int>(p.c) : p.c >= 8 ? b.block() : 1;
    return p;
  }
  Floats forward(Backend& b, Make make, const Floats& x) const {
    const PoolShape p = shapeFor(b);
    const Buffer in = laidOut(x, inputOf(p));
    Buffer out(outputOf(p).floats(), 77);
    run(*(b.*make)(p), {in.data()}, {out.data()});
    expectCleanPadding(out, outputOf(p));
    return rowMajor(out, outputOf(p));
  }
  Floats backward(Backend& b, Make make, const Floats* x, const Floats& r) const {
    const PoolShape p = shapeFor(b);
    const Buffer relevance = laidOut(r, outputOf(p));
    Buffer out(inputOf(p).floats(), 77);
    std::vector<const void*> in = {relevance.data()};
    const Buffer values = laidOut(x ? *x : Floats(sz(elementCount(inputOf(p).shape))), inputOf(p));
    if (x) in.insert(in.begin(), values.data());
    run(*(b.*make)(p), in, {out.data()});
    expectCleanPadding(out, inputOf(p));
    return rowMajor(out, inputOf(p));
  }
  Floats input() const { return withTies(elementCount(inputOf(shape()).shape), 1); }
  Floats output() const { return randomFloats(elementCount(outputOf(shape()).shape), 2); }

  std::unique_ptr<Backend> fast_ = makeOneDnnBackend(), slow_ = makeReferenceBackend();
};

TEST_P(Pools, MaximumIsTheReferences) {
  const Floats x = input();
  EXPECT_EQ(forward(*fast_, &Backend::maxPool, x), forward(*slow_, &Backend::maxPool, x));
}

TEST_P(Pools, MaximumOfNegativesOnly) {
  Floats x = input();
  for (float& v : x) v -= 10;
  EXPECT_EQ(forward(*fast_, &Backend::maxPool, x), forward(*slow_, &Backend::maxPool, x));
}

TEST_P(Pools, WinnersAreTheReferences) {
  const Floats x = input(), r = output();
  expectClose(backward(*fast_, &Backend::maxPoolBackward, &x, r), backward(*slow_, &Backend::maxPoolBackward, &x, r),
              1e-6);
}

TEST_P(Pools, WinnersKeepAllRelevance) {
  const Floats x = input(), r = output();
  const Floats back = backward(*fast_, &Backend::maxPoolBackward, &x, r);
  double in = 0, out = 0;
  for (float v : r) in += v;
  for (float v : back) out += v;
  EXPECT_NEAR(out, in, 1e-4);
}

TEST_P(Pools, AverageIsTheReferences) {
  const Floats x = randomFloats(elementCount(inputOf(shape()).shape), 3);
  expectClose(forward(*fast_, &Backend::averagePool, x), forward(*slow_, &Backend::averagePool, x), 1e-6);
}

TEST_P(Pools, AverageBackwardIsTheReferences) {
  const Floats r = output();
  expectClose(backward(*fast_, &Backend::averagePoolBackward, nullptr, r),
              backward(*slow_, &Backend::averagePoolBackward, nullptr, r), 1e-6);
}

// <Ax, r> = <x, Aᵀr>
TEST_P(Pools, AverageBackwardIsTheTranspose) {
  const Floats x = randomFloats(elementCount(inputOf(shape()).shape), 3), r = output();
  for (Backend* b : {fast_.get(), slow_.get()}) {
    const Floats y = forward(*b, &Backend::averagePool, x);
    const Floats back = backward(*b, &Backend::averagePoolBackward, nullptr, r);
    double left = 0, right = 0;
    for (std::size_t i = 0; i < r.size(); ++i) left += static_cast<double>(y[i]) * r[i];
    for (std::size_t i = 0; i < x.size(); ++i) right += static_cast<double>(x[i]) * back[i];
    EXPECT_NEAR(left, right, 1e-5 * std::sqrt(static_cast<double>(r.size()))) << b->name();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Pools,
                         testing::Combine(testing::ValuesIn(poolCases()),
                                          testing::Values(Layout::Blocks, Layout::ChannelsLast)),
                         [](const auto& info) {
                           const bool last = std::get<1>(info.param) == Layout::ChannelsLast;
                           return std::get<0>(info.param).name + (last ? "ChannelsLast" : "");
                         });

TEST(PoolWindow, PaddingIsSkippedInWholeSteps) {
  const WindowAxis a = poolWindow(0, 5, 3, 1, 2, 3, 0);  // taps at −3, −1, 1
  EXPECT_EQ(a.begin, 1);
  EXPECT_EQ(a.end, 2);
  EXPECT_EQ(a.paddedCount, 3);
}

TEST(PoolWindow, OverhangIsNeitherInsideNorPadding) {
  const WindowAxis a = poolWindow(2, 5, 3, 2, 1, 0, 0);  // taps at 4, 5, 6 of 5 inputs
  EXPECT_EQ(a.begin, 4);
  EXPECT_EQ(a.end, 5);
  EXPECT_EQ(a.paddedCount, 1);
}

Floats runOnPlane(Make make, PoolShape p, const std::vector<const void*>& in, std::int64_t outs) {
  Buffer out(outs, 77);
  run(*((*makeReferenceBackend()).*make)(p), in, {out.data()});
  return out.values();
}

TEST(ReferencePool, KnownAverages) {
  PoolShape p{.ih = 1, .iw = 3, .oh = 1, .ow = 2, .kh = 1, .kw = 3, .sw = 2, .pl = 1, .pr = 1};
  const Floats x = {2, 4, 9};
  EXPECT_EQ(runOnPlane(&Backend::averagePool, p, {x.data()}, 2), (Floats{3, 6.5f}));
  p.countPadding = true;
  EXPECT_EQ(runOnPlane(&Backend::averagePool, p, {x.data()}, 2), (Floats{2, 13.0f / 3}));
}

TEST(ReferencePool, TiesGoToTheFirst) {
  const PoolShape p{.ih = 2, .iw = 2, .kh = 2, .kw = 2};
  const Floats x = {1, 7, 7, 7}, r = {5};
  EXPECT_EQ(runOnPlane(&Backend::maxPoolBackward, p, {x.data(), r.data()}, 4), (Floats{0, 5, 0, 0}));
}

TEST(ReferencePool, OverlappingWinnersCollect) {
  const PoolShape p{.ih = 1, .iw = 3, .oh = 1, .ow = 2, .kh = 1, .kw = 2};
  const Floats x = {-5, -1, -3}, r = {2, 4};
  EXPECT_EQ(runOnPlane(&Backend::maxPoolBackward, p, {x.data(), r.data()}, 3), (Floats{0, 6, 0}));
}

}  // namespace
}  // namespace relprop::test
