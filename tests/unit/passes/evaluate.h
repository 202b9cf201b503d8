// A slow reference for tests: computes a graph with static shapes in double precision, by plain loops over the
// definitions of the operators, in ONNX form and in canonical form alike.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace relprop::test {

struct Array {
  Shape shape;
  std::vector<double> data;
};

// The first output of a graph with one input.
Array runGraph(const Graph& graph, const Array& input);

}  // namespace relprop::test
