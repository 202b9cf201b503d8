// Fixes the input's shape, infers every shape after it and evaluates what depends on constants and shapes alone. The
// two go hand in hand: the shape of a Reshape is often computed from the shape of its input.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

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

// What nodes make of it is bounded as it is inferred.
void requireSize(const std::string& input, const Shape& given) {
  std::int64_t count = 1;
  for (const std::int64_t extent : given) {
    if (extent < 1) throw Error(ErrorCode::ShapeMismatch, "input '" + input + "'", toString(given), "extents above 0");
    if (extent > kMaxElements || (count *= extent) > kMaxElements)
      throw Error(ErrorCode::ShapeMismatch, "input '" + input + "'", toString(given), "2^31 elements at most");
  }
}

void fixInput(Graph& graph, PassContext& context) {
  if (graph.inputs.size() != 1)
    throw Error(ErrorCode::UnsupportedModel, "graph", fmt::format("{} inputs", graph.inputs.size()), "one");
  Value& input = graph.value(graph.inputs[0]);
  const Shape& given = context.options.inputShape;
  requireSize(input.name, given);
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

// Before opset 7 an attribute said what a Dropout is for, and what it does in training is no function of the input.
void warnOfTraining(const Graph& graph, PassContext& context) {
  std::int64_t count = 0;
  const Node* first = nullptr;
  for (const Node& node : graph.nodes)
    if (node.op == Op::Dropout && node.intAttr("is_test", 1) == 0 && count++ == 0) first = &node;
  if (first)
    context.warnings.push_back(fmt::format(
        "{} is written for training (is_test 0), the first of {}: inference is assumed", describe(*first), count));
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

// Weights are scaled, transposed and folded one pass after another: each of them several times.
constexpr std::int64_t kFoldingFactor = 8;

void chargeFilled(const Node& node, std::int64_t elements, PassContext& context) {
  const std::int64_t limit = std::max(context.foldLimit, context.filledLimit);
  chargeElements(node, elements, limit, limit, context.filledElements);
  requireMemoryFor(node, elements, context.filledElements, context);
}

void chargeFolded(const Node& node, std::int64_t elements, PassContext& context) {
  chargeElements(node, elements, context.foldLimit, kFoldingFactor * context.foldLimit, context.foldedElements);
  requireMemoryFor(node, elements, elements, context);
}

// Operands of which no more is read than is written: shapes, and what is copied by strides and indices.
bool readsWhatItWrites(const Node& node) {
  static const std::set<Op> ops = {
      Op::Shape,         Op::Size,           Op::ConstantOfShape, Op::EyeLike,        Op::Range,
      Op::Transpose,     Op::Slice,          Op::Split,           Op::Expand,         Op::Tile,
      Op::Gather,        Op::GatherElements, Op::GatherND,        Op::Trilu,          Op::Pad,
      Op::CenterCropPad, Op::DepthToSpace,   Op::SpaceToDepth,    Op::ReverseSequence};
  return ops.count(node.op) != 0;
}

// Elements of the operands that are read from end to end, none of them larger than what folding may make.
std::int64_t chargeOperands(const Graph& graph, const Node& node, const PassContext& context) {
  if (readsWhatItWrites(node)) return 0;
  std::int64_t all = 0;
  for (const ValueId id : node.inputs) {
    std::int64_t own = 0;
    if (id != kNoValue)
      chargeElements(node, elementCount(graph.value(id).shape), context.foldLimit, context.foldLimit, own);
    all += own;
  }
  return all;
}

bool isProduct(const Node& node) {
  return node.op == Op::MatMul || node.op == Op::Gemm;
}

// Steps for each element that is read or written.
std::int64_t stepsOfAnElement(const Graph& graph, const Node& node, std::int64_t read) {
  constexpr std::int64_t kProductsOfAStep = 8, kAxesOfAStep = 8;
  if (node.inputs.empty() || node.inputs[0] == kNoValue) return 1;
  const Shape& shape = graph.value(node.inputs[0]).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (node.op == Op::TopK) return 1 + std::bit_width(static_cast<std::uint64_t>(read));
  if (node.op == Op::NonZero) return std::max<std::int64_t>(1, rank);
  if (!isProduct(node)) return 1 + rank / kAxesOfAStep;
  return 1 + (node.intAttr("transA", 0) != 0 ? shape.front() : shape.back()) / kProductsOfAStep;
}

// Products and sums over much may end in a single number, so that what is made says little of what it takes.
void chargeSteps(const Node& node, std::int64_t elements, std::int64_t each, PassContext& context) {
  constexpr std::int64_t kStepsFactor = 32;
  const std::int64_t limit = kStepsFactor * context.foldLimit;
  if (elements > (limit - context.foldingSteps) / each)
    throw Error(ErrorCode::ShapeMismatch, describe(node), "constants that take too long to compute",
                fmt::format("{} steps at most", limit), "export the network with its constants folded");
  context.foldingSteps += elements * each;
}

void chargeEvaluation(const Graph& graph, const Node& node, const std::vector<ValueType>& types, PassContext& context) {
  const std::int64_t made = elementsOf(types);
  if (sharesPayload(node)) return;
  if (node.op == Op::ConstantOfShape) return chargeFilled(node, made, context);
  chargeFolded(node, made, context);
  const std::int64_t read = chargeOperands(graph, node, context);
  chargeSteps(node, isProduct(node) ? made : read + made, stepsOfAnElement(graph, node, read), context);
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

int foldAll(Graph& graph, PassContext& context) {
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
    chargeEvaluation(graph, node, types, context);
    store(graph, node, evaluate(graph, node, types));
  }
  graph.nodes = std::move(kept);
  return static_cast<int>(before) - static_cast<int>(graph.nodes.size());
}

}  // namespace

int foldConstants(Graph& graph, PassContext& context) {
  fixInput(graph, context);
  warnOfTraining(graph, context);
  return foldAll(graph, context);
}

int foldDerivedConstants(Graph& graph, PassContext& context) {
  return foldAll(graph, context);
}

}  // namespace relprop
