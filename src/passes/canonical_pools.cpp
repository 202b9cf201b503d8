// Global pools and reductions over axes as AveragePool and MaxPool, products as products.
#include <algorithm>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/rewriters.h"
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

bool averages(Op op) {
  return op == Op::GlobalAveragePool || op == Op::ReduceMean || op == Op::ReduceSum;
}

Op poolOf(Op op) {
  return averages(op) ? Op::AveragePool : Op::MaxPool;
}

// Axes past N and C of an image or a sequence: a pool over them, whatever keepdims says about the result's shape.
bool spatialOnly(const Axes& axes, std::size_t rank) {
  return (rank == 3 || rank == 4) && axes.front() >= 2;
}

void spatialPool(Graph& graph, std::size_t index, const Axes& axes) {
  Node& node = graph.nodes[index];
  const Shape& shape = graph.value(node.inputs[0]).shape;
  Shape kernel(shape.size() - 2, 1), pooled = shape;
  for (std::size_t axis : axes) {
    kernel[axis - 2] = shape[axis];
    pooled[axis] = 1;
  }
  writePool(node, poolOf(node.op), kernel);
  if (pooled != graph.value(node.outputs[0]).shape)
    spliceAfter(graph, index, makeNode(node.name + "/shape", Op::Reshape), pooled);
}

// Any axes: those that stay to the front, the others to the back as one, then a 1-D pool over that one.
void anyPool(Graph& graph, std::size_t index, const Axes& axes) {
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
  writePool(graph.nodes[index], poolOf(graph.nodes[index].op), {matrix[2]});
  Node transpose = makeNode(name + "/transpose", Op::Transpose);
  transpose.attrs["perm"] = perm;
  spliceBefore(graph, index, transpose, transposed);
  spliceBefore(graph, index, makeNode(name + "/matrix", Op::Reshape), matrix);
  matrix[2] = 1;
  spliceAfter(graph, index, makeNode(name + "/shape", Op::Reshape), matrix);
}

std::int64_t countOf(const Shape& shape, const Axes& axes) {
  std::int64_t count = 1;
  for (std::size_t axis : axes) count *= shape[axis];
  return count;
}

void pool(Graph& graph, std::size_t index, const Axes& axes) {
  const std::size_t rank = graph.value(graph.nodes[index].inputs[0]).shape.size();
  if (spatialOnly(axes, rank))
    spatialPool(graph, index, axes);
  else
    anyPool(graph, index, axes);
}

// A sum is so many times the mean.
void scaleUp(Graph& graph, std::size_t index, std::int64_t count) {
  const std::string name = graph.nodes[index].name;
  const ValueId factor = addFloatConstant(graph, name + ".count", {}, {static_cast<float>(count)});
  spliceAfter(graph, index, makeNode(name + "/sum", Op::Mul, {factor}),
              graph.value(graph.nodes[index].outputs[0]).shape);
}

// The least is the greatest of what is turned round.
void turnRound(Graph& graph, std::size_t index) {
  const std::string name = graph.nodes[index].name;
  spliceBefore(graph, index, makeNode(name + "/negative", Op::Neg), graph.value(graph.nodes[index].inputs[0]).shape);
  spliceAfter(graph, index, makeNode(name + "/least", Op::Neg), graph.value(graph.nodes[index].outputs[0]).shape);
}

ValueId partOf(Graph& graph, const std::string& name, ValueId x, std::int64_t begin, std::int64_t end) {
  const Shape in = graph.value(x).shape;
  return appendNode(graph, sliceAlong(name, x, in, 2, {begin, end, 1}), {in[0], in[1], end - begin});
}

// A product over the last axis, one half times the other until one is left.
ValueId product(Graph& graph, const std::string& name, ValueId x) {
  while (graph.value(x).shape[2] > 1) {
    const Shape in = graph.value(x).shape;
    const std::int64_t half = in[2] / 2;
    const ValueId a = partOf(graph, name + "/a", x, 0, half), b = partOf(graph, name + "/b", x, half, 2 * half);
    const ValueId both = appendNode(graph, makeNode(name + "/ab", Op::Mul, {a, b}), {in[0], in[1], half});
    if (in[2] % 2 == 0) {
      x = both;
      continue;
    }
    Node joined = makeNode(name + "/rest", Op::Concat, {both, partOf(graph, name + "/c", x, in[2] - 1, in[2])});
    joined.attrs["axis"] = std::int64_t{2};
    x = appendNode(graph, joined, {in[0], in[1], half + 1});
  }
  return x;
}

// As a pool over the last axis would be, with a product in its place.
void reduceProduct(Graph& graph, std::size_t index, const Axes& axes) {
  anyPool(graph, index, axes);
  const std::string name = graph.nodes[index].name;
  const ValueId result = product(graph, name, graph.nodes[index].inputs[0]);
  Node& node = graph.nodes[index];
  node.op = Op::Identity;
  node.attrs.clear();
  node.inputs = {result};
}

bool reduces(Op op) {
  return op == Op::ReduceMean || op == Op::ReduceSum || op == Op::ReduceMax || op == Op::ReduceMin ||
         op == Op::ReduceProd;
}

void reduce(Graph& graph, std::size_t index) {
  const Op op = graph.nodes[index].op;
  const Axes axes = reducedAxes(graph, graph.nodes[index]);
  graph.nodes[index].inputs.resize(1);
  if (axes.empty()) {
    graph.nodes[index].op = Op::Identity;
    graph.nodes[index].attrs.clear();
    return;
  }
  if (op == Op::ReduceProd) return reduceProduct(graph, index, axes);
  if (op == Op::ReduceSum) scaleUp(graph, index, countOf(graph.value(graph.nodes[index].inputs[0]).shape, axes));
  if (op == Op::ReduceMin) turnRound(graph, index);
  pool(graph, index, axes);
}

bool globalPool(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  if (node.op != Op::GlobalAveragePool && node.op != Op::GlobalMaxPool) return false;
  const std::size_t rank = graph.value(node.inputs[0]).shape.size();
  Axes axes(std::max<std::size_t>(rank, 2) - 2);
  std::iota(axes.begin(), axes.end(), 2);
  if (axes.empty())
    node.op = Op::Identity;
  else
    pool(graph, index, axes);
  return true;
}

}  // namespace

int canonicalisePools(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const bool reduction = reduces(graph.nodes[i].op);
    if (reduction) reduce(graph, i);
    rewrites += reduction || globalPool(graph, i);
  }
  return rewrites;
}

}  // namespace relprop
