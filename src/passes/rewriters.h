// Passes that are a table: for each op, how a node of it is written anew.
#pragma once

#include <cstddef>
#include <map>

#include "graph/graph.h"

namespace relprop {

using Rewriter = bool (*)(Graph& graph, std::size_t index);  // false: the node stays

// Applies the table to the nodes that are there; what rewriters append is not looked at. Returns the number of
// rewrites.
int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters);

}  // namespace relprop
