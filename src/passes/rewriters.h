// What several passes are made of: a table that says for each op how a node of it is written anew, and parts of values.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/shape_inference.h"
#include "passes/passes.h"

namespace relprop {

using Rewriter = bool (*)(Graph& graph, std::size_t index);  // false: the node stays

// Applies the table to the nodes that are there; what rewriters append is not looked at. Returns the number of
// rewrites.
int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters);

// Where a node is written as so many others, or with a constant of so many elements, as its extents say: called before
// anything is made. Throw UnsupportedModel and ShapeMismatch once a network asks for more than there is reason to, and
// OutOfMemory where there is less than that.
void chargeNodes(const Node& node, std::int64_t count, PassContext& context);
void chargeConstant(const Node& node, std::int64_t elements, PassContext& context);
// A constant NODE+what of one value, charged for.
ValueId filled(Graph& graph, const Node& node, const char* what, const Shape& shape, float value, PassContext& context);
// Indices of a move, counted by themselves: padding by reflection needs one for each value, layer after layer.
void chargeIndices(const Node& node, std::int64_t count, PassContext& context);

// The third error, which names the node.
void requireMemoryFor(const Node& node, std::int64_t bytes);
// The same for elements that are made, all that stay of them as floats within the caller's limit.
void requireMemoryFor(const Node& node, std::int64_t made, std::int64_t stay, const PassContext& context);
// A number or an index in whole numbers, or a float and what it is computed from.
inline constexpr std::int64_t kBytesOfAMadeElement = 8;
// With its weight: in what it is found by, the network, what is compiled of it, and tables for the way there and back.
inline constexpr std::int64_t kBytesOfAnIndex = 5 * (sizeof(std::int64_t) + sizeof(float));

// The second error, for constants that are counted in `spent`: one after the other must not add up to more than a few
// times the limit for each either.
inline constexpr std::int64_t kTotalFactor = 4, kIndicesFactor = 8;
void chargeElements(const Node& node, std::int64_t elements, std::int64_t limit, std::int64_t total,
                    std::int64_t& spent);

// By node: is it a quotient whose last bit decides? A product with the reciprocal of 7 makes 6.9999995 of 49/7, which
// nobody notices but what cuts it to a whole number or compares it, at once or behind moves and arithmetic with
// constants.
std::vector<char> decisiveQuotients(const Graph& graph);

// A canonical Slice of a value of that shape: all of it but along `axis`.
Node sliceAlong(std::string name, ValueId x, const Shape& shape, std::size_t axis, const SliceRange& range);

}  // namespace relprop
