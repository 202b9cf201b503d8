// Differences and quotients with a constant as sums and products; constants as second operand.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

bool invertible(const std::vector<float>& values) {
  return std::none_of(values.begin(), values.end(), [](float value) { return value == 0.0f; });
}

// x − c = x + (−c), x ÷ c = x · (1/c); not where the last bit decides.
bool invert(Graph& graph, Node& node) {
  const std::vector<float>* values = constantFloats(graph, node.inputs[1]);
  if (!values || (node.op == Op::Div && !invertible(*values))) return false;
  std::vector<float> result = *values;
  for (float& value : result)
    value = node.op == Op::Sub ? -value : static_cast<float>(1.0 / static_cast<double>(value));
  const Value source = graph.value(node.inputs[1]);
  node.inputs[1] = addFloatConstant(graph, source.name, source.shape, std::move(result));
  node.op = node.op == Op::Sub ? Op::Add : Op::Mul;
  return true;
}

bool commute(const Graph& graph, Node& node) {
  if (!graph.isConstant(node.inputs[0])) return false;
  std::swap(node.inputs[0], node.inputs[1]);
  return true;
}

// Integers and booleans beside computed values are floats; what a mask forbids lies as low as floats go, but stays
// finite: infinity times a share of 0 would be no number.
bool plainFloats(const Constant& constant) {
  return constant.floats &&
         std::all_of(constant.floats->begin(), constant.floats->end(), [](float v) { return std::isfinite(v); });
}

int asFloats(Graph& graph, Node& node) {
  constexpr float kFarthest = std::numeric_limits<float>::max() / 2;
  int rewrites = 0;
  for (ValueId& id : node.inputs) {
    if (!graph.isConstant(id) || plainFloats(*graph.value(id).constant)) continue;
    const Value source = graph.value(id);
    std::vector<float> values;
    if (source.constant->floats)
      values = *source.constant->floats;
    else
      values.assign(source.constant->ints->begin(), source.constant->ints->end());
    for (float& value : values)
      if (std::isinf(value)) value = value > 0 ? kFarthest : -kFarthest;
    id = addFloatConstant(graph, source.name, source.shape, std::move(values));
    ++rewrites;
  }
  return rewrites;
}

bool takesFloats(const Node& node) {
  return isElementwise(node.op) || node.op == Op::Concat;
}

}  // namespace

int canonicaliseArithmetic(Graph& graph, PassContext&) {
  int rewrites = 0;
  const std::vector<char> decisive = decisiveQuotients(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (takesFloats(node)) rewrites += asFloats(graph, node);
    if (decisive[i]) continue;
    if (node.op == Op::Sub || node.op == Op::Div)
      rewrites += invert(graph, node);
    else if (node.op == Op::Add || node.op == Op::Mul)
      rewrites += commute(graph, node);
  }
  return rewrites;
}

}  // namespace relprop
