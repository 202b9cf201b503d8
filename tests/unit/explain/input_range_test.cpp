// The range of a pixel on its way to the first layer, against ranges worked out by hand.
#include "explain/walk/input_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/shape_inference.h"
#include "support/expect_error.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

const InputBounds kBounds{{0, -1, 2}, {10, 1, 4}};

InputRanges::Range rangeOf(Build& b, ValueId value, const InputBounds& bounds = kBounds) {
  inferShapes(b.graph);
  return InputRanges(b.graph, bounds).of(value);
}

void expectRange(const InputRanges::Range& range, const std::vector<float>& low, const std::vector<float>& high) {
  EXPECT_THAT(*range.low.floats, testing::Pointwise(FloatEq(), low));
  EXPECT_THAT(*range.high.floats, testing::Pointwise(FloatEq(), high));
}

Attributes slice(std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
  return {{"axes", Ints{axis}}, {"starts", Ints{start}}, {"ends", Ints{end}}, {"steps", Ints{step}}};
}

TEST(InputRange, OfTheInputIsAsGiven) {
  Build b({2, 3, 4, 4});
  b.add(Op::Relu, {b.x()});
  const InputRanges::Range range = rangeOf(b, b.x());
  expectRange(range, kBounds.low, kBounds.high);
  EXPECT_EQ(range.low.shape, (Shape{1, 3, 1, 1}));
}

TEST(InputRange, FollowsArithmeticAndNegativeFactorsSwapItsEnds) {
  Build b({1, 3, 4, 4});
  ValueId v = b.add(Op::Sub, {b.x(), b.floats({1, 3, 1, 1}, {1, 2, 3})});
  v = b.add(Op::Mul, {v, b.floats({3, 1, 1}, {1, -2, 0.5f})});
  v = b.add(Op::Add, {b.floats({1}, {100}), v});
  expectRange(rangeOf(b, v), {99, 102, 99.5f}, {109, 106, 100.5f});
  v = b.add(Op::Sub, {b.floats({1}, {0}), v});
  expectRange(rangeOf(b, v), {-109, -106, -100.5f}, {-99, -102, -99.5f});
}

TEST(InputRange, TurnsRoundWithTheChannels) {
  Build b({1, 3, 2, 2});
  const ValueId turned = b.add(Op::Slice, {b.x()}, slice(1, 2, -4, -1));
  expectRange(rangeOf(b, turned), {2, -1, 0}, {4, 1, 10});
}

TEST(InputRange, FollowsChannelsThatAreTakenApartAndJoined) {
  Build b({1, 3, 2, 2});
  const ValueId red = b.add(Op::Slice, {b.x()}, slice(1, 0, 1, 1)), blue = b.add(Op::Slice, {b.x()}, slice(1, 2, 3, 1));
  const ValueId scaled = b.add(Op::Mul, {blue, b.floats({1}, {10})});
  expectRange(rangeOf(b, b.add(Op::Concat, {scaled, red}, {{"axis", std::int64_t{1}}})), {20, 0}, {40, 10});
}

TEST(InputRange, FollowsTransposesAndReshapes) {
  Build b({1, 3, 1, 2});
  const ValueId last = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 3, 1}}});
  const ValueId shifted = b.add(Op::Add, {last, b.floats({3}, {1, 2, 3})});
  const ValueId first = b.add(Op::Transpose, {shifted}, {{"perm", Ints{0, 3, 1, 2}}});
  expectRange(rangeOf(b, first), {1, 1, 5}, {11, 3, 7});
  const ValueId flat = b.add(Op::Reshape, {first});
  b.graph.value(flat).shape = {1, 6}, b.graph.value(flat).hasShape = true;
  expectRange(rangeOf(b, flat), {1, 1, 1, 1, 5, 5}, {11, 11, 3, 3, 7, 7});
}

TEST(InputRange, FollowsAnAffineAndAMeanImage) {
  Build b({1, 3, 1, 2});
  const ValueId v = b.add(Op::Affine, {b.x(), b.floats({3}, {2, -1, 1}), b.floats({3}, {0, 0, 1})});
  expectRange(rangeOf(b, v), {0, -1, 3}, {20, 1, 5});
  const ValueId byPixel = b.add(Op::Sub, {v, b.floats({1, 1, 1, 2}, {0, 1})});
  expectRange(rangeOf(b, byPixel), {0, -1, -1, -2, 3, 2}, {20, 19, 1, 0, 5, 4});
}

TEST(InputRange, OfPaddingIsWhatFillsIt) {
  Build b({1, 3, 1, 1});
  const ValueId v = b.add(Op::Pad, {b.x()}, {{"pads", Ints{0, 0, 0, 1, 0, 0, 0, 0}}, {"value", 7.0f}});
  expectRange(rangeOf(b, v), {7, 0, 7, -1, 7, 2}, {7, 10, 7, 1, 7, 4});
}

// Nodes within one another would need a stack as deep; whole pictures 300 MB.
TEST(InputRange, FollowsAnyNumberOfNodes) {
  Build b({1, 3, 20, 20});
  ValueId v = b.x();
  for (int i = 0; i < 30'000; ++i) v = b.add(Op::Neg, {v});
  expectRange(rangeOf(b, v), kBounds.low, kBounds.high);
}

TEST(InputRange, SaysWhereItIsLost) {
  Build b({1, 3, 4, 4});
  const ValueId both = b.add(Op::Mul, {b.x(), b.x()});
  EXPECT_EQ(expectError(ErrorCode::NotSupportedByMethod, [&] { rangeOf(b, both); }).where(), "node 'Mul0' (Mul)");
  const ValueId by = b.add(Op::Div, {b.floats({1}, {1}), b.x()});
  expectError(ErrorCode::NotSupportedByMethod, [&] { rangeOf(b, by); });
  const ValueId deep = b.add(Op::Conv, {b.x(), b.random({2, 3, 1, 1})});
  expectError(ErrorCode::NotSupportedByMethod, [&] { rangeOf(b, deep); });
  const Error few = expectError(ErrorCode::NotSupportedByMethod, [&] { rangeOf(b, b.x(), {{0}, {1}}); });
  EXPECT_EQ(few.got(), "a pixel range of 1 channels");
}

}  // namespace
}  // namespace relprop::test
