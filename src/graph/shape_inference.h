// Static shapes of every value of a graph.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace relprop {

struct ValueType {
  DType dtype = DType::Float;
  Shape shape;
};

// No value may have more elements than this; checked before anything is allocated.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

// Nor more axes: those of extent 1 cost no elements, but every node that reads the value has them in its shape.
inline constexpr std::size_t kMaxRank = 64;

// Types of a node's outputs from its inputs, whose shapes have to be known. Parameters of its shape (axes, sizes) have
// to be constants. Outputs past the returned ones (a Dropout's mask, say) have no type. Throws ShapeMismatch where
// shapes do not fit, UnsupportedModel where a shape depends on values computed at run time.
std::vector<ValueType> inferNode(const Graph& graph, const Node& node);

// Writes a node's inferred types to its output values.
void setTypes(Graph& graph, const Node& node, const std::vector<ValueType>& types);

// All nodes in order.
void inferShapes(Graph& graph);

// Integers that a node is given as constant input `index` or as attribute `attribute`, whichever is there.
std::optional<Shape> intsParameter(const Graph& graph, const Node& node, std::size_t index, const char* attribute);

// An axis counted from either end as one counted from the front; throws ShapeMismatch when it is outside the rank.
std::size_t normaliseAxis(const Node& node, std::int64_t axis, std::size_t rank);
std::vector<std::size_t> normaliseAxes(const Node& node, const Shape& axes, std::size_t rank);

// Shape of two operands spread over each other as numpy does.
Shape broadcastShapes(const Node& node, const Shape& a, const Shape& b);

// One axis of a Slice with its indices counted from the front and clamped into the extent.
struct SliceRange {
  std::int64_t start = 0, end = 0, step = 1;
  std::int64_t count() const;
};
// Every axis of the Slice's input; accepts both forms (parameters as inputs, or canonical attributes).
std::vector<SliceRange> sliceRanges(const Graph& graph, const Node& node);

// Pads of a Pad node: begin of every axis, then end of every axis; may be negative.
Shape padAmounts(const Graph& graph, const Node& node);

// Extents along the split axis of a Split's outputs.
Shape splitExtents(const Graph& graph, const Node& node);

// Axes that a ReduceMean averages over, in order; empty when it does nothing.
std::vector<std::size_t> reducedAxes(const Graph& graph, const Node& node);

}  // namespace relprop
