// Finding nodes by the names people know them by.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Nodes whose name, output's name or a name folded into them is `name` (a glob); for a name that several nodes go by
// (a convolution and what was folded into it) the last one. Throws UnknownNode with the nearest names.
std::vector<int> nodesNamed(const Graph& graph, const std::string& name, const std::string& option);

}  // namespace relprop
