// Functions that exporters write as several nodes, and nodes that stand for several of the canonical form.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "graph/edit.h"
#include "passes/narrow_integers.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

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

// What is multiplied, through products that nobody else reads; two within one another have four factors already, which
// is more than anybody asks for.
void factorsOf(const Graph& graph, const Uses& uses, const Node& product, std::vector<ValueId>& factors,
               int depth = 2) {
  for (ValueId id : product.inputs) {
    const Node* inner = graph.isConstant(id) ? nullptr : producerOf(graph, uses, id);
    const bool alone = uses.consumers[static_cast<std::size_t>(id)].size() == 1;
    if (inner && inner->op == Op::Mul && alone && depth > 0)
      factorsOf(graph, uses, *inner, factors, depth - 1);
    else
      factors.push_back(id);
  }
}

// x of a product ½·x·(1 + erf(x/√2)), in any order; a number among them may have more axes than x.
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
  return complete && graph.value(x).shape == graph.value(node.outputs[0]).shape ? x : kNoValue;
}

ValueId appendProduct(Graph& graph, const Node& like, const std::string& suffix, ValueId a, ValueId b) {
  return appendNode(graph, makeNode(like.name + suffix, Op::Mul, {a, b}), graph.value(like.outputs[0]).shape);
}

void asQuotient(Graph& graph, Node& node, ValueId divisor) {
  node.op = Op::Div;
  node.inputs = {addFloatConstant(graph, node.name + ".one", {}, {1.0f}), divisor};
}

// An exponent for every element of the result; the base is spread over it.
bool generalPower(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  const Shape shape = graph.value(node.outputs[0]).shape;
  if (graph.value(node.inputs[0]).shape == shape) return false;
  const ValueId one = filled(graph, node, ".ones", shape, 1.0f, context);
  const ValueId base = appendNode(graph, makeNode(node.name + "/base", Op::Mul, {node.inputs[0], one}), shape);
  graph.nodes[index].inputs[0] = base;
  return true;
}

// c^y = e^(y·ln c), for a constant c above 0.
bool exponential(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  chargeConstant(node, elementCount(graph.value(node.inputs[0]).shape), context);
  std::vector<float> logs = *constantFloats(graph, node.inputs[0]);
  if (std::any_of(logs.begin(), logs.end(), [](float c) { return !(c > 0); })) return false;
  for (float& c : logs) c = std::log(c);
  const Value base = graph.value(node.inputs[0]);
  const ValueId factor = addFloatConstant(graph, base.name, base.shape, std::move(logs));
  const Shape shape = graph.value(node.outputs[0]).shape;
  const ValueId product = appendNode(graph, makeNode(node.name + "/log", Op::Mul, {node.inputs[1], factor}), shape);
  graph.nodes[index].op = Op::Exp;
  graph.nodes[index].inputs = {product};
  return true;
}

// A number beside x may have more axes than x, all of extent 1, which the result has then.
ValueId inShapeOfResult(Graph& graph, const Node& node, ValueId x) {
  const Shape shape = graph.value(node.outputs[0]).shape;
  if (graph.value(x).shape == shape) return x;
  return appendNode(graph, makeNode(node.name + "/axes", Op::Reshape, {x}), shape);
}

// Powers that are products, roots or their inverses; others stay.
bool power(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  if (constantFloats(graph, node.inputs[0])) return exponential(graph, index, context);
  float exponent = 0;
  if (!floatParameter(graph, node, 1, exponent)) return generalPower(graph, index, context);
  const float whole = std::abs(exponent);
  if (whole != 0.5f && whole != 1.0f && whole != 2.0f && whole != 3.0f) return generalPower(graph, index, context);
  const ValueId x = inShapeOfResult(graph, node, node.inputs[0]);
  ValueId result = x;
  if (whole == 0.5f)
    result = appendNode(graph, makeNode(node.name + "/root", Op::Sqrt, {x}), graph.value(x).shape);
  else if (whole == 2.0f || whole == 3.0f)
    result = appendProduct(graph, node, "/square", x, x);
  if (whole == 3.0f) result = appendProduct(graph, node, "/cube", result, x);
  Node& rewritten = graph.nodes[index];
  rewritten.op = Op::Identity;
  rewritten.inputs = {result};
  if (exponent < 0) asQuotient(graph, rewritten, result);
  return true;
}

// x · tanh(softplus(x))
bool mish(Graph& graph, std::size_t index, PassContext&) {
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
bool expand(Graph& graph, std::size_t index, PassContext& context) {
  const Shape &from = graph.value(graph.nodes[index].inputs[0]).shape,
              &to = graph.value(graph.nodes[index].outputs[0]).shape;
  const Shape shape = repeats(from, to);
  const bool same = from == to;
  if (elementCount(shape) > context.foldLimit) return false;
  const ValueId constant = same ? kNoValue : filled(graph, graph.nodes[index], ".zeros", shape, 0.0f, context);
  Node& node = graph.nodes[index];
  node.op = same ? Op::Identity : Op::Add;
  node.inputs.resize(1);
  if (!same) node.inputs.push_back(constant);
  return true;
}

ValueId append(Graph& graph, const Node& like, const char* suffix, Op op, std::vector<ValueId> inputs) {
  return appendNode(graph, makeNode(like.name + suffix, op, std::move(inputs)), graph.value(like.outputs[0]).shape);
}

void become(Graph& graph, std::size_t index, Op op, std::vector<ValueId> inputs) {
  Node& node = graph.nodes[index];
  node.op = op;
  node.inputs = std::move(inputs);
  node.attrs.clear();
}

// Towards zero: sign(x)·⌊|x|⌋.
void truncate(Graph& graph, std::size_t index, const Node& like, ValueId x) {
  const ValueId size = append(graph, like, "/floor", Op::Floor, {append(graph, like, "/abs", Op::Abs, {x})});
  become(graph, index, Op::Mul, {append(graph, like, "/sign", Op::Sign, {x}), size});
}

// Integers and booleans that are computed are whole floats.
bool cast(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  const ValueId x = node.inputs[0];
  const DType from = graph.value(x).dtype, to = graph.value(node.outputs[0]).dtype;
  if (to == DType::Bool && from != DType::Bool) {
    const ValueId zero = addFloatConstant(graph, node.name + ".zero", {}, {0.0f});
    become(graph, index, Op::Not, {append(graph, node, "/zero", Op::Equal, {x, zero})});
  } else if (to == DType::Int64 && from == DType::Float) {
    truncate(graph, index, node, x);
  } else {
    become(graph, index, Op::Identity, {x});
  }
  return true;
}

bool isWhole(const Graph& graph, const Node& node) {
  return graph.value(node.outputs[0]).dtype == DType::Int64;
}

// A quotient of integers has no fraction.
bool cutQuotient(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  if (!isWhole(graph, node)) return false;
  truncate(graph, index, node, append(graph, node, "/exact", Op::Div, node.inputs));
  return true;
}

bool areCounts(const Constant& exponents) {
  const auto isCount = [](auto e) { return e >= 0 && static_cast<double>(e) == std::floor(static_cast<double>(e)); };
  return exponents.floats ? std::all_of(exponents.floats->begin(), exponents.floats->end(), isCount)
                          : std::all_of(exponents.ints->begin(), exponents.ints->end(), isCount);
}

// Nor has a power of integers, whatever the exponent; where that is whole and not negative, there is nothing to be cut.
bool cutPower(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  const ValueId by = node.inputs[1];
  if (!isWhole(graph, node) || !graph.isConstant(by) || areCounts(*graph.value(by).constant))
    return power(graph, index, context);
  const ValueId exact = append(graph, node, "/exact", Op::Pow, node.inputs);
  power(graph, graph.nodes.size() - 1, context);
  truncate(graph, index, node, exact);
  return true;
}

// x − y·⌊x/y⌋; with fmod the quotient is cut towards zero.
bool modulo(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  const ValueId x = node.inputs[0], y = node.inputs[1], quotient = append(graph, node, "/quotient", Op::Div, {x, y});
  ValueId whole = append(graph, node, "/whole", Op::Floor, {quotient});
  if (node.intAttr("fmod", 0) != 0) {
    const ValueId size = append(graph, node, "/size", Op::Floor, {append(graph, node, "/abs", Op::Abs, {quotient})});
    whole = append(graph, node, "/cut", Op::Mul, {append(graph, node, "/sign", Op::Sign, {quotient}), size});
  }
  become(graph, index, Op::Sub, {x, append(graph, node, "/back", Op::Mul, {whole, y})});
  return true;
}

// Bounds that are computed.
bool clip(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  if (node.inputs.size() == 1) return false;
  ValueId x = node.inputs[0];
  if (node.inputs[1] != kNoValue) x = append(graph, node, "/low", Op::Max, {x, node.inputs[1]});
  if (node.inputs.size() > 2) x = append(graph, node, "/high", Op::Min, {x, node.inputs[2]});
  become(graph, index, Op::Identity, {x});
  return true;
}

// The larger, or smaller, of x and a number: a ReLU or a Clip, of which more is known.
bool bound(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  if (node.inputs.size() != 2) return false;
  const std::size_t k = graph.isConstant(node.inputs[0]) ? 1 : 0;
  const std::vector<float>* number = constantFloats(graph, node.inputs[1 - k]);
  const ValueId x = node.inputs[k];
  const bool same = graph.value(x).shape == graph.value(node.outputs[0]).shape;
  if (graph.isConstant(x) || !number || number->size() != 1 || !same) return false;
  const float value = (*number)[0];
  if (node.op == Op::Max && value == 0)
    become(graph, index, Op::Relu, {x});
  else
    become(graph, index, Op::Clip, {x}), graph.nodes[index].attrs = {{node.op == Op::Max ? "min" : "max", value}};
  return true;
}

// A slope that is computed: x⁺ − slope·(−x)⁺.
bool prelu(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  if (graph.isConstant(node.inputs[1])) return false;
  const ValueId x = node.inputs[0], up = append(graph, node, "/up", Op::Relu, {x});
  const ValueId down = append(graph, node, "/down", Op::Relu, {append(graph, node, "/turned", Op::Neg, {x})});
  become(graph, index, Op::Sub, {up, append(graph, node, "/slope", Op::Mul, {down, node.inputs[1]})});
  return true;
}

// The numbers that a LogSoftmax puts together as the last of three axes, N×rest×K.
struct Grouped {
  Shape perm;  // empty: they are together already
  Shape moved, shape;
};

Grouped grouped(const Node& node, const Shape& shape) {
  const auto axis = shape.begin() + node.intAttr("axis", -1);
  Grouped g{{}, shape, {shape[0], 1, 1}};
  if (node.intAttr("flatten", 0) != 0) {
    g.shape = {shape[0], elementCount(Shape(shape.begin() + 1, axis)), elementCount(Shape(axis, shape.end()))};
    return g;
  }
  g.shape = {shape[0], elementCount(shape) / (shape[0] * *axis), *axis};
  if (axis + 1 == shape.end()) return g;
  g.perm.resize(shape.size());
  std::iota(g.perm.begin(), g.perm.end(), 0);
  const auto from = g.perm.begin() + (axis - shape.begin());
  std::rotate(from, from + 1, g.perm.end());
  std::rotate(g.moved.begin() + (axis - shape.begin()), g.moved.begin() + (axis - shape.begin()) + 1, g.moved.end());
  return g;
}

Shape inverse(const Shape& perm) {
  Shape back(perm.size());
  for (std::size_t k = 0; k < perm.size(); ++k) back[static_cast<std::size_t>(perm[k])] = static_cast<std::int64_t>(k);
  return back;
}

// d − log Σ e^d with d = x − max x, over the last axis of x: N×rest×K.
ValueId logarithmOfShares(Graph& graph, const std::string& name, ValueId x, const Shape& shape) {
  const Shape one = {shape[0], shape[1], 1};
  const auto add = [&](const char* part, Op op, std::vector<ValueId> inputs, const Shape& to) {
    return appendNode(graph, makeNode(name + part, op, std::move(inputs)), to);
  };
  const ValueId d = add("/difference", Op::Sub, {x, add("/max", Op::GlobalMaxPool, {x}, one)}, shape);
  const ValueId mean = add("/mean", Op::GlobalAveragePool, {add("/exp", Op::Exp, {d}, shape)}, one);
  const ValueId count = addFloatConstant(graph, name + ".count", {}, {static_cast<float>(shape[2])});
  const ValueId sum = add("/sum", Op::Mul, {mean, count}, one);
  return add("/log-softmax", Op::Sub, {d, add("/log", Op::Log, {sum}, one)}, shape);
}

// A softmax over images, with axis 0, stays and is refused.
bool logSoftmax(Graph& graph, std::size_t index, PassContext&) {
  const Node node = graph.nodes[index];
  const Shape shape = graph.value(node.inputs[0]).shape;
  if (node.intAttr("axis", -1) < 1 || elementCount(shape) == 0) return false;
  const Grouped g = grouped(node, shape);
  ValueId x = node.inputs[0];
  if (!g.perm.empty()) {
    Node transposed = makeNode(node.name + "/axis-last", Op::Transpose, {x});
    transposed.attrs["perm"] = g.perm;
    x = appendNode(graph, std::move(transposed), g.moved);
  }
  x = appendNode(graph, makeNode(node.name + "/grouped", Op::Reshape, {x}), g.shape);
  const ValueId y = logarithmOfShares(graph, node.name, x, g.shape);
  const ValueId flat = appendNode(graph, makeNode(node.name + "/shaped", Op::Reshape, {y}), g.moved);
  Node& last = graph.nodes[index];
  last.op = g.perm.empty() ? Op::Identity : Op::Transpose;
  last.inputs = {flat};
  last.attrs.clear();
  if (!g.perm.empty()) last.attrs["perm"] = inverse(g.perm);
  return true;
}

bool concat(Graph& graph, std::size_t index, PassContext& context) {
  const Shape shape = graph.value(graph.nodes[index].outputs[0]).shape;
  if (shape.empty() || elementCount(shape) > context.foldLimit) return false;
  const std::int64_t repeated = elementsOfRepeatedRows(graph, index, shape[0]);
  if (repeated > 0) chargeConstant(graph.nodes[index], repeated, context);
  return repeatConstantRows(graph, index, shape[0]) > 0;
}

const std::map<Op, bool (*)(Graph&, std::size_t, PassContext&)>& rewriters() {
  static const std::map<Op, bool (*)(Graph&, std::size_t, PassContext&)> rewriters = {
      {Op::Pow, cutPower},  {Op::Div, cutQuotient}, {Op::Mish, mish},
      {Op::Expand, expand}, {Op::Cast, cast},       {Op::Mod, modulo},
      {Op::Clip, clip},     {Op::PRelu, prelu},     {Op::LogSoftmax, logSoftmax},
      {Op::Concat, concat}, {Op::Max, bound},       {Op::Min, bound}};
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
  int rewrites = wrapNarrowIntegers(graph);
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = rewriters().find(graph.nodes[i].op);
    if (rewriter != rewriters().end()) rewrites += rewriter->second(graph, i, context);
  }
  return rewrites;
}

}  // namespace relprop
