// What several passes are made of: a table that says for each op how a node of it is written anew, and parts of values.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "graph/graph.h"
#include "graph/shape_inference.h"

namespace relprop {

using Rewriter = bool (*)(Graph& graph, std::size_t index);  // false: the node stays

// Applies the table to the nodes that are there; what rewriters append is not looked at. Returns the number of
// rewrites.
int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters);

// A canonical Slice of a value of that shape: all of it but along `axis`.
Node sliceAlong(std::string name, ValueId x, const Shape& shape, std::size_t axis, const SliceRange& range);

}  // namespace relprop
