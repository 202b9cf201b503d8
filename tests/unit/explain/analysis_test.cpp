// What is proved about graphs before they run.
#include "explain/walk/analysis.h"

#include "unit/explain/support.h"

namespace relprop::test {
namespace {

bool nonNegative(Build& b, ValueId id) {
  return nonNegativeValues(b.graph)[static_cast<std::size_t>(id)];
}

TEST(NonNegative, KnowsWhatCannotBeBelowZero) {
  Build b({1, 4, 4, 4});
  const ValueId relu = b.add(Op::Relu, {b.x()});
  EXPECT_FALSE(nonNegative(b, b.x()));
  EXPECT_TRUE(nonNegative(b, relu));
  EXPECT_TRUE(nonNegative(b, b.add(Op::Sigmoid, {b.x()})));
  EXPECT_TRUE(nonNegative(b, b.add(Op::Softmax, {b.x()})));
  EXPECT_TRUE(nonNegative(b, b.add(Op::HardSigmoid, {b.x()})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Tanh, {b.x()})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::HardSwish, {b.x()})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Elu, {b.x()})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Conv, {relu, b.random({4, 4, 1, 1}, 0, 1), b.random({4})})));
}

TEST(NonNegative, FollowsPoolsMovesAndSums) {
  Build b({1, 4, 4, 4});
  const ValueId relu = b.add(Op::Relu, {b.x()});
  for (const Op op :
       {Op::MaxPool, Op::AveragePool, Op::Transpose, Op::Slice, Op::Reshape, Op::LRN, Op::LeakyRelu, Op::Pad}) {
    EXPECT_TRUE(nonNegative(b, b.add(op, {relu}))) << opName(op);
    EXPECT_FALSE(nonNegative(b, b.add(op, {b.x()}))) << opName(op);
  }
  for (const Op op : {Op::Add, Op::Mul, Op::Concat}) {
    EXPECT_TRUE(nonNegative(b, b.add(op, {relu, relu}))) << opName(op);
    EXPECT_FALSE(nonNegative(b, b.add(op, {relu, b.x()}))) << opName(op);
  }
  EXPECT_FALSE(nonNegative(b, b.add(Op::Sub, {relu, relu})));
}

TEST(NonNegative, LooksAtConstantsAndAttributes) {
  Build b({1, 4, 4, 4});
  const ValueId relu = b.add(Op::Relu, {b.x()});
  EXPECT_TRUE(nonNegative(b, b.add(Op::Add, {relu, b.floats({1}, {2})})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Add, {relu, b.floats({1}, {-2})})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Mul, {relu, b.floats({2}, {1, -1})})));
  EXPECT_TRUE(nonNegative(b, b.add(Op::Clip, {b.x()}, {{"min", 0.0f}})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Clip, {b.x()}, {{"min", -1.0f}})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Clip, {b.x()}, {{"max", 6.0f}})));
  EXPECT_FALSE(nonNegative(b, b.add(Op::Pad, {relu}, {{"value", -1.0f}})));
}

// ---- where no relevance reaches zeros
class Vanishing : public testing::Test {
 protected:
  // relu → [middle] → head; does nothing arrive at the Relu's zeros?
  bool atRelu(const Rows& rows, const std::function<void(Build&, ValueId)>& middle = {}) {
    Build b({1, 4, 4, 4});
    const ValueId relu = b.add(Op::Relu, {b.x()});
    if (middle) middle(b, relu);
    addHead(b);
    const Method m = methodOf(rows);
    std::vector<const Rule*> rules;
    for (const NodeFacts& f : nodeFacts(b.graph)) rules.push_back(m.table.find(f));
    return vanishesWithValue(b.graph, rules)[static_cast<std::size_t>(relu)];
  }
  static Rows with(const std::string& head, Rows more = {}) {
    Rows rows = {{"head", head}};
    rows.insert(rows.end(), more.begin(), more.end());
    rows.insert(rows.end(),
                {{"[move]", "jacobian"}, {"[activation]", "pass"}, {"[maxpool]", "winner"}, {"[affine]", "pass"}});
    return rows;
  }
};

TEST_F(Vanishing, UnderRulesThatMultiplyTheInput) {
  for (const char* rule : {"epsilon", "zplus", "rap", "rap-top"}) EXPECT_TRUE(atRelu(with(rule))) << rule;
  for (const char* rule : {"flat", "wsquare", "gradient", "zplus:bias=spread"})
    EXPECT_FALSE(atRelu(with(rule))) << rule;
}

TEST_F(Vanishing, ThroughPools) {
  const auto pool = [](Op op) { return [op](Build& b, ValueId x) { b.add(op, {x}, {{"kernel_shape", Ints{2, 2}}}); }; };
  EXPECT_TRUE(atRelu(with("zplus"), pool(Op::MaxPool)));
  EXPECT_FALSE(atRelu(with("flat"), pool(Op::MaxPool)));
  EXPECT_TRUE(atRelu(with("flat", {{"MaxPool", "average"}}), pool(Op::MaxPool))) << "shares are multiples of the input";
  EXPECT_TRUE(atRelu(with("flat", {{"AveragePool", "proportional"}}), pool(Op::AveragePool)));
  EXPECT_FALSE(atRelu(with("zplus", {{"AveragePool", "jacobian"}}), pool(Op::AveragePool)));
}

TEST_F(Vanishing, NotBehindAShift) {
  EXPECT_FALSE(atRelu(with("zplus"), [](Build& b, ValueId x) {
    b.add(Op::Affine, {x, b.random({4}), b.random({4})});
  }));
}

TEST_F(Vanishing, OneReaderThatDoesNotIsEnough) {
  EXPECT_FALSE(atRelu(with("zplus", {{"Conv", "flat"}, {"[residual]", "proportional"}}), [](Build& b, ValueId x) {
    b.add(Op::Add, {x, b.add(Op::Conv, {x, b.random({4, 4, 1, 1})})});
  }));
}

TEST_F(Vanishing, AdditionsByTheirRule) {
  const auto sum = [](Build& b, ValueId x) { b.add(Op::Add, {x, b.add(Op::Relu, {b.x()})}); };
  EXPECT_TRUE(atRelu(with("zplus", {{"[residual]", "proportional"}}), sum));
  EXPECT_TRUE(atRelu(with("zplus", {{"[residual]", "ratio"}}), sum));
  EXPECT_TRUE(atRelu(with("zplus", {{"[residual]", "residual-gamma"}}), sum));
  EXPECT_FALSE(atRelu(with("zplus", {{"[residual]", "symmetric"}}), sum));
}

// Two zeros get half each under `ratio`: relevance that arrives at their sum goes on to both.
TEST_F(Vanishing, RatioOfTwoZerosKeepsWhatArrives) {
  const auto sum = [](Build& b, ValueId x) { b.add(Op::Add, {x, b.add(Op::Relu, {b.x()})}); };
  EXPECT_FALSE(atRelu(with("flat", {{"[residual]", "ratio"}}), sum));
}

TEST_F(Vanishing, NeverAtTheScores) {
  Build b({1, 4});
  b.add(Op::Relu, {b.add(Op::Dense, {b.x(), b.random({3, 4})})});
  inferShapes(b.graph);
  const Method m = methodOf({{"Dense", "zplus"}, {"Relu", "pass"}});
  std::vector<const Rule*> rules;
  for (const NodeFacts& f : nodeFacts(b.graph)) rules.push_back(m.table.find(f));
  EXPECT_FALSE(vanishesWithValue(b.graph, rules)[static_cast<std::size_t>(b.graph.outputs[0])]);
}

// ---- skip paths
class IdentitySkip : public testing::Test {
 protected:
  ValueId conv(ValueId x) { return b_.add(Op::Conv, {x, b_.random({4, 4, 1, 1})}); }
  int skipOf(ValueId left, ValueId right) {
    b_.add(Op::Add, {left, right});
    return identitySkipInput(b_.graph, usesOf(b_.graph), b_.graph.nodes.back());
  }
  Build b_{{1, 4, 4, 4}};
};

TEST_F(IdentitySkip, OnEitherSide) {
  const ValueId stem = b_.add(Op::Relu, {conv(b_.x())}), branch = conv(b_.add(Op::Relu, {conv(stem)}));
  EXPECT_EQ(skipOf(stem, branch), 0);
  EXPECT_EQ(skipOf(branch, stem), 1);
}

TEST_F(IdentitySkip, MayPoolAndMove) {
  const ValueId stem = conv(b_.x()), pooled = b_.add(Op::MaxPool, {stem}, {{"kernel_shape", Ints{1, 1}}});
  EXPECT_EQ(skipOf(conv(stem), b_.add(Op::Transpose, {pooled})), 1);
}

TEST_F(IdentitySkip, ProjectionsAreLearned) {
  const ValueId stem = conv(b_.x());
  EXPECT_EQ(skipOf(conv(stem), conv(b_.add(Op::Relu, {conv(stem)}))), -1);
}

TEST_F(IdentitySkip, BranchesThatStartApartHaveNone) {
  EXPECT_EQ(skipOf(conv(b_.x()), conv(b_.x())), -1);
}

TEST_F(IdentitySkip, SixtyDoublingsAreNotTwoToTheSixtyPaths) {
  const ValueId other = conv(b_.x());
  ValueId sum = conv(b_.x());
  for (int i = 0; i < 60; ++i) sum = b_.add(Op::Add, {sum, sum});
  EXPECT_EQ(skipOf(sum, other), -1);
}

TEST_F(IdentitySkip, TheNetworksInputIsAnAncestorToo) {
  EXPECT_EQ(skipOf(conv(b_.x()), b_.x()), 1);
}

}  // namespace
}  // namespace relprop::test
