// Fixes the input's shape, infers every shape after it and evaluates what depends on constants and shapes alone. The
// two go hand in hand: the shape of a Reshape is often computed from the shape of its input.
#include <fmt/format.h>

#include <algorithm>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "graph/shape_inference.h"
#include "passes/constant_ops.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

[[noreturn]] void contradiction(const std::string& where, const Shape& given, const Shape& fixed) {
  std::string expected;
  for (std::int64_t extent : fixed)
    expected += (expected.empty() ? "" : "×") + (extent < 0 ? std::string("any") : std::to_string(extent));
  throw Error(ErrorCode::ShapeMismatch, "input '" + where + "'", toString(given), expected);
}

// The input as one image: the value that the nodes read is a Reshape of it.
void putBatchInFront(Graph& graph) {
  const ValueId original = graph.inputs[0];
  Shape whole = graph.value(original).shape;
  whole.insert(whole.begin(), 1);
  graph.inputs[0] = addDynamicValue(graph, graph.value(original).name + "/whole", whole);
  Node first = makeNode(graph.value(original).name + "/image", Op::Reshape, {graph.inputs[0]});
  first.outputs = {original};
  graph.nodes.insert(graph.nodes.begin(), first);
}

void fixInput(Graph& graph, PassContext& context) {
  if (graph.inputs.size() != 1)
    throw Error(ErrorCode::UnsupportedModel, "graph", fmt::format("{} inputs", graph.inputs.size()), "one");
  Value& input = graph.value(graph.inputs[0]);
  const Shape& given = context.options.inputShape;
  for (std::int64_t extent : given)
    if (extent < 1)
      throw Error(ErrorCode::ShapeMismatch, "input '" + input.name + "'", toString(given), "extents above 0");
  if (input.hasShape && input.shape.size() != given.size()) contradiction(input.name, given, input.shape);
  for (std::size_t i = 0; input.hasShape && i < given.size(); ++i)
    if (input.shape[i] >= 0 && input.shape[i] != given[i]) contradiction(input.name, given, input.shape);
  if (input.hasShape && !input.shape.empty() && input.shape[0] >= 0)
    context.warnings.push_back(fmt::format("batch is fixed to {} by the model", input.shape[0]));
  if (input.dtype != DType::Float)
    context.warnings.push_back(fmt::format("input '{}' holds integers in the model; floats are taken", input.name));
  input.shape = given;
  input.dtype = DType::Float;
  input.hasShape = true;
  if (context.options.wholeInput) putBatchInFront(graph);
}

bool allConstant(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == kNoValue || graph.isConstant(id); });
}

std::int64_t elementsOf(const std::vector<ValueType>& types) {
  std::int64_t count = 0;
  for (const ValueType& type : types) count += elementCount(type.shape);
  return count;
}

// Weights that are one number each may be as many as VGG-19 has, all together: half a gigabyte.
constexpr std::int64_t kFilledLimit = std::int64_t{150} << 20;

void charge(const Node& node, std::int64_t elements, std::int64_t limit, std::int64_t& spent) {
  chargeElements(node, elements, limit, node.op == Op::ConstantOfShape ? limit : kTotalFactor * limit, spent);
}

void store(Graph& graph, const Node& node, std::vector<Constant> constants) {
  for (std::size_t i = 0; i < node.outputs.size() && i < constants.size(); ++i)
    if (node.outputs[i] != kNoValue)
      graph.value(node.outputs[i]).constant = std::make_shared<const Constant>(std::move(constants[i]));
}

// An extent of 0 is fine for a list of axes, but not for anything that is computed.
void checkNotEmpty(const Node& node, const std::vector<ValueType>& types) {
  for (const ValueType& type : types)
    if (elementCount(type.shape) == 0)
      throw Error(ErrorCode::ShapeMismatch, describe(node), "an output of " + toString(type.shape),
                  "at least one element");
}

// Before opset 7 the second operand could lie along the axes of the first from `axis` on, with others behind: those get
// extent 1.
void alignOldOperand(Graph& graph, Node& node, std::vector<Node>& kept) {
  if (!isElementwise(node.op) || node.inputs.size() != 2 || !node.has("axis")) return;
  const std::size_t rank = graph.value(node.inputs[0]).shape.size();
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), rank);
  node.attrs.erase("axis");
  const ValueId operand = node.inputs[1];
  Shape shape = graph.value(operand).shape;
  if (axis + shape.size() >= rank) return;
  shape.resize(rank - axis, 1);
  if (graph.isConstant(operand)) {
    Constant constant = *graph.value(operand).constant;
    constant.shape = shape;
    node.inputs[1] = graph.addConstant(graph.value(operand).name, constant);
    return;
  }
  Node reshape = makeNode(node.name + "/aligned", Op::Reshape, {operand});
  node.inputs[1] = addDynamicValue(graph, reshape.name, shape, graph.value(operand).dtype);
  reshape.outputs = {node.inputs[1]};
  kept.push_back(std::move(reshape));
}

int foldAll(Graph& graph, const PassContext& context) {
  std::int64_t spent = 0, filled = 0;
  std::vector<Node> kept;
  const std::size_t before = graph.nodes.size();
  for (Node& node : graph.nodes) {
    alignOldOperand(graph, node, kept);
    const std::vector<ValueType> types = inferNode(graph, node);
    setTypes(graph, node, types);
    const bool constant = node.op == Op::Shape || (allConstant(graph, node) && canEvaluate(node));
    if (!constant) {
      checkNotEmpty(node, types);
      kept.push_back(std::move(node));
      continue;
    }
    const bool fills = node.op == Op::ConstantOfShape;
    if (fills) charge(node, elementsOf(types), std::max(context.foldLimit, kFilledLimit), filled);
    if (!fills && !sharesPayload(node)) charge(node, elementsOf(types), context.foldLimit, spent);
    store(graph, node, evaluate(graph, node, types));
  }
  graph.nodes = std::move(kept);
  return static_cast<int>(before) - static_cast<int>(graph.nodes.size());
}

}  // namespace

int foldConstants(Graph& graph, PassContext& context) {
  fixInput(graph, context);
  return foldAll(graph, context);
}

int foldDerivedConstants(Graph& graph, PassContext& context) {
  return foldAll(graph, context);
}

}  // namespace relprop
