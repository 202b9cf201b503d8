// Running all passes with an eye on what the graph computes.
#pragma once

#include <gtest/gtest.h>

#include "unit/passes/build.h"

namespace relprop::test {

// What a pass keeps has the shape it had: nodes behind it count its axes. The first pass is the one that finds shapes,
// and one may put the batch in front.
inline void expectShapesKept(const PassInfo& pass, const Graph& before, const Graph& after) {
  const std::string name = pass.name;
  if (name == "fold-constants" || name == "batch-first") return;
  for (const Node& node : after.nodes)
    for (const ValueId id : node.outputs) {
      if (id == kNoValue || id >= static_cast<ValueId>(before.values.size())) continue;
      EXPECT_EQ(after.value(id).shape, before.value(id).shape) << name << ": " << after.value(id).name;
    }
}

// Runs all passes one by one and compares the output with that of the graph after the first, which only evaluates
// constants. Returns the canonical graph.
inline Graph canonical(const Build& build, const Shape& inputShape, bool foldBatchNorm = true) {
  SpecialiseOptions options;
  options.inputShape = inputShape;
  options.foldBatchNorm = foldBatchNorm;
  PassContext context{options, foldLimitOf(build.graph), {}, {}, {}};
  Graph graph = build.graph;
  const Array input = randomInput(inputShape);
  Array expected;
  for (const PassInfo& pass : passList()) {
    const Graph before = graph;
    runPass(pass, graph, context);
    expectShapesKept(pass, before, graph);
    const Array got = runGraph(graph, input);
    if (expected.data.empty()) expected = got;
    EXPECT_LT(relativeError(got, expected), 1e-6) << "after " << pass.name;
  }
  return graph;
}

}  // namespace relprop::test
