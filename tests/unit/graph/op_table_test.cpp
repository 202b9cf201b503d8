// The table of ops has one complete row for every op, and its derivatives are those of its values.
#include "graph/op_table.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

namespace relprop {
namespace {

// Does an enumerator of that value exist? The compiler writes those that do by name, others as casts.
template <Op op>
constexpr bool isNamed() {
  return std::string_view(__PRETTY_FUNCTION__).find("op = (") == std::string_view::npos;
}

constexpr std::size_t kMost = 200;  // more than there are

template <std::size_t... value>
std::vector<Op> namedOf(std::index_sequence<value...>) {
  std::vector<Op> ops;
  (void)(..., (isNamed<static_cast<Op>(value)>() ? ops.push_back(static_cast<Op>(value)) : void()));
  return ops;
}

const std::vector<Op>& everyOp() {
  static const std::vector<Op> ops = namedOf(std::make_index_sequence<kMost>());
  return ops;
}

TEST(OpTable, HasACompleteRowForEveryOp) {
  ASSERT_EQ(everyOp().size(), kOpCount);
  for (Op op : everyOp())
    EXPECT_TRUE(isComplete(rowOf<double>(op), op)) << "op " << static_cast<int>(op) << ", the row of " << opName(op);
}

TEST(OpTable, ARowThatLeavesSomethingOutIsNotComplete) {
  const OpRow<double> whole = rowOf<double>(Op::Tanh);
  const auto without = [&](auto take) {
    OpRow<double> row = whole;
    take(row);
    return isComplete(row, Op::Tanh);
  };
  EXPECT_TRUE(without([](auto&) {}));
  EXPECT_FALSE(isComplete(OpRow<double>{}, Op::Conv));
  EXPECT_FALSE(without([](auto& row) { row.op = Op::Erf; }));
  EXPECT_FALSE(without([](auto& row) { row.name = ""; }));
  EXPECT_FALSE(without([](auto& row) { row.traits.kind = {}; }));
  EXPECT_FALSE(without([](auto& row) { row.traits.sign = {}; }));
  EXPECT_FALSE(without([](auto& row) { row.traits.gate = {}; }));
  EXPECT_FALSE(without([](auto& row) { row.traits.batch = {}; }));
  EXPECT_FALSE(without([](auto& row) { row.formula.value = nullptr; }));
  EXPECT_FALSE(without([](auto& row) { row.formula.derivative = nullptr; }));
  EXPECT_FALSE(without([](auto& row) { row.traits.kind = OpKind::Rewritten; }));
}

// ---- formulas
double valueAt(const Node& node, const std::vector<double>& operands) {
  return rowOf<double>(node.op).formula.value({node, [&](std::size_t k) { return operands[k]; }});
}

double derivativeAt(const Node& node, const std::vector<double>& operands, std::size_t by) {
  return rowOf<double>(node.op).formula.derivative(
      {node, [&](std::size_t k) { return operands[k]; }, [&] { return valueAt(node, operands); }, by});
}

double differenceAt(const Node& node, std::vector<double> operands, std::size_t by) {
  constexpr double h = 1e-5;
  operands[by] += h;
  const double up = valueAt(node, operands);
  operands[by] -= 2 * h;
  return (up - valueAt(node, operands)) / (2 * h);
}

// With and without every attribute that a formula reads.
std::vector<Node> nodesOf(Op op) {
  Node plain;
  plain.op = op;
  Node adjusted = plain;
  adjusted.attrs = {
      {"alpha", 0.3f}, {"beta", 0.4f}, {"min", -1.25f}, {"max", 1.75f}, {"approximate", std::string("tanh")}};
  return {plain, adjusted};
}

std::vector<Op> elementwiseOps() {
  std::vector<Op> ops;
  for (Op op : everyOp())
    if (isElementwise(op)) ops.push_back(op);
  return ops;
}

class Elementwise : public testing::TestWithParam<Op> {};

// A root, a logarithm or a power with any exponent takes positive operands alone.
bool isDefined(Op op, double a) {
  return a > 0 || (op != Op::Sqrt && op != Op::Log && op != Op::Pow);
}

// Operands by which a formula has a derivative; that of FakeQuantize is 1 by definition, whatever its steps do.
std::vector<std::size_t> derivedOperands(Op op) {
  if (op == Op::FakeQuantize) return {};
  if (op == Op::Where) return {1, 2};
  return traitsOf(op).kind == OpKind::Activation || op == Op::Not ? std::vector<std::size_t>{0}
                                                                  : std::vector<std::size_t>{0, 1};
}

// None of these lies on a kink, nor where nothing is defined. The condition of a choice comes first.
TEST_P(Elementwise, DerivativeIsTheCentralDifference) {
  const Op op = GetParam();
  for (const Node& node : nodesOf(op))
    for (double a : {-4.3, -2.1, -0.7, -0.2, 0.4, 1.6, 2.9, 4.1})
      for (double b : {-0.6, 0.8, 2.3})
        for (std::size_t by : derivedOperands(op)) {
          if (!isDefined(op, a)) continue;
          const std::vector<double> operands =
              op == Op::Where ? std::vector<double>{b > 0 ? 1.0 : 0.0, a, b} : std::vector<double>{a, b};
          const double expected = differenceAt(node, operands, by);
          EXPECT_NEAR(derivativeAt(node, operands, by), expected, 2e-7 * (1 + std::abs(expected)))
              << "by operand " << by << " at " << a << ", " << b;
        }
}

TEST(OpTable, RoundingIsPassedStraightThrough) {
  Node node;
  node.op = Op::FakeQuantize;
  node.attrs = {{"scale", 0.5f}, {"zero_point", 3.0f}, {"low", -8.0f}, {"high", 7.0f}};
  EXPECT_EQ(valueAt(node, {0.8}), 1.0);    // 1.6 rounds to 2 steps
  EXPECT_EQ(valueAt(node, {0.75}), 1.0);   // 1.5 rounds to the even 2
  EXPECT_EQ(valueAt(node, {100.0}), 2.0);  // cut off at (7 − 3) steps
  EXPECT_EQ(derivativeAt(node, {0.8}, 0), 1.0);
}

INSTANTIATE_TEST_SUITE_P(OpTable, Elementwise, testing::ValuesIn(elementwiseOps()),
                         [](const testing::TestParamInfo<Op>& info) { return opName(info.param); });

}  // namespace
}  // namespace relprop
