// Global pools and means over axes as AveragePool and MaxPool.
#include <algorithm>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

using Axes = std::vector<std::size_t>;

void writePool(Node& node, Op op, const Shape& kernel) {
  const Shape ones(kernel.size(), 1);
  node.op = op;
  node.inputs.resize(1);
  node.attrs = {
      {"kernel_shape", kernel}, {"strides", ones}, {"dilations", ones}, {"pads", Shape(2 * kernel.size(), 0)}};
  if (op == Op::AveragePool) node.attrs["count_include_pad"] = std::int64_t{0};
}

void globalPool(const Graph& graph, Node& node) {
  const Shape& shape = graph.value(node.inputs[0]).shape;
  if (shape.size() == 2) node.op = Op::Identity;
  if (shape.size() > 2)
    writePool(node, node.op == Op::GlobalMaxPool ? Op::MaxPool : Op::AveragePool,
              Shape(shape.begin() + 2, shape.end()));
}

// Axes past N and C of an image or a sequence: a pool over them, whatever keepdims says about the result's shape.
bool spatialOnly(const Axes& axes, std::size_t rank) {
  return (rank == 3 || rank == 4) && axes.front() >= 2;
}

void spatialMean(Graph& graph, std::size_t index, const Axes& axes) {
  Node& node = graph.nodes[index];
  const Shape& shape = graph.value(node.inputs[0]).shape;
  Shape kernel(shape.size() - 2, 1), pooled = shape;
  for (std::size_t axis : axes) {
    kernel[axis - 2] = shape[axis];
    pooled[axis] = 1;
  }
  writePool(node, Op::AveragePool, kernel);
  if (pooled != graph.value(node.outputs[0]).shape)
    spliceAfter(graph, index, makeNode(node.name + "/shape", Op::Reshape), pooled);
}

// Any axes: those that stay to the front, the others to the back as one, then a 1-D pool over that one.
void anyMean(Graph& graph, std::size_t index, const Axes& axes) {
  const std::string name = graph.nodes[index].name;
  const Shape shape = graph.value(graph.nodes[index].inputs[0]).shape;
  Shape perm, transposed, matrix{1, 1, 1};
  for (int reduced = 0; reduced < 2; ++reduced)
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (std::binary_search(axes.begin(), axes.end(), i) != (reduced == 1)) continue;
      perm.push_back(static_cast<std::int64_t>(i));
      transposed.push_back(shape[i]);
      matrix[reduced ? 2 : (i == 0 ? 0 : 1)] *= shape[i];
    }
  writePool(graph.nodes[index], Op::AveragePool, {matrix[2]});
  Node transpose = makeNode(name + "/transpose", Op::Transpose);
  transpose.attrs["perm"] = perm;
  spliceBefore(graph, index, transpose, transposed);
  spliceBefore(graph, index, makeNode(name + "/matrix", Op::Reshape), matrix);
  matrix[2] = 1;
  spliceAfter(graph, index, makeNode(name + "/shape", Op::Reshape), matrix);
}

void reduceMean(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  const Axes axes = reducedAxes(graph, node);
  if (axes.empty()) {
    node.op = Op::Identity;
    node.inputs.resize(1);
    return;
  }
  const std::size_t rank = graph.value(node.inputs[0]).shape.size();
  if (spatialOnly(axes, rank))
    spatialMean(graph, index, axes);
  else
    anyMean(graph, index, axes);
}

}  // namespace

int canonicalisePools(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    Node& node = graph.nodes[i];
    const bool global = node.op == Op::GlobalAveragePool || node.op == Op::GlobalMaxPool;
    const bool mean = node.op == Op::ReduceMean;
    if (global) globalPool(graph, node);
    if (mean) reduceMean(graph, i);
    rewrites += global || mean;
  }
  return rewrites;
}

}  // namespace relprop
