// A graph as text, for debugging and for `relprop inspect`-like listings.
#pragma once

#include <string>

#include "graph/graph.h"

namespace relprop {

// One line a node: "conv1  Conv  x[1×3×8×8] w[4×3×3×3] → y[1×4×8×8]  {group=1 strides=[1 1]}".
std::string toText(const Graph& graph);
std::string toText(const Graph& graph, const Node& node);

}  // namespace relprop
