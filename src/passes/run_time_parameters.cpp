// Parameters that are computed, where the canonical op wants constants: the op without them, and arithmetic behind it.
// A Gemm that is no layer with weights is a product of matrices.
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

bool isPresent(const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] != kNoValue;
}

bool anyComputed(const Graph& graph, const Node& node, std::size_t from) {
  for (std::size_t i = from; i < node.inputs.size(); ++i)
    if (isPresent(node, i) && !graph.isConstant(node.inputs[i])) return true;
  return false;
}

ValueId added(Graph& graph, const Node& like, const char* suffix, Op op, std::vector<ValueId> inputs,
              const Shape& shape) {
  return appendNode(graph, makeNode(like.name + suffix, op, std::move(inputs)), shape);
}

void rewriteAs(Graph& graph, std::size_t index, Op op, std::vector<ValueId> inputs) {
  Node& node = graph.nodes[index];
  node.op = op;
  node.inputs = std::move(inputs);
  node.attrs.clear();
}

// [C] as [C, 1, …], to be broadcast over positions.
ValueId alongChannels(Graph& graph, const Node& like, ValueId id, std::size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = elementCount(graph.value(id).shape);
  if (!graph.isConstant(id)) return added(graph, like, "/channels", Op::Reshape, {id}, shape);
  Constant constant = *graph.value(id).constant;
  constant.shape = shape;
  return graph.addConstant(graph.value(id).name, constant);
}

// (x − mean)/√(variance + ε)·scale + bias
bool lowerBatchNormalization(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  if (!anyComputed(graph, node, 1)) return false;
  const Shape shape = graph.value(node.inputs[0]).shape;
  ValueId p[5];
  for (std::size_t i = 1; i < 5; ++i) p[i] = alongChannels(graph, node, node.inputs[i], shape.size());
  const Shape channels = graph.value(p[4]).shape;
  const ValueId epsilon = addFloatConstant(graph, node.name + ".epsilon", {}, {node.floatAttr("epsilon", 1e-5f)});
  const ValueId wide = added(graph, node, "/variance", Op::Add, {p[4], epsilon}, channels);
  const ValueId root = added(graph, node, "/deviation", Op::Sqrt, {wide}, channels);
  const ValueId centred = added(graph, node, "/centred", Op::Sub, {node.inputs[0], p[3]}, shape);
  const ValueId normal = added(graph, node, "/normal", Op::Div, {centred, root}, shape);
  const ValueId scaled = added(graph, node, "/scaled", Op::Mul, {normal, p[1]}, shape);
  rewriteAs(graph, index, Op::Add, {scaled, p[2]});
  return true;
}

bool lowerLayerNormalization(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  if (!anyComputed(graph, node, 1)) return false;
  const Shape shape = graph.value(node.inputs[0]).shape;
  Node plain = makeNode(node.name + "/normal", Op::LayerNormalization,
                        {node.inputs[0], addFloatConstant(graph, node.name + ".one", {1}, {1.0f})});
  plain.attrs = node.attrs;
  const ValueId normal = appendNode(graph, plain, shape);
  const ValueId scaled = added(graph, node, "/scaled", Op::Mul, {normal, node.inputs[1]}, shape);
  if (isPresent(node, 2))
    rewriteAs(graph, index, Op::Add, {scaled, node.inputs[2]});
  else
    rewriteAs(graph, index, Op::Identity, {scaled});
  return true;
}

ValueId turned(Graph& graph, const Node& like, ValueId id) {
  Shape shape = graph.value(id).shape;
  std::swap(shape[0], shape[1]);
  Node transpose = makeNode(like.name + "/turned", Op::Transpose, {id});
  transpose.attrs["perm"] = Shape{1, 0};
  return appendNode(graph, transpose, shape);
}

ValueId times(Graph& graph, const Node& like, ValueId id, float factor) {
  if (factor == 1.0f) return id;
  const ValueId constant = addFloatConstant(graph, like.name + ".factor", {}, {factor});
  return added(graph, like, "/times", Op::Mul, {id, constant}, graph.value(id).shape);
}

// α·A·B + β·C
bool lowerGemm(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  const bool layer = graph.isConstant(node.inputs[1]) && node.intAttr("transA", 0) == 0 &&
                     (!isPresent(node, 2) || graph.isConstant(node.inputs[2]) || node.floatAttr("beta", 1.0f) == 1.0f);
  if (layer) return false;
  const ValueId a = node.intAttr("transA", 0) ? turned(graph, node, node.inputs[0]) : node.inputs[0];
  const ValueId b = node.intAttr("transB", 0) ? turned(graph, node, node.inputs[1]) : node.inputs[1];
  const Shape shape{graph.value(a).shape[0], graph.value(b).shape[1]};
  const ValueId product = added(graph, node, "/product", Op::MatMul, {a, b}, shape);
  const ValueId scaled = times(graph, node, product, node.floatAttr("alpha", 1.0f));
  if (isPresent(node, 2))
    rewriteAs(graph, index, Op::Add, {scaled, times(graph, node, node.inputs[2], node.floatAttr("beta", 1.0f))});
  else
    rewriteAs(graph, index, Op::Identity, {scaled});
  return true;
}

// A bias that is computed is added behind.
bool lowerConv(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  if (!anyComputed(graph, node, 2)) return false;
  Node plain = node;
  plain.name += "/plain";
  plain.inputs.resize(2);
  plain.outputs.clear();
  const Shape shape = graph.value(node.outputs[0]).shape;
  const ValueId bias = alongChannels(graph, node, node.inputs[2], shape.size());
  const ValueId y = appendNode(graph, plain, shape);
  rewriteAs(graph, index, Op::Add, {y, bias});
  return true;
}

}  // namespace

int lowerParameters(Graph& graph, PassContext&) {
  static const std::map<Op, Rewriter> rewriters = {{Op::BatchNormalization, lowerBatchNormalization},
                                                   {Op::LayerNormalization, lowerLayerNormalization},
                                                   {Op::Gemm, lowerGemm},
                                                   {Op::Conv, lowerConv},
                                                   {Op::ConvTranspose, lowerConv}};
  return rewriteEach(graph, rewriters);
}

}  // namespace relprop
