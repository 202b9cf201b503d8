// Gemm and MatMul with a constant as Dense: y = x Wᵀ + b.
#include <algorithm>
#include <numeric>

#include "graph/edit.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"
#include "passes/strided.h"

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

// ---- a stack of constant matrices: one Dense for each

// The leading axes along which the matrices differ.
std::pair<std::size_t, std::size_t> stackedAxes(const Shape& lead) {
  std::size_t first = 0, last = lead.size();
  while (first < last && lead[first] == 1) ++first;
  while (last > first && lead[last - 1] == 1) --last;
  return {first, last};
}

// x spread over the result's leading axes.
ValueId spreadOver(Graph& graph, const Node& node, ValueId x, const Shape& lead, PassContext& context) {
  Shape shape = graph.value(x).shape, wide = lead;
  wide.insert(wide.end(), shape.end() - 2, shape.end());
  if (shape == wide) return x;
  Shape zeros = lead;
  zeros.insert(zeros.end(), 2, 1);
  const ValueId added = filled(graph, node, ".zeros", zeros, 0.0f, context);
  return appendNode(graph, makeNode(node.name + "/spread", Op::Add, {x, added}), wide);
}

// The matrices of a stack of extents `own`, repeated to those of the result.
std::vector<Floats> matricesOf(const Graph& graph, ValueId w, const Shape& own, const Shape& lead) {
  const Shape shape = graph.value(w).shape;
  const std::int64_t rows = shape[shape.size() - 2], columns = shape.back(), size = rows * columns;
  const Floats& values = *constantFloats(graph, w);
  std::vector<Floats> matrices;
  forEachPosition(broadcastView(own, lead), [&](std::int64_t at) {
    const auto begin = values.begin() + at * size;
    matrices.push_back(transposed(Floats(begin, begin + size), rows, columns));
  });
  return matrices;
}

bool matMulStack(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  const ValueId w = node.inputs[1];
  const Shape out = graph.value(node.outputs[0]).shape, ws = graph.value(w).shape;
  if (graph.value(node.inputs[0]).shape.size() < 2 || ws.size() < 3) return false;
  const Shape lead(out.begin(), out.end() - 2);
  Shape own(lead.size() - (ws.size() - 2), 1);
  own.insert(own.end(), ws.begin(), ws.end() - 2);
  const auto [first, last] = stackedAxes(own);
  const auto cut = [f = static_cast<std::ptrdiff_t>(first), l = static_cast<std::ptrdiff_t>(last)](const Shape& s) {
    return Shape(s.begin() + f, s.begin() + l);
  };
  const std::int64_t inputs = ws[ws.size() - 2], outputs = ws.back(), count = elementCount(cut(lead));
  chargeNodes(node, 2 * count, context);
  chargeConstant(node, count * inputs * outputs, context);
  const std::vector<Floats> matrices = matricesOf(graph, w, cut(own), cut(lead));
  const ValueId x = spreadOver(graph, node, node.inputs[0], lead, context);
  const auto joined = [&, f = first, l = last](std::int64_t extent, std::int64_t stack) {
    Shape shape(lead.begin(), lead.begin() + static_cast<std::ptrdiff_t>(f));
    shape.push_back(stack);
    shape.insert(shape.end(), lead.begin() + static_cast<std::ptrdiff_t>(l), lead.end());
    shape.insert(shape.end(), {out[out.size() - 2], extent});
    return shape;
  };
  const ValueId stack = appendNode(graph, makeNode(node.name + "/stack", Op::Reshape, {x}), joined(inputs, count));
  Node all = makeNode(node.name + "/all", Op::Concat);
  all.attrs["axis"] = static_cast<std::int64_t>(first);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = node.name + "/" + std::to_string(i);
    const ValueId one = appendNode(graph, sliceAlong(name + "/x", stack, joined(inputs, count), first, {i, i + 1, 1}),
                                   joined(inputs, 1));
    const ValueId weights =
        addFloatConstant(graph, name + ".w", {outputs, inputs}, matrices[static_cast<std::size_t>(i)]);
    all.inputs.push_back(appendNode(graph, makeNode(name, Op::Dense, {one, weights}), joined(outputs, 1)));
  }
  const ValueId result = appendNode(graph, all, joined(outputs, count));
  graph.nodes[index].op = Op::Reshape;
  graph.nodes[index].inputs = {result};
  return true;
}

Constant swappedConstant(const Constant& constant) {
  const Shape& shape = constant.shape;
  const std::int64_t rows = shape[shape.size() - 2], columns = shape.back(), size = rows * columns;
  Constant result = constant;
  std::swap(result.shape[shape.size() - 2], result.shape[shape.size() - 1]);
  Floats values;
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(constant.floats->size()); at += size) {
    const Floats one =
        transposed(Floats(constant.floats->begin() + at, constant.floats->begin() + at + size), rows, columns);
    values.insert(values.end(), one.begin(), one.end());
  }
  result.floats = std::make_shared<const Floats>(std::move(values));
  return result;
}

// W·x = (xᵀ·Wᵀ)ᵀ
bool matMulStackLeft(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  Shape in = graph.value(node.inputs[1]).shape, out = graph.value(node.outputs[0]).shape;
  if (in.size() < 2 || graph.value(node.inputs[0]).shape.size() < 3) return false;
  std::swap(in[in.size() - 1], in[in.size() - 2]);
  std::swap(out[out.size() - 1], out[out.size() - 2]);
  const ValueId w =
      graph.addConstant(graph.value(node.inputs[0]).name, swappedConstant(*graph.value(node.inputs[0]).constant));
  Node columns = swapLastTwo(node.name + "/columns", in.size());
  columns.inputs = {node.inputs[1]};
  const ValueId x = appendNode(graph, columns, in);
  spliceAfter(graph, index, swapLastTwo(node.name + "/rows", out.size()), out);
  graph.nodes[index].inputs = {x, w};
  return matMulStack(graph, index, context);
}

// A vector counts as a row on the left and as a column on the right.
bool matMulVector(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  std::vector<ValueId> inputs = node.inputs;
  bool any = false;
  for (std::size_t side = 0; side < 2; ++side) {
    Shape shape = graph.value(inputs[side]).shape;
    if (shape.size() != 1 || graph.isConstant(inputs[side])) continue;
    shape.insert(side == 0 ? shape.begin() : shape.end(), 1);
    inputs[side] = appendNode(graph, makeNode(node.name + "/matrix", Op::Reshape, {inputs[side]}), shape);
    any = true;
  }
  if (!any) return false;
  Shape out = graph.value(node.outputs[0]).shape;
  if (graph.value(node.inputs[1]).shape.size() == 1) out.push_back(1);
  if (graph.value(node.inputs[0]).shape.size() == 1) out.insert(out.end() - 1, 1);
  spliceAfter(graph, index, makeNode(node.name + "/vector", Op::Reshape), out);
  graph.nodes[index].inputs = inputs;
  return true;
}

bool matMul(Graph& graph, std::size_t index, PassContext& context) {
  if (matMulVector(graph, index)) return matMul(graph, index, context), true;
  if (constantFloats(graph, graph.nodes[index].inputs[1]))
    return matMulRight(graph, index) || matMulStack(graph, index, context);
  return constantFloats(graph, graph.nodes[index].inputs[0]) &&
         (matMulLeft(graph, index) || matMulStackLeft(graph, index, context));
}

}  // namespace

int canonicaliseDense(Graph& graph, PassContext& context) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    if (graph.nodes[i].op == Op::Gemm) rewrites += gemm(graph, i);
    if (graph.nodes[i].op == Op::MatMul) rewrites += matMul(graph, i, context);
  }
  return rewrites;
}

}  // namespace relprop
