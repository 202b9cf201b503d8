#include "explainer/redraw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "unit/passes/build.h"

namespace relprop::test {
namespace redraw_test {

// Conv0 → Relu1 → Conv2 → Relu3 → Dense4; the last two constants of each layer are weights and bias.
Graph chain() {
  Build b({1, 2, 6, 6});
  ValueId v = b.add(Op::Conv, {b.x(), b.random({8, 2, 3, 3}, 1, 3), b.random({8})});
  v = b.add(Op::Relu, {v});
  v = b.add(Op::Conv, {v, b.random({8, 8, 4, 4}), b.random({8})});
  v = b.add(Op::Relu, {v});
  b.add(Op::Dense, {v, b.random({5, 8})});
  return b.graph;
}

const std::vector<float>& weights(const Graph& graph, std::size_t node, std::size_t input = 1) {
  return *graph.value(graph.nodes[node].inputs[input]).constant->floats;
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const std::vector<float>& values) {
  Moments m;
  for (float v : values) m.mean += v / static_cast<double>(values.size());
  for (float v : values) m.deviation += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
  m.deviation = std::sqrt(m.deviation);
  return m;
}

TEST(Redraw, LayersAreCountedFromTheOutput) {
  EXPECT_THAT(layersFromTheTop(chain()), ::testing::ElementsAre("Dense4", "Conv2", "Conv0"));
}

TEST(Redraw, TheTopLayersChangeAndTheOthersStay) {
  const Graph before = chain();
  Graph graph = before;
  redrawWeights(graph, 2, 7);
  EXPECT_NE(weights(graph, 4), weights(before, 4));
  EXPECT_NE(weights(graph, 2), weights(before, 2));
  EXPECT_NE(weights(graph, 2, 2), weights(before, 2, 2));
  EXPECT_EQ(weights(graph, 0), weights(before, 0));
}

TEST(Redraw, MeanAndDeviationStay) {
  const Graph before = chain();
  Graph graph = before;
  redrawWeights(graph, 3, 7);
  for (const std::size_t node : {0, 2}) {
    const Moments old = moments(weights(before, node)), fresh = moments(weights(graph, node));
    const double error = 4 * old.deviation / std::sqrt(static_cast<double>(weights(before, node).size()));
    EXPECT_NEAR(fresh.mean, old.mean, error);
    EXPECT_NEAR(fresh.deviation, old.deviation, error);
  }
}

TEST(Redraw, ALayersWeightsDependOnTheSeedAndNotOnHowManyAreDrawn) {
  Graph one = chain(), all = chain(), other = chain();
  redrawWeights(one, 1, 7);
  redrawWeights(all, 100, 7);
  redrawWeights(other, 1, 8);
  EXPECT_EQ(weights(one, 4), weights(all, 4));
  EXPECT_NE(weights(one, 4), weights(other, 4));
}

TEST(Redraw, NoneIsNone) {
  Graph graph = chain();
  redrawWeights(graph, 0, 7);
  for (const std::size_t node : {0, 2, 4}) EXPECT_EQ(weights(graph, node), weights(chain(), node));
}

// A constant that two layers share stays as it is in the one that is not drawn anew.
TEST(Redraw, SharedWeightsAreTakenApart) {
  Build b({1, 4});
  const ValueId shared = b.random({4, 4});
  b.add(Op::Dense, {b.add(Op::Dense, {b.x(), shared}), shared});
  Graph graph = b.graph;
  redrawWeights(graph, 1, 7);
  EXPECT_EQ(weights(graph, 0), weights(b.graph, 0));
  EXPECT_NE(weights(graph, 1), weights(b.graph, 1));
}

}  // namespace redraw_test
}  // namespace relprop::test
