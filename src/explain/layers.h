// Finding nodes by the names people know them by.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Nodes that are called `name`; where there is none those whose output is, else those that hold a folded node of that
// name. May be empty.
std::vector<int> nodesCalled(const Graph& graph, const std::string& name);
// Those, or else all that `name` fits, a glob over the same names; of several the last one is the outermost. Throws
// UnknownNode with the nearest name.
std::vector<int> nodesNamed(const Graph& graph, const std::string& name, const std::string& option);
// The one that is called `name`, which is no glob. Throws UnknownNode with the nearest name, or those a glob fits.
int nodeNamed(const Graph& graph, const std::string& name, const std::string& option);

}  // namespace relprop
