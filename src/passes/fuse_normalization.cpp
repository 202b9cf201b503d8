// LayerNormalization: with all its parameters, and put together again where an exporter took it apart.
#include <algorithm>
#include <cmath>
#include <utility>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"
#include "passes/strided.h"

namespace relprop {

namespace {

// The node of kind `op` that makes the value, or null.
const Node* producerOf(const Graph& graph, const Uses& uses, ValueId id, Op op) {
  const Node* node = producerOf(graph, uses, id);
  return node && node->op == op ? node : nullptr;
}

// The parameter of `node` spread over the axes that are normalised; kNoValue when it varies along others.
ValueId spread(Graph& graph, const Node& node, ValueId id, const Shape& normalised, PassContext& context) {
  const std::vector<float>* values = constantFloats(graph, id);
  if (!values) return kNoValue;
  Shape shape = graph.value(id).shape;
  while (shape.size() > normalised.size() && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() > normalised.size()) return kNoValue;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t extent = normalised[normalised.size() - shape.size() + i];
    if (shape[i] != 1 && shape[i] != extent) return kNoValue;
  }
  if (graph.value(id).shape == normalised) return id;
  chargeConstant(node, elementCount(normalised), context);
  std::vector<float> result;
  forEachPosition(broadcastView(shape, normalised),
                  [&](std::int64_t at) { result.push_back((*values)[static_cast<std::size_t>(at)]); });
  return addFloatConstant(graph, graph.value(id).name, normalised, std::move(result));
}

Shape trailing(const Graph& graph, ValueId x, std::size_t axis) {
  const Shape& shape = graph.value(x).shape;
  return {shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end()};
}

// x − mean(x) as it was exported: x, and the first of the axes (to the last one) that the mean is over.
struct Centred {
  ValueId x = kNoValue;
  std::size_t axis = 0;
};

// The input of a mean over the axes from `axis` on that keeps them; kNoValue for any other value.
ValueId meanOver(const Graph& graph, const Uses& uses, ValueId id, std::size_t& axis) {
  const Node* mean = producerOf(graph, uses, id, Op::ReduceMean);
  if (!mean || mean->intAttr("keepdims", 1) == 0) return kNoValue;
  const std::vector<std::size_t> axes = reducedAxes(graph, *mean);
  const std::size_t rank = graph.value(mean->inputs[0]).shape.size();
  if (axes.empty() || axes.front() + axes.size() != rank) return kNoValue;
  axis = axes.front();
  return mean->inputs[0];
}

bool centred(const Graph& graph, const Uses& uses, ValueId id, Centred& result) {
  const Node* difference = producerOf(graph, uses, id, Op::Sub);
  if (!difference) return false;
  result.x = difference->inputs[0];
  return meanOver(graph, uses, difference->inputs[1], result.axis) == result.x;
}

// The value whose square this is.
ValueId squared(const Graph& graph, const Uses& uses, ValueId id) {
  const Node* node = producerOf(graph, uses, id);
  float exponent = 0;
  if (node && node->op == Op::Mul && node->inputs[0] == node->inputs[1]) return node->inputs[0];
  const bool square = node && node->op == Op::Pow && floatParameter(graph, *node, 1, exponent) && exponent == 2.0f;
  return square ? node->inputs[0] : kNoValue;
}

// √(value + epsilon): the value.
ValueId deviation(const Graph& graph, const Uses& uses, ValueId id, float& epsilon) {
  const Node* root = producerOf(graph, uses, id);
  float exponent = 0;
  const bool isRoot = root && (root->op == Op::Sqrt ||
                               (root->op == Op::Pow && floatParameter(graph, *root, 1, exponent) && exponent == 0.5f));
  const Node* sum = isRoot ? producerOf(graph, uses, root->inputs[0], Op::Add) : nullptr;
  if (!sum) return kNoValue;
  for (std::size_t k = 0; k < 2; ++k)
    if (graph.isConstant(sum->inputs[k]) && floatParameter(graph, *sum, k, epsilon)) return sum->inputs[1 - k];
  return kNoValue;
}

struct Match {
  Centred input;
  float epsilon = 0;
};

bool hasShapeOf(const Graph& graph, const Node& node, ValueId x) {
  return graph.value(node.outputs[0]).shape == graph.value(x).shape;
}

// (x − mean)/√(mean((x − mean)²) + ε). Numbers of more axes than x would give it more, from which others are counted.
bool normalises(const Graph& graph, const Uses& uses, const Node& node, Match& match) {
  if (node.op != Op::Div || !centred(graph, uses, node.inputs[0], match.input)) return false;
  std::size_t axis = 0;
  const ValueId variance = deviation(graph, uses, node.inputs[1], match.epsilon);
  const ValueId square = meanOver(graph, uses, variance, axis);
  Centred again;
  return axis == match.input.axis && axis > 0 && hasShapeOf(graph, node, match.input.x) &&
         centred(graph, uses, squared(graph, uses, square), again) && again.x == match.input.x && again.axis == axis;
}

// The only reader of a node's output, when it is of kind `op` and its other operand fits the normalised axes.
int parameterNode(Graph& graph, const Uses& uses, const Node& node, Op op, const Shape& normalised, ValueId& parameter,
                  PassContext& context) {
  const std::vector<int>& readers = uses.consumers[static_cast<std::size_t>(node.outputs[0])];
  if (readers.size() != 1 || graph.nodes[static_cast<std::size_t>(readers[0])].op != op) return -1;
  const Node& reader = graph.nodes[static_cast<std::size_t>(readers[0])];
  if (!hasShapeOf(graph, reader, node.outputs[0])) return -1;
  const ValueId other = reader.inputs[reader.inputs[0] == node.outputs[0] ? 1 : 0];
  parameter = spread(graph, reader, other, normalised, context);
  return parameter == kNoValue ? -1 : readers[0];
}

void fuse(Graph& graph, const Uses& uses, std::size_t index, const Match& match, PassContext& context) {
  const Shape normalised = trailing(graph, match.input.x, match.input.axis);
  const Node first = graph.nodes[index];
  ValueId scale = kNoValue, bias = kNoValue;
  std::vector<std::string> folded = first.folded;
  std::size_t last = index;
  for (const auto& [op, parameter] : {std::pair{Op::Mul, &scale}, std::pair{Op::Add, &bias}}) {
    const int next = parameterNode(graph, uses, graph.nodes[last], op, normalised, *parameter, context);
    if (next < 0) continue;
    folded.push_back(graph.nodes[last].name);
    last = static_cast<std::size_t>(next);
  }
  if (scale == kNoValue) scale = filled(graph, first, ".scale", normalised, 1.0f, context);
  if (bias == kNoValue) bias = filled(graph, first, ".bias", normalised, 0.0f, context);
  Node& node = graph.nodes[last];
  node.op = Op::LayerNormalization;
  node.inputs = {match.input.x, scale, bias};
  node.attrs = {{"axis", static_cast<std::int64_t>(match.input.axis)}, {"epsilon", match.epsilon}};
  node.folded = std::move(folded);
}

}  // namespace

int completeNormalizations(Graph& graph, PassContext& context) {
  int rewrites = 0;
  for (Node& node : graph.nodes) {
    if (node.op != Op::LayerNormalization) continue;
    const Shape normalised = trailing(graph, node.inputs[0], static_cast<std::size_t>(node.intAttr("axis", 0)));
    const ValueId scale = spread(graph, node, node.inputs[1], normalised, context);
    const bool hasBias = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
    const ValueId bias = hasBias ? spread(graph, node, node.inputs[2], normalised, context)
                                 : filled(graph, node, ".bias", normalised, 0.0f, context);
    if (scale == kNoValue || bias == kNoValue) continue;  // computed at run time: refused in the end
    node.inputs = {node.inputs[0], scale, bias};
    ++rewrites;
  }
  return rewrites;
}

int fuseNormalizations(Graph& graph, PassContext& context) {
  int rewrites = 0;
  const Uses uses = usesOf(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Match match;
    if (!normalises(graph, uses, graph.nodes[i], match)) continue;
    fuse(graph, uses, i, match, context);
    ++rewrites;
  }
  return rewrites;
}

}  // namespace relprop
