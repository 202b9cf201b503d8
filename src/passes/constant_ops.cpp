#include "passes/constant_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <type_traits>

#include "graph/edit.h"
#include "graph/op_table.h"
#include "passes/constant_arithmetic.h"
#include "passes/constant_products.h"
#include "passes/quantised.h"
#include "passes/strided.h"
#include "passes/whole_numbers.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

struct Call {
  const Graph& graph;
  const Node& node;
  const std::vector<ValueType>& types;

  const Constant& input(std::size_t i) const { return *graph.value(node.inputs.at(i)).constant; }
  const Shape& output() const { return types.at(0).shape; }
};

using Constants = std::vector<Constant>;

template <class T>
Constant made(const ValueType& type, std::vector<T> values) {
  Constant constant{type.dtype, type.shape, nullptr, nullptr};
  auto payload = std::make_shared<const std::vector<T>>(std::move(values));
  if constexpr (std::is_same_v<T, float>)
    constant.floats = std::move(payload);
  else
    constant.ints = std::move(payload);
  return constant;
}

// Calls f with the payload, whichever kind it is.
template <class F>
auto withPayload(const Constant& constant, F f) {
  return constant.floats ? f(*constant.floats) : f(*constant.ints);
}

// A new constant from the elements of `source` that `view` passes over.
Constant viewed(const Constant& source, const View& view) {
  return withPayload(source, [&](const auto& values) {
    auto result = std::remove_cvref_t<decltype(values)>();
    result.reserve(static_cast<std::size_t>(elementCount(view.shape)));
    forEachPosition(view, [&](std::int64_t at) { result.push_back(values[static_cast<std::size_t>(at)]); });
    return made(ValueType{source.dtype, view.shape}, std::move(result));
  });
}

Constants sharing(const Call& call) {
  Constant constant = call.input(0);
  constant.shape = call.output();
  return {constant};
}

Constants castToFloats(const Call& call) {
  const std::int64_t to = call.node.intAttr("to", 1);
  if (call.input(0).floats && !isShortFloat(to)) return sharing(call);
  return {withPayload(call.input(0), [&](const auto& values) {
    Floats floats;
    floats.reserve(values.size());
    for (const auto value : values) floats.push_back(roundedTo(to, static_cast<float>(value)));
    return made(call.types.at(0), std::move(floats));
  })};
}

// Integers of another kind are wrapped as every result is.
Constants cast(const Call& call) {
  const ValueType& type = call.types.at(0);
  if (type.dtype == DType::Float) return castToFloats(call);
  const IntegerKind kind = call.graph.value(call.node.outputs.at(0)).integers;
  return {withPayload(call.input(0), [&](const auto& values) {
    Ints ints;
    ints.reserve(values.size());
    for (const auto value : values)
      if (type.dtype == DType::Bool)
        ints.push_back(value != 0);
      else if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, float>)
        ints.push_back(truncatedTo(call.node, kind, value));
      else
        ints.push_back(value);
    return made(type, std::move(ints));
  })};
}

Constants transpose(const Call& call) {
  const Constant& source = call.input(0);
  const Shape strides = contiguousStrides(source.shape);
  const std::size_t rank = strides.size();
  Shape perm = call.node.intsAttr("perm");
  View view{call.output(), Shape(rank), 0};
  for (std::size_t i = 0; i < rank; ++i)
    view.strides[i] = strides[perm.empty() ? rank - 1 - i : normaliseAxis(call.node, perm[i], rank)];
  return {viewed(source, view)};
}

Constants slice(const Call& call) {
  View view = contiguousView(call.input(0).shape);
  const std::vector<SliceRange> ranges = sliceRanges(call.graph, call.node);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    view.offset += ranges[i].start * view.strides[i];
    view.strides[i] *= ranges[i].count() > 1 ? ranges[i].step : 0;  // a lone element has no next one to step to
  }
  view.shape = call.output();
  return {viewed(call.input(0), view)};
}

Constants split(const Call& call) {
  const Constant& source = call.input(0);
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", 0), source.shape.size());
  View view = contiguousView(source.shape);
  Constants parts;
  for (const ValueType& type : call.types) {
    view.shape = type.shape;
    parts.push_back(viewed(source, view));
    view.offset += type.shape[axis] * view.strides[axis];
  }
  return parts;
}

// Writes `source` over the elements of `target` that `view` passes over.
template <class T>
void copyInto(std::vector<T>& target, const View& view, const std::vector<T>& source) {
  auto next = source.begin();
  forEachPosition(view, [&](std::int64_t at) { target[static_cast<std::size_t>(at)] = *next++; });
}

template <class T>
Constant concatOf(const Call& call, const std::shared_ptr<const std::vector<T>> Constant::*payload) {
  std::vector<T> result(static_cast<std::size_t>(elementCount(call.output())));
  View view = contiguousView(call.output());
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", 1), view.shape.size());
  for (std::size_t i = 0; i < call.node.inputs.size(); ++i) {
    const Constant& part = call.input(i);
    if (!(part.*payload))
      throw Error(ErrorCode::MalformedModel, describe(call.node), "operands of different types", "one type");
    view.shape = part.shape;
    copyInto(result, view, *(part.*payload));
    view.offset += part.shape[axis] * view.strides[axis];
  }
  return made(call.types[0], std::move(result));
}

Constants concat(const Call& call) {
  return {call.input(0).floats ? concatOf(call, &Constant::floats) : concatOf(call, &Constant::ints)};
}

Constants shapeOf(const Call& call) {
  const Shape& shape = call.graph.value(call.node.inputs.at(0)).shape;
  const std::int64_t start = call.node.intAttr("start", 0), rank = static_cast<std::int64_t>(shape.size());
  const auto from = shape.begin() + std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
  return {made(call.types[0], Ints(from, from + call.output()[0]))};
}

Constants constantOfShape(const Call& call) {
  const auto it = call.node.attrs.find("value");
  const std::size_t count = static_cast<std::size_t>(elementCount(call.output()));
  if (it == call.node.attrs.end()) return {made(call.types[0], Floats(count, 0.0f))};
  return {withPayload(std::get<Constant>(it->second), [&](const auto& values) {
    using T = typename std::remove_cvref_t<decltype(values)>::value_type;
    return made(call.types[0], std::vector<T>(count, values.empty() ? T{} : values[0]));
  })};
}

Constants constantNode(const Call& call) {
  return {std::get<Constant>(call.node.attrs.at("value"))};
}

float floatResult(const Node& node, float a, float b) {
  const double operands[] = {a, b};
  return static_cast<float>(rowOf<double>(node.op).formula.value({node, [&](std::size_t k) { return operands[k]; }}));
}

template <class T, class F>
Constant binaryOf(const Call& call, const std::vector<T>& a, const std::vector<T>& b, F f) {
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(elementCount(call.output())));
  forEachPosition(broadcastView(call.input(0).shape, call.output()),
                  [&](std::int64_t at) { result.push_back(a[static_cast<std::size_t>(at)]); });
  auto next = result.begin();
  forEachPosition(broadcastView(call.input(1).shape, call.output()), [&](std::int64_t at) {
    *next = f(call.node, *next, b[static_cast<std::size_t>(at)]);
    ++next;
  });
  return made(call.types[0], std::move(result));
}

Constants binary(const Call& call) {
  const Constant &a = call.input(0), &b = call.input(1);
  if ((a.floats == nullptr) != (b.floats == nullptr))
    throw Error(ErrorCode::MalformedModel, describe(call.node), "operands of different types", "one type");
  if (a.floats) return {binaryOf(call, *a.floats, *b.floats, floatResult)};
  return {binaryOf(call, *a.ints, *b.ints, wholeFormulaOf(call.node.op))};
}

const Floats& floatsOf(const Call& call, std::size_t i) {
  if (!call.input(i).floats) throw Error(ErrorCode::MalformedModel, describe(call.node), "integers", "floats");
  return *call.input(i).floats;
}

Constants reduceMean(const Call& call) {
  const Floats& values = floatsOf(call, 0);
  const Shape& shape = call.input(0).shape;
  Shape kept = shape;
  for (std::size_t axis : reducedAxes(call.graph, call.node)) kept[axis] = 1;
  const std::size_t count = static_cast<std::size_t>(elementCount(kept));
  std::vector<double> sums(count, 0.0);
  std::size_t next = 0;
  forEachPosition(broadcastView(kept, shape),
                  [&](std::int64_t at) { sums[static_cast<std::size_t>(at)] += values[next++]; });
  Floats means(count);
  for (std::size_t i = 0; i < count; ++i)
    means[i] = static_cast<float>(sums[i] * static_cast<double>(count) / static_cast<double>(values.size()));
  return {made(call.types[0], std::move(means))};
}

Constants activation(const Call& call) {
  Floats values = floatsOf(call, 0);
  for (float& value : values) value = floatResult(call.node, value, 0);
  return {made(call.types[0], std::move(values))};
}

Constants power(const Call& call) {
  const auto raise = [](const Node&, float a, float b) {
    return static_cast<float>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  };
  const Constant &base = call.input(0), &exponent = call.input(1);
  if (base.ints && exponent.ints) return {binaryOf(call, *base.ints, *exponent.ints, wholeFormulaOf(Op::Pow))};
  if (base.ints) throw Error(ErrorCode::UnsupportedModel, describe(call.node), "an integer to the power of a float");
  if (exponent.floats) return {binaryOf(call, *base.floats, *exponent.floats, raise)};
  return {binaryOf(call, *base.floats, Floats(exponent.ints->begin(), exponent.ints->end()), raise)};
}

Constant broadcastTo(const Constant& source, const Shape& shape) {
  return viewed(source, broadcastView(source.shape, shape));
}

Constants expand(const Call& call) {
  return {broadcastTo(call.input(0), call.output())};
}

Constants where(const Call& call) {
  const Constant condition = broadcastTo(call.input(0), call.output());
  const Constant a = broadcastTo(call.input(1), call.output()), b = broadcastTo(call.input(2), call.output());
  if (!condition.ints || (a.floats == nullptr) != (b.floats == nullptr))
    throw Error(ErrorCode::MalformedModel, describe(call.node), "operands of different types", "a condition, one type");
  return {withPayload(a, [&](const auto& chosen) {
    auto result = chosen;
    const auto& other = *[&] {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(chosen)>, Floats>)
        return b.floats;
      else
        return b.ints;
    }();
    for (std::size_t i = 0; i < result.size(); ++i)
      if ((*condition.ints)[i] == 0) result[i] = other[i];
    return made(call.types[0], std::move(result));
  })};
}

Constants quantised(const Call& call) {
  return {quantisedConstant(call.graph, call.node)};
}

Constants dequantised(const Call& call) {
  return {dequantisedConstant(call.graph, call.node)};
}

Constants product(const Call& call) {
  return {made(call.types[0], constantProduct(call.graph, call.node, call.output()))};
}

using Run = Constants (*)(const Call&);

struct Evaluator {
  Run run;
  bool shares = false;
};

// Of ops that are not elementwise.
const std::map<Op, Evaluator>& evaluators() {
  static const std::map<Op, Evaluator> evaluators = {
      {Op::Constant, {constantNode, true}},
      {Op::Identity, {sharing, true}},
      {Op::Dropout, {sharing, true}},
      {Op::Reshape, {sharing, true}},
      {Op::Flatten, {sharing, true}},
      {Op::Squeeze, {sharing, true}},
      {Op::Unsqueeze, {sharing, true}},
      {Op::Shape, {shapeOf, false}},
      {Op::ConstantOfShape, {constantOfShape, false}},
      {Op::Cast, {cast, false}},
      {Op::Transpose, {transpose, false}},
      {Op::Slice, {slice, false}},
      {Op::Split, {split, false}},
      {Op::Concat, {concat, false}},
      {Op::ReduceMean, {reduceMean, false}},
      {Op::Pow, {power, false}},
      {Op::Where, {where, false}},
      {Op::Expand, {expand, false}},
      {Op::QuantizeLinear, {quantised, false}},
      {Op::DequantizeLinear, {dequantised, false}},
      {Op::Gemm, {product, false}},
      {Op::MatMul, {product, false}},
  };
  return evaluators;
}

// An activation's further inputs, where it has any, are no operands of its formula.
Run elementwise(const Node& node) {
  const OpKind kind = traitsOf(node.op).kind;
  if (kind == OpKind::Activation) return node.inputs.size() == 1 ? activation : nullptr;
  return kind == OpKind::Sum || kind == OpKind::Product ? binary : nullptr;
}

// Null: it cannot be evaluated.
Run evaluatorOf(const Node& node) {
  const auto own = evaluators().find(node.op);
  return own != evaluators().end() ? own->second.run : elementwise(node);
}

}  // namespace

bool canEvaluate(const Node& node) {
  // The canonical form has other attributes, and what lies outside of a crop is a sum of its own.
  const bool plain =
      node.inputs.size() > 1 && node.stringAttr("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize";
  if (node.op == Op::Resize && !plain) return false;
  return evaluatorsOfArithmetic().count(node.op) != 0 || evaluatorOf(node) != nullptr;
}

bool sharesPayload(const Node& node) {
  const auto own = evaluators().find(node.op);
  return own != evaluators().end() && own->second.shares;
}

std::vector<Constant> evaluate(const Graph& graph, const Node& node, const std::vector<ValueType>& types) {
  const auto arithmetic = evaluatorsOfArithmetic().find(node.op);
  std::vector<Constant> results = arithmetic != evaluatorsOfArithmetic().end()
                                      ? arithmetic->second(graph, node, types)
                                      : evaluatorOf(node)({graph, node, types});
  if (sharesPayload(node)) return results;
  for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i)
    if (node.outputs[i] != kNoValue) wrapAround(node, graph.value(node.outputs[i]).integers, results[i]);
  return results;
}

}  // namespace relprop
