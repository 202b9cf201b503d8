// Functions that exporters write as several nodes, and nodes that stand for several of the canonical form.
#include <cmath>
#include <map>
#include <vector>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

const Node* producerOf(const Graph& graph, const Uses& uses, ValueId id) {
  const auto value = static_cast<std::size_t>(id);
  const int index = value < uses.producer.size() ? uses.producer[value] : -1;  // not of constants made by this pass
  return index < 0 ? nullptr : &graph.nodes[static_cast<std::size_t>(index)];
}

bool isNumber(const Graph& graph, ValueId id, double expected) {
  const std::vector<float>* values = constantFloats(graph, id);
  return values && values->size() == 1 && std::abs(static_cast<double>((*values)[0]) - expected) < 1e-6 * expected;
}

// The other operand of a node of kind `op` one of whose operands is that number.
ValueId besideNumber(const Graph& graph, const Node* node, Op op, double number) {
  if (!node || node->op != op) return kNoValue;
  if (isNumber(graph, node->inputs[1], number)) return node->inputs[0];
  return op != Op::Div && isNumber(graph, node->inputs[0], number) ? node->inputs[1] : kNoValue;
}

// x, where the value is 1 + erf(x/√2).
ValueId onePlusErf(const Graph& graph, const Uses& uses, ValueId id) {
  const ValueId sum = besideNumber(graph, producerOf(graph, uses, id), Op::Add, 1.0);
  const Node* erf = sum == kNoValue ? nullptr : producerOf(graph, uses, sum);
  if (!erf || erf->op != Op::Erf) return kNoValue;
  const Node* scaled = producerOf(graph, uses, erf->inputs[0]);
  const ValueId x = besideNumber(graph, scaled, Op::Div, std::sqrt(2.0));
  return x != kNoValue ? x : besideNumber(graph, scaled, Op::Mul, std::sqrt(0.5));
}

// What is multiplied, through products that nobody else reads.
void factorsOf(const Graph& graph, const Uses& uses, const Node& product, std::vector<ValueId>& factors) {
  for (ValueId id : product.inputs) {
    const Node* inner = graph.isConstant(id) ? nullptr : producerOf(graph, uses, id);
    const bool alone = uses.consumers[static_cast<std::size_t>(id)].size() == 1;
    if (inner && inner->op == Op::Mul && alone && factors.size() < 4)
      factorsOf(graph, uses, *inner, factors);
    else
      factors.push_back(id);
  }
}

// x of a product ½·x·(1 + erf(x/√2)), in any order.
ValueId geluInput(const Graph& graph, const Uses& uses, const Node& node) {
  if (node.op != Op::Mul) return kNoValue;
  std::vector<ValueId> factors;
  factorsOf(graph, uses, node, factors);
  if (factors.size() != 3) return kNoValue;
  ValueId x = kNoValue;
  bool half = false;
  for (ValueId id : factors) {
    half |= isNumber(graph, id, 0.5);
    if (x == kNoValue) x = graph.isConstant(id) ? kNoValue : onePlusErf(graph, uses, id);
  }
  const bool complete = half && (factors[0] == x || factors[1] == x || factors[2] == x);
  return complete ? x : kNoValue;
}

ValueId appendProduct(Graph& graph, const Node& like, const std::string& suffix, ValueId a, ValueId b) {
  return appendNode(graph, makeNode(like.name + suffix, Op::Mul, {a, b}), graph.value(like.outputs[0]).shape);
}

void asQuotient(Graph& graph, Node& node, ValueId divisor) {
  node.op = Op::Div;
  node.inputs = {addFloatConstant(graph, node.name + ".one", {}, {1.0f}), divisor};
}

// Powers that are products, roots or their inverses; others stay and are refused.
bool power(Graph& graph, std::size_t index, const PassContext&) {
  const Node node = graph.nodes[index];
  const ValueId x = node.inputs[0];
  float exponent = 0;
  if (!floatParameter(graph, node, 1, exponent)) return false;
  const float whole = std::abs(exponent);
  ValueId result = x;
  if (whole == 0.5f)
    result = appendNode(graph, makeNode(node.name + "/root", Op::Sqrt, {x}), graph.value(x).shape);
  else if (whole == 2.0f || whole == 3.0f)
    result = appendProduct(graph, node, "/square", x, x);
  else if (whole != 1.0f)
    return false;
  if (whole == 3.0f) result = appendProduct(graph, node, "/cube", result, x);
  Node& rewritten = graph.nodes[index];
  rewritten.op = Op::Identity;
  rewritten.inputs = {result};
  if (exponent < 0) asQuotient(graph, rewritten, result);
  return true;
}

// x · tanh(softplus(x))
bool mish(Graph& graph, std::size_t index, const PassContext&) {
  const Node node = graph.nodes[index];
  const Shape shape = graph.value(node.inputs[0]).shape;
  const ValueId soft = appendNode(graph, makeNode(node.name + "/softplus", Op::Softplus, {node.inputs[0]}), shape);
  const ValueId gate = appendNode(graph, makeNode(node.name + "/tanh", Op::Tanh, {soft}), shape);
  graph.nodes[index].op = Op::Mul;
  graph.nodes[index].inputs = {node.inputs[0], gate};
  return true;
}

// The extents by which `from` is repeated to become `to`, 1 elsewhere.
Shape repeats(const Shape& from, Shape to) {
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] == to[lead + i]) to[lead + i] = 1;
  return to;
}

// Repeating along axes of extent 1 is what adding zeros of the larger extents does.
bool expand(Graph& graph, std::size_t index, const PassContext& context) {
  const Shape &from = graph.value(graph.nodes[index].inputs[0]).shape,
              &to = graph.value(graph.nodes[index].outputs[0]).shape;
  const Shape shape = repeats(from, to);
  const bool same = from == to;
  if (elementCount(shape) > context.foldLimit) return false;
  const std::vector<float> zeros(static_cast<std::size_t>(elementCount(shape)), 0.0f);
  const ValueId constant = same ? kNoValue : addFloatConstant(graph, graph.nodes[index].name + ".zeros", shape, zeros);
  Node& node = graph.nodes[index];
  node.op = same ? Op::Identity : Op::Add;
  node.inputs.resize(1);
  if (!same) node.inputs.push_back(constant);
  return true;
}

using Rewriter = bool (*)(Graph&, std::size_t, const PassContext&);

const std::map<Op, Rewriter>& table() {
  static const std::map<Op, Rewriter> rewriters = {{Op::Pow, power}, {Op::Mish, mish}, {Op::Expand, expand}};
  return rewriters;
}

}  // namespace

int fuseGelus(Graph& graph, PassContext&) {
  int rewrites = 0;
  const Uses uses = usesOf(graph);
  for (Node& node : graph.nodes) {
    const ValueId x = geluInput(graph, uses, node);
    if (x == kNoValue) continue;
    node.op = Op::Gelu;
    node.inputs = {x};
    node.attrs = {{"approximate", std::string("none")}};
    ++rewrites;
  }
  return rewrites;
}

int canonicaliseFunctions(Graph& graph, PassContext& context) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = table().find(graph.nodes[i].op);
    if (rewriter != table().end()) rewrites += rewriter->second(graph, i, context);
  }
  return rewrites;
}

}  // namespace relprop
