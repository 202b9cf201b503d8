#include "graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/print.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using ::testing::ElementsAre;

// a constant and an input, added and rectified.
Graph example() {
  Graph graph;
  ValueId x = graph.addValue({"x", DType::Float, {-1, 2}, true, nullptr});
  Constant two{DType::Float, {2}, std::make_shared<const std::vector<float>>(std::vector<float>{1, 2}), nullptr};
  ValueId k = graph.addConstant("k", two);
  ValueId sum = graph.addValue({"sum", DType::Float, {}, false, nullptr});
  ValueId y = graph.addValue({"y", DType::Float, {}, false, nullptr});
  graph.nodes.push_back({"add", Op::Add, {x, k}, {sum}, {}, {}});
  graph.nodes.push_back({"clip", Op::Clip, {sum, kNoValue, k}, {y}, {{"min", 0.5f}}, {"bn1", "bn2"}});
  graph.inputs = {x};
  graph.outputs = {y};
  return graph;
}

TEST(Graph, OperatorNamesGoBothWays) {
  for (std::size_t i = 0; i < kOpCount; ++i) {
    Op op = Op::Conv;
    EXPECT_TRUE(opFromName(opName(static_cast<Op>(i)), op));
    EXPECT_EQ(static_cast<std::size_t>(op), i);
  }
  EXPECT_STREQ(opName(Op::Conv), "Conv");
  EXPECT_STREQ(opName(Op::ConstantOfShape), "ConstantOfShape");
  EXPECT_STREQ(opName(Op::Upsample), "Upsample");
  EXPECT_STREQ(opName(Op::Affine), "Affine");
  Op op = Op::Conv;
  EXPECT_FALSE(opFromName("conv", op));
}

TEST(Graph, AttributesAndTheirFallbacks) {
  Node node;
  node.name = "n";
  node.attrs = {{"i", std::int64_t{3}},
                {"f", 0.5f},
                {"s", std::string("same")},
                {"is", std::vector<std::int64_t>{1, 2}},
                {"fs", std::vector<float>{2, 4}}};
  EXPECT_EQ(node.intAttr("i", 9), 3);
  EXPECT_EQ(node.intAttr("none", 9), 9);
  EXPECT_EQ(node.floatAttr("f", 9), 0.5f);
  EXPECT_EQ(node.floatAttr("none", 9), 9);
  EXPECT_EQ(node.stringAttr("s", "x"), "same");
  EXPECT_EQ(node.stringAttr("none", "x"), "x");
  EXPECT_THAT(node.intsAttr("is"), ElementsAre(1, 2));
  EXPECT_THAT(node.intsAttr("none", {7}), ElementsAre(7));
  EXPECT_THAT(node.floatsAttr("fs"), ElementsAre(2, 4));
  EXPECT_TRUE(node.floatsAttr("none").empty());
  EXPECT_THROW(node.intAttr("f", 0), Error);
}

TEST(Graph, ConstantsAreValues) {
  Graph graph = example();
  EXPECT_FALSE(graph.isConstant(0));
  EXPECT_TRUE(graph.isConstant(1));
  EXPECT_FALSE(graph.isConstant(kNoValue));
  EXPECT_EQ(graph.value(1).shape, (Shape{2}));
  EXPECT_TRUE(graph.value(1).hasShape);
}

TEST(Graph, Uses) {
  Uses uses = usesOf(example());
  EXPECT_THAT(uses.producer, ElementsAre(-1, -1, 0, 1));
  EXPECT_THAT(uses.consumers[0], ElementsAre(0));
  EXPECT_THAT(uses.consumers[1], ElementsAre(0, 1));
  EXPECT_THAT(uses.consumers[2], ElementsAre(1));
  EXPECT_TRUE(uses.consumers[3].empty());
}

TEST(Graph, AsText) {
  EXPECT_EQ(toText(example()),
            "inputs: x[?×2]\n"
            "add  Add  x[?×2] k[2]* → sum[?]\n"
            "clip  Clip  sum[?] - k[2]* → y[?]  {min=0.5}  (holds bn1, bn2)\n"
            "outputs: y[?]\n");
}

}  // namespace
}  // namespace relprop
