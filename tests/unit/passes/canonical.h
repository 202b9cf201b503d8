// Running all passes with an eye on what the graph computes.
#pragma once

#include <gtest/gtest.h>

#include "unit/passes/build.h"

namespace relprop::test {

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
    runPass(pass, graph, context);
    const Array got = runGraph(graph, input);
    if (expected.data.empty()) expected = got;
    EXPECT_LT(relativeError(got, expected), 1e-6) << "after " << pass.name;
  }
  return graph;
}

}  // namespace relprop::test
