#include "passes/rewriters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop {

int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = rewriters.find(graph.nodes[i].op);
    if (rewriter != rewriters.end()) rewrites += rewriter->second(graph, i);
  }
  return rewrites;
}

// Every new node has the name of the old one in its own, so that a long name is as large as several nodes.
void chargeNodes(const Node& node, std::int64_t count, PassContext& context) {
  constexpr std::int64_t kNameOfANode = 1024;
  const std::int64_t weight = 1 + static_cast<std::int64_t>(node.name.size()) / kNameOfANode;
  if (count > (kMaxNodes - context.nodesMade) / weight)
    throw Error(ErrorCode::UnsupportedModel, describe(node),
                fmt::format("would become {} nodes, one for each step along an axis", count),
                fmt::format("{} at most in a network", kMaxNodes));
  context.nodesMade += count * weight;
}

void chargeElements(const Node& node, std::int64_t elements, std::int64_t limit, std::int64_t total,
                    std::int64_t& spent) {
  spent += elements;
  if (elements > limit || spent > total)
    throw Error(ErrorCode::ShapeMismatch, describe(node),
                fmt::format("constants of {} elements", std::max(elements, spent)), fmt::format("{} at most", limit));
}

void requireMemoryFor(const Node& node, std::int64_t bytes) {
  if (!hasMemoryFor(bytes)) failMemory(describe(node), bytes);
}

void requireMemoryFor(const Node& node, std::int64_t made, std::int64_t stay, const PassContext& context) {
  requireMemoryWithin(context.options.memory, stay * std::int64_t{sizeof(float)}, describe(node),
                      "allow more with --memory, or use a smaller input size");
  requireMemoryFor(node, made * kBytesOfAMadeElement);
}

void chargeConstant(const Node& node, std::int64_t elements, PassContext& context) {
  chargeElements(node, elements, context.foldLimit, kTotalFactor * context.foldLimit, context.constantElements);
  requireMemoryFor(node, elements, elements, context);
}

ValueId filled(Graph& graph, const Node& node, const char* what, const Shape& shape, float value,
               PassContext& context) {
  chargeConstant(node, elementCount(shape), context);
  return addFloatConstant(graph, node.name + what, shape,
                          std::vector<float>(static_cast<std::size_t>(elementCount(shape)), value));
}

void chargeIndices(const Node& node, std::int64_t count, PassContext& context) {
  chargeElements(node, count, context.foldLimit, kIndicesFactor * context.foldLimit, context.indices);
  requireMemoryFor(node, context.indices * kBytesOfAnIndex);
}

namespace {

// A FakeQuantize of scale 1 rounds what was divided by scales of channels before it.
bool decides(const Node& node) {
  const bool rounds = node.op == Op::Floor || node.op == Op::Ceil || node.op == Op::Round ||
                      (node.op == Op::FakeQuantize && node.floatAttr("scale", 1.0f) == 1.0f);
  return rounds || traitsOf(node.op).kind == OpKind::Comparison;
}

bool handsOn(const Graph& graph, const Node& node) {
  static const std::set<Op> steps = {Op::Neg, Op::Abs, Op::Relu, Op::Clip, Op::Reshape,
                                     Op::Add, Op::Sub, Op::Mul,  Op::Div};
  const OpKind kind = traitsOf(node.op).kind;
  if (kind == OpKind::Move || kind == OpKind::Choice) return true;
  const auto computed = std::count_if(node.inputs.begin(), node.inputs.end(),
                                      [&](ValueId id) { return id != kNoValue && !graph.isConstant(id); });
  return computed == 1 && steps.count(node.op) != 0;
}

// Powers of 2: a product with 1/c is the quotient to the last bit.
bool hasExactReciprocals(const Constant& constant) {
  int exponent = 0;
  return constant.floats && std::all_of(constant.floats->begin(), constant.floats->end(), [&](float c) {
           return std::isnormal(c) && std::isnormal(1 / c) && std::abs(std::frexp(c, &exponent)) == 0.5f;
         });
}

}  // namespace

std::vector<char> decisiveQuotients(const Graph& graph) {
  std::vector<char> read(graph.values.size(), 0), decisive(graph.nodes.size(), 0);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool counts = std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](ValueId id) { return id != kNoValue && read[static_cast<std::size_t>(id)]; });
    decisive[i] = counts && node.op == Op::Div && graph.isConstant(node.inputs[1]) &&
                  !hasExactReciprocals(*graph.value(node.inputs[1]).constant);
    if (!decides(node) && !(counts && handsOn(graph, node))) continue;
    for (const ValueId id : node.inputs)
      if (id != kNoValue) read[static_cast<std::size_t>(id)] = 1;
  }
  return decisive;
}

Node sliceAlong(std::string name, ValueId x, const Shape& shape, std::size_t axis, const SliceRange& range) {
  Shape axes(shape.size()), starts(shape.size(), 0), ends = shape, steps(shape.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  starts[axis] = range.start;
  ends[axis] = range.end;
  steps[axis] = range.step;
  Node slice = makeNode(std::move(name), Op::Slice, {x});
  slice.attrs = {{"axes", axes}, {"starts", starts}, {"ends", ends}, {"steps", steps}};
  return slice;
}

}  // namespace relprop
