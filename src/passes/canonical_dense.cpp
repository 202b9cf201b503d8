// Gemm and MatMul with a constant as Dense: y = x Wᵀ + b.
#include <algorithm>
#include <numeric>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

using Floats = std::vector<float>;

// Tile by tile, so that neither side of the copy misses the cache at every element.
Floats transposed(const Floats& values, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t tile = 32;
  Floats result(values.size());
  for (std::int64_t r0 = 0; r0 < rows; r0 += tile)
    for (std::int64_t c0 = 0; c0 < columns; c0 += tile)
      for (std::int64_t r = r0; r < std::min(rows, r0 + tile); ++r)
        for (std::int64_t c = c0; c < std::min(columns, c0 + tile); ++c)
          result[static_cast<std::size_t>(c * rows + r)] = values[static_cast<std::size_t>(r * columns + c)];
  return result;
}

Floats scaled(Floats values, float factor) {
  for (float& value : values) value *= factor;
  return values;
}

// The same payload seen as a matrix.
ValueId asMatrix(Graph& graph, ValueId id, std::int64_t rows, std::int64_t columns) {
  if (graph.value(id).shape == Shape{rows, columns}) return id;
  Constant constant = *graph.value(id).constant;
  constant.shape = {rows, columns};
  return graph.addConstant(graph.value(id).name, constant);
}

// W[O, I] of a Gemm. Nothing is copied when the file has it that way round.
ValueId gemmWeight(Graph& graph, const Node& node) {
  const ValueId id = node.inputs[1];
  const Shape shape = graph.value(id).shape;
  const bool transB = node.intAttr("transB", 0) != 0;
  const float alpha = node.floatAttr("alpha", 1.0f);
  if (transB && alpha == 1.0f) return id;
  const Floats& values = *constantFloats(graph, id);
  Floats result = transB ? values : transposed(values, shape[0], shape[1]);
  if (alpha != 1.0f) result = scaled(std::move(result), alpha);
  return addFloatConstant(graph, graph.value(id).name, transB ? shape : Shape{shape[1], shape[0]}, std::move(result));
}

// Gemm's C as b[O], or kNoValue when it differs from row to row.
ValueId gemmBias(Graph& graph, const Node& node, std::int64_t outputs) {
  const ValueId id = node.inputs[2];
  const float beta = node.floatAttr("beta", 1.0f);
  const std::size_t count = constantFloats(graph, id)->size();
  const Shape shape = graph.value(id).shape;
  if (count != 1 && (shape.back() != outputs || static_cast<std::int64_t>(count) != outputs)) return kNoValue;
  if (beta == 1.0f && shape == Shape{outputs}) return id;
  Floats values = scaled(*constantFloats(graph, id), beta);
  if (count == 1) values.assign(static_cast<std::size_t>(outputs), values[0]);
  return addFloatConstant(graph, graph.value(id).name, {outputs}, std::move(values));
}

// Adds Gemm's C behind the Dense where it is no bias by output.
void addMatrix(Graph& graph, std::size_t index, ValueId c, float beta) {
  if (beta != 1.0f)
    c = addFloatConstant(graph, graph.value(c).name, graph.value(c).shape, scaled(*constantFloats(graph, c), beta));
  const Shape out = graph.value(graph.nodes[index].outputs[0]).shape;
  spliceAfter(graph, index, makeNode(graph.nodes[index].name + "/add", Op::Add, {c}), out);
}

bool gemm(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  const bool hasC = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  const float beta = node.floatAttr("beta", 1.0f);
  if (!constantFloats(graph, node.inputs[1]) || node.intAttr("transA", 0) != 0) return false;
  if (hasC && !constantFloats(graph, node.inputs[2]) && beta != 1.0f) return false;
  const ValueId weight = gemmWeight(graph, node);
  ValueId bias = kNoValue;
  if (hasC && beta != 0.0f && constantFloats(graph, node.inputs[2]))
    bias = gemmBias(graph, node, graph.value(weight).shape[0]);
  Node& dense = graph.nodes[index];
  dense.op = Op::Dense;
  dense.attrs.clear();
  dense.inputs = {node.inputs[0], weight};
  if (bias != kNoValue) dense.inputs.push_back(bias);
  if (hasC && beta != 0.0f && bias == kNoValue) addMatrix(graph, index, node.inputs[2], beta);
  return true;
}

bool leadingOnes(const Shape& shape, std::size_t last) {
  return std::all_of(shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(last),
                     [](std::int64_t e) { return e == 1; });
}

// x[..., I] · w[I, O]; a vector w counts as one column.
bool matMulRight(Graph& graph, std::size_t index) {
  const ValueId x = graph.nodes[index].inputs[0], w = graph.nodes[index].inputs[1];
  const Shape shape = graph.value(w).shape;
  if (shape.size() > 2 && !leadingOnes(shape, 2)) return false;
  const std::int64_t inputs = shape.size() == 1 ? shape[0] : shape[shape.size() - 2];
  const std::int64_t outputs = shape.size() == 1 ? 1 : shape.back();
  Shape out = graph.value(x).shape;
  out.back() = outputs;
  const ValueId weight = outputs == 1 ? asMatrix(graph, w, 1, inputs)
                                      : addFloatConstant(graph, graph.value(w).name, {outputs, inputs},
                                                         transposed(*constantFloats(graph, w), inputs, outputs));
  Node& dense = graph.nodes[index];
  dense.op = Op::Dense;
  dense.inputs = {x, weight};
  if (out != graph.value(dense.outputs[0]).shape)
    spliceAfter(graph, index, makeNode(dense.name + "/shape", Op::Reshape), out);
  return true;
}

Node swapLastTwo(const std::string& name, std::size_t rank) {
  Shape perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[rank - 1], perm[rank - 2]);
  Node node = makeNode(name, Op::Transpose);
  node.attrs["perm"] = perm;
  return node;
}

// w[M, K] · x[..., K, N]: the same with both sides transposed.
bool matMulLeft(Graph& graph, std::size_t index) {
  const ValueId w = graph.nodes[index].inputs[0], x = graph.nodes[index].inputs[1];
  const Shape shape = graph.value(w).shape;
  Shape in = graph.value(x).shape;
  if (shape.size() < 2 || in.size() < shape.size() || !leadingOnes(shape, 2)) return false;
  const std::size_t rank = in.size();
  const std::string name = graph.nodes[index].name;
  const ValueId weight = asMatrix(graph, w, shape[shape.size() - 2], shape.back());
  graph.nodes[index].op = Op::Dense;
  graph.nodes[index].inputs = {x, weight};
  std::swap(in[rank - 1], in[rank - 2]);
  spliceBefore(graph, index, swapLastTwo(name + "/columns", rank), in);
  in.back() = graph.value(weight).shape[0];
  spliceAfter(graph, index, swapLastTwo(name + "/rows", rank), in);
  return true;
}

bool matMul(Graph& graph, std::size_t index) {
  if (constantFloats(graph, graph.nodes[index].inputs[1])) return matMulRight(graph, index);
  return constantFloats(graph, graph.nodes[index].inputs[0]) && matMulLeft(graph, index);
}

}  // namespace

int canonicaliseDense(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    if (graph.nodes[i].op == Op::Gemm) rewrites += gemm(graph, i);
    if (graph.nodes[i].op == Op::MatMul) rewrites += matMul(graph, i);
  }
  return rewrites;
}

}  // namespace relprop
