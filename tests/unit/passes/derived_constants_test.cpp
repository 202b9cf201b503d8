// Constants that are computed by what computes pictures as well: position embeddings that are resized, for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

// What is added to the picture.
std::vector<float> addedTo(Build& b, ValueId constant) {
  b.add(Op::Add, {b.x(), constant});
  const Graph g = specialise(b.graph, {.inputShape = {1, 1, 1, 4}, .disabled = {}}).graph;
  EXPECT_EQ(g.nodes.size(), 1u);
  return *g.value(g.nodes.at(0).inputs.at(1)).constant->floats;
}

TEST(DerivedConstants, AreResized) {
  Build linear({1, 1, 1, 4}), nearest({1, 1, 1, 4});
  const auto resized = [](Build& b, const char* mode) {
    return b.add(Op::Resize, {b.floats({1, 1, 1, 2}, {0, 1}), kNoValue, kNoValue, b.ints({1, 1, 1, 4})},
                 {{"mode", std::string(mode)}});
  };
  EXPECT_THAT(addedTo(linear, resized(linear, "linear")), ElementsAre(0, 0.25f, 0.75f, 1));
  EXPECT_THAT(addedTo(nearest, resized(nearest, "nearest")), ElementsAre(0, 0, 1, 1));
}

TEST(DerivedConstants, AreResizedByCubicsThatKeepStraightLines) {
  Build b({1, 1, 1, 4});
  const ValueId line = b.floats({1, 1, 1, 8}, {0, 1, 2, 3, 4, 5, 6, 7});
  const std::vector<float> half =
      addedTo(b, b.add(Op::Resize, {line, kNoValue, b.floats({4}, {1, 1, 1, 0.5f})}, {{"mode", std::string("cubic")}}));
  EXPECT_THAT(half[1], FloatNear(2.5f, 1e-6f));  // away from the border
  EXPECT_THAT(half[2], FloatNear(4.5f, 1e-6f));
}

TEST(DerivedConstants, AreNormalised) {
  Build b({1, 1, 1, 4});
  const ValueId c = b.floats({4}, {1, 3, 1, 3});
  const std::vector<float> normal =
      addedTo(b, b.add(Op::LayerNormalization, {c, b.floats({4}, {1, 1, 1, 2}), b.floats({4}, {0, 0, 5, 0})},
                       {{"epsilon", 0.0f}}));
  EXPECT_THAT(normal, ElementsAre(-1, 1, 4, 2));
}

// Where the largest of each line is; of equal ones the first, or the last on demand.
TEST(DerivedConstants, AreSearchedForExtremes) {
  const auto places = [](Op op, std::int64_t axis, std::int64_t last) {
    Build b({1, 1, 1, 4});
    const ValueId rows = b.floats({4, 4}, {1, 5, 0, 5, 1, 4, 6, 0, 2, 2, 2, 1, 1, 3, 3, 3});
    const ValueId at = b.add(op, {rows}, {{"axis", axis}, {"keepdims", std::int64_t{0}}, {"select_last_index", last}});
    const ValueId numbers = b.add(Op::Cast, {at}, {{"to", std::int64_t{1}}});
    return addedTo(b, b.add(Op::Reshape, {numbers, b.ints({1, 1, 1, 4})}));
  };
  EXPECT_THAT(places(Op::ArgMax, 1, 0), ElementsAre(1, 2, 0, 1));
  EXPECT_THAT(places(Op::ArgMax, 1, 1), ElementsAre(3, 2, 2, 3));
  EXPECT_THAT(places(Op::ArgMin, 0, 0), ElementsAre(0, 2, 0, 1));
  EXPECT_THAT(places(Op::ArgMin, 0, 1), ElementsAre(3, 2, 0, 1));
}

// The weights of an Einsum are turned when the network is compiled, not for each picture.
TEST(DerivedConstants, AreTurnedOnce) {
  Build b({1, 1, 1, 4});
  b.add(Op::Einsum, {b.x(), b.random({3, 4})}, {{"equation", std::string("nchw,kw->nchk")}});
  const Graph g = specialise(b.graph, {.inputShape = {1, 1, 1, 4}, .disabled = {}}).graph;
  for (const Node& node : g.nodes) EXPECT_FALSE(g.isConstant(node.inputs.at(0))) << node.name;
}

}  // namespace
}  // namespace relprop::test
