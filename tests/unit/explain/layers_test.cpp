// Finding nodes by name.
#include "explain/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace layers_test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "a" makes "b", "b" makes "v*", "*" makes "w" and holds "gone" and "a".
Graph named() {
  Build b({1, 4});
  const ValueId first = b.add(Op::Relu, {b.x()}), second = b.add(Op::Relu, {first}), last = b.add(Op::Relu, {second});
  b.graph.nodes[0].name = "a", b.graph.nodes[1].name = "b", b.graph.nodes[2].name = "*";
  b.graph.value(first).name = "b", b.graph.value(second).name = "v*", b.graph.value(last).name = "w";
  b.graph.nodes[2].folded = {"gone", "a"};
  return b.graph;
}

TEST(NodesByName, AreFoundByTheirOwnNameThenTheirOutputsThenWhatTheyHold) {
  const Graph graph = named();
  EXPECT_THAT(nodesCalled(graph, "a"), ElementsAre(0));
  EXPECT_THAT(nodesCalled(graph, "b"), ElementsAre(1));
  EXPECT_THAT(nodesCalled(graph, "v*"), ElementsAre(1));
  EXPECT_THAT(nodesCalled(graph, "gone"), ElementsAre(2));
  EXPECT_THAT(nodesCalled(graph, "?"), IsEmpty());
}

TEST(NodesByName, AGlobIsOneWhereNoNameIsCalledSo) {
  const Graph graph = named();
  EXPECT_THAT(nodesNamed(graph, "*", "--at"), ElementsAre(2));
  EXPECT_THAT(nodesNamed(graph, "**", "--at"), ElementsAre(0, 1, 2));
  EXPECT_THAT(nodesNamed(graph, "go?e", "--at"), ElementsAre(2));
  EXPECT_EQ(failureOf([&] { nodesNamed(graph, "c*", "--at"); }).code(), ErrorCode::UnknownNode);
}

TEST(NodesByName, OneNodeIsNamedWithoutGlobs) {
  const Graph graph = named();
  EXPECT_EQ(nodeNamed(graph, "*", "--from"), 2);
  EXPECT_EQ(nodeNamed(graph, "b", "--from"), 1);
  const Error several = failureOf([&] { nodeNamed(graph, "?", "--from"); });
  EXPECT_EQ(several.code(), ErrorCode::UnknownNode);
  EXPECT_EQ(several.where(), "--from");
  EXPECT_EQ(several.got(), "'?' may be a, b, *");
  EXPECT_EQ(failureOf([&] { nodeNamed(graph, "gon", "--from"); }).got(), "'gon'");
}

}  // namespace layers_test
}  // namespace relprop::test
