// Types of the outputs of ops that gather, scatter, count and compare: the second half of shape_inference.cpp's table.
#pragma once

#include <map>
#include <vector>

#include "graph/shape_inference.h"

namespace relprop {

using InferTypes = std::vector<ValueType> (*)(const Graph&, const Node&);
const std::map<Op, InferTypes>& inferenceOfMoves();

// One number that a node is given as constant input `index`. Throws UnsupportedModel, ShapeMismatch.
double numberParameter(const Graph& graph, const Node& node, std::size_t index, const char* name);

// The same where only a whole number of at most 2^31 makes sense.
std::int64_t wholeParameter(const Graph& graph, const Node& node, std::size_t index, const char* name);

// Output extents of a ConvTranspose, and the pads at the beginning and the end of each axis that go with them.
struct TransposedWindow {
  Shape output, padBegin, padEnd, kernel, strides, dilations;
};
TransposedWindow transposedWindowOf(const Graph& graph, const Node& node);

// Which letter stands for which extent in an Einsum, and the terms themselves, without an ellipsis.
struct EinsumTerms {
  std::vector<std::string> inputs;
  std::string output;
  std::map<char, std::int64_t> extents;
};
EinsumTerms einsumTermsOf(const Graph& graph, const Node& node);

}  // namespace relprop
