#include "explain/walk/analysis.h"

#include <algorithm>

#include "graph/op_traits.h"

namespace relprop {
namespace {

bool nonNegativeConstant(const Constant& c) {
  return c.floats && std::all_of(c.floats->begin(), c.floats->end(), [](float v) { return v >= 0; });
}

bool producesNonNegative(const Graph& g, const Node& n, const std::vector<bool>& known) {
  const auto input = [&](ValueId id) {
    const Value& v = g.value(id);
    return v.constant ? nonNegativeConstant(*v.constant) : static_cast<bool>(known[static_cast<std::size_t>(id)]);
  };
  if (overshoots(n)) return false;
  switch (traitsOf(n.op).sign) {
    case Sign::NonNegative:
      return true;
    case Sign::AsFirst:
      return input(n.inputs[0]);
    case Sign::AsAll:
      return std::all_of(n.inputs.begin(), n.inputs.end(), input);
    case Sign::ByBounds:
      return n.floatAttr("max", 0) >= 0 && (input(n.inputs[0]) || n.floatAttr("min", -1) >= 0);
    case Sign::ByFilling:
      return input(n.inputs[0]) && n.floatAttr("value", 0) >= 0;
    case Sign::Any:
    case Sign::Unsaid:
      return false;
  }
  return false;
}

// Does the reader hand its input k only multiples of that input, given what is known of its own output?
bool readerKeepsZero(const Graph& g, const Node& n, const Rule& rule, bool outputVanishes) {
  switch (roleOf(g, n)) {
    case Role::Linear:
      return rule.terms.multipliesInput();
    case Role::MaxPool:
      return rule.node == NodeRule::Winner ? outputVanishes : rule.node != NodeRule::Jacobian;
    case Role::AveragePool:
      return rule.node == NodeRule::Proportional;
    case Role::Residual:
      // Without identity skips all goes to the other branch, zeros or not.
      return rule.identitySkip && (rule.node == NodeRule::Proportional || rule.node == NodeRule::Agreeing ||
                                   (rule.node == NodeRule::Ratio && outputVanishes));
    case Role::Move:
      return n.op != Op::Resize && outputVanishes;
    case Role::Activation:
      return (n.op == Op::Relu || n.op == Op::FakeQuantize) && outputVanishes;
    case Role::Lrn:
      return rule.node == NodeRule::Pass && outputVanishes;
    case Role::Affine:
    case Role::Gate:
    case Role::Normalisation:
    case Role::MatMul:
    case Role::Softmax:
      return false;
  }
  return false;
}

std::vector<bool> ancestorsOf(const Graph& g, const Uses& uses, ValueId start) {
  std::vector<bool> seen(g.values.size());
  std::vector<ValueId> open = {start};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == kNoValue || seen[static_cast<std::size_t>(id)]) continue;
    seen[static_cast<std::size_t>(id)] = true;
    const int producer = uses.producer[static_cast<std::size_t>(id)];
    if (producer < 0) continue;
    const auto& inputs = g.nodes[static_cast<std::size_t>(producer)].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return seen;
}

bool reachesWithoutWeights(const Graph& g, const Uses& uses, ValueId from, const std::vector<bool>& goal) {
  std::vector<bool> seen(g.values.size());
  std::vector<ValueId> open = {from};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == kNoValue || g.isConstant(id) || seen[static_cast<std::size_t>(id)]) continue;
    seen[static_cast<std::size_t>(id)] = true;
    if (goal[static_cast<std::size_t>(id)]) return true;
    const int producer = uses.producer[static_cast<std::size_t>(id)];
    if (producer < 0 || roleOf(g, g.nodes[static_cast<std::size_t>(producer)]) == Role::Linear) continue;
    const auto& inputs = g.nodes[static_cast<std::size_t>(producer)].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return false;
}

}  // namespace

bool overshoots(const Node& node) {
  if (node.op != Op::Resize) return false;
  const std::vector<float> weights = node.floatsAttr("weights");
  return std::any_of(weights.begin(), weights.end(), [](float w) { return w < 0; });
}

std::vector<bool> nonNegativeValues(const Graph& graph) {
  std::vector<bool> known(graph.values.size());
  for (const Node& n : graph.nodes)
    if (producesNonNegative(graph, n, known)) known[static_cast<std::size_t>(n.outputs[0])] = true;
  return known;
}

std::vector<bool> vanishesWithValue(const Graph& graph, const std::vector<const Rule*>& rules) {
  std::vector<bool> vanishes(graph.values.size(), true);
  // The seed lies on whatever the scores are: a score of 0 may still be given relevance.
  vanishes[static_cast<std::size_t>(graph.outputs.at(0))] = false;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& n = graph.nodes[i];
    const bool out = vanishes[static_cast<std::size_t>(n.outputs[0])];
    const bool keeps = rules[i] && readerKeepsZero(graph, n, *rules[i], out);
    for (ValueId id : n.inputs)
      if (id != kNoValue && !keeps) vanishes[static_cast<std::size_t>(id)] = false;
  }
  return vanishes;
}

int identitySkipInput(const Graph& graph, const Uses& uses, const Node& addition) {
  for (std::size_t k = 0; k < 2; ++k) {
    const std::vector<bool> other = ancestorsOf(graph, uses, addition.inputs[1 - k]);
    if (reachesWithoutWeights(graph, uses, addition.inputs[k], other)) return static_cast<int>(k);
  }
  return -1;
}

}  // namespace relprop
