// Ops that move elements about by constant indices, whatever they are called: where each element of the output comes
// from.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace relprop {

constexpr std::int64_t kFilled = -1;  // the element is no input's, but what the op fills in

// Is it an op of that kind, with constant parameters?
bool hasSources(const Graph& graph, const Node& node);

// For each element of the output, of that shape, its index in the flat first input; elements of a Scatter's updates are
// counted behind those. Throws ShapeMismatch for an index outside.
std::vector<std::int64_t> sourcesOf(const Graph& graph, const Node& node, const Shape& output);

// What is filled in.
float fillingOf(const Graph& graph, const Node& node);

}  // namespace relprop
