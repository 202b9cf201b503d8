// What a graph tells about where the channels of its input lie.
#include "passes/input_layout.h"

#include <gtest/gtest.h>

#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

const Ints kToFirst{0, 3, 1, 2};

void addConv(Build& b, ValueId x, std::int64_t channels = 3) {
  b.add(Op::Conv, {x, b.random({2, channels, 3, 3})});
}

TEST(InputLayout, TransposeBehindTheInput) {
  Build b({-1, 10, 14, 3});
  addConv(b, b.add(Op::Transpose, {b.x()}, {{"perm", kToFirst}}));
  const InputLayout layout = inputLayoutOf(b.graph);
  EXPECT_TRUE(layout.channelsLast);
  EXPECT_TRUE(layout.certain);
  EXPECT_NE(layout.reason.find("Transpose0"), std::string::npos);
}

TEST(InputLayout, TransposeBehindArithmeticCastsAndFlips) {
  Build b({-1, -1, -1, -1});
  ValueId v = b.add(Op::Cast, {b.x()}, {{"to", std::int64_t{1}}});
  v = b.add(Op::Slice, {v, b.ints({-1}), b.ints({-100}), b.ints({3}), b.ints({-1})});
  v = b.add(Op::Sub, {v, b.random({3})});
  v = b.add(Op::Div, {v, b.random({1})});
  addConv(b, b.add(Op::Transpose, {v}, {{"perm", kToFirst}}));
  EXPECT_TRUE(inputLayoutOf(b.graph).channelsLast);
}

TEST(InputLayout, ConvolutionTakesTheSecondAxisWhateverTheExtents) {
  Build b({-1, 16, 5, 3});
  addConv(b, b.add(Op::Mul, {b.x(), b.random({1})}), 16);
  EXPECT_FALSE(inputLayoutOf(b.graph).channelsLast);
  EXPECT_TRUE(inputLayoutOf(b.graph).certain);
}

TEST(InputLayout, OtherTransposesSayNothing) {
  Build b({-1, 3, 8, 8});
  b.add(Op::Flatten, {b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 3, 1}}})});
  EXPECT_FALSE(inputLayoutOf(b.graph).channelsLast);
  EXPECT_FALSE(inputLayoutOf(b.graph).certain);
}

TEST(InputLayout, ExtentsSuggestItWhereNothingElseDoes) {
  for (const auto& [shape, last] : std::vector<std::pair<Shape, bool>>{{{-1, 28, 28, 1}, true},
                                                                       {{-1, 9, 9, 3}, true},
                                                                       {{-1, 9, 9, 4}, true},
                                                                       {{-1, 3, 9, 3}, false},
                                                                       {{-1, 3, 9, 9}, false},
                                                                       {{-1, 9, 9, 5}, false},
                                                                       {{-1, 9, 3}, false}}) {
    Build b(shape);
    b.add(Op::Flatten, {b.x()});
    EXPECT_EQ(inputLayoutOf(b.graph).channelsLast, last) << toString(shape);
    EXPECT_FALSE(inputLayoutOf(b.graph).certain);
  }
}

TEST(InputLayout, SignalsNeedAConvolutionBehindTheTranspose) {
  const Ints swap{0, 2, 1};
  Build signal({-1, 40, 2});
  signal.add(Op::Conv, {signal.add(Op::Transpose, {signal.x()}, {{"perm", swap}}), signal.random({3, 2, 5})});
  EXPECT_TRUE(inputLayoutOf(signal.graph).channelsLast);
  Build matrix({-1, 40, 2});
  matrix.add(Op::MatMul, {matrix.add(Op::Transpose, {matrix.x()}, {{"perm", swap}}), matrix.random({40, 3})});
  EXPECT_FALSE(inputLayoutOf(matrix.graph).channelsLast);
}

// The wrapped network gives the same scores, and keeps no Transpose that the file's own undoes.
TEST(ChannelsFirst, ComputesTheSameWithoutTransposes) {
  Build b({-1, 6, 5, 3});
  addConv(b, b.add(Op::Transpose, {b.x()}, {{"perm", kToFirst}}));
  const Graph last = canonical(b, {1, 6, 5, 3});
  Build wrapped = b;
  wrapped.graph = withChannelsFirst(b.graph);
  const Graph first = canonical(wrapped, {1, 3, 6, 5});
  EXPECT_EQ(first.nodes.size(), 1u);
  Array x{{1, 6, 5, 3}, {}}, y{{1, 3, 6, 5}, std::vector<double>(90)};
  for (std::size_t i = 0; i < 90; ++i) x.data.push_back(std::sin(static_cast<double>(i)));
  for (std::size_t p = 0; p < 30; ++p)
    for (std::size_t c = 0; c < 3; ++c) y.data[c * 30 + p] = x.data[p * 3 + c];
  EXPECT_EQ(runGraph(last, x).data, runGraph(first, y).data);
}

}  // namespace
}  // namespace relprop::test
