#include "passes/constant_arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "graph/edit.h"
#include "graph/op_table.h"
#include "graph/resize_geometry.h"
#include "graph/shape_inference_moves.h"
#include "passes/sources.h"
#include "passes/strided.h"
#include "passes/whole_numbers.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using Types = std::vector<ValueType>;
using Constants = std::vector<Constant>;

const Constant& input(const Graph& graph, const Node& node, std::size_t i) {
  return *graph.value(node.inputs.at(i)).constant;
}

Constant made(const ValueType& type, Floats values) {
  return {type.dtype, type.shape, std::make_shared<const Floats>(std::move(values)), nullptr};
}
Constant made(const ValueType& type, Ints values) {
  return {type.dtype, type.shape, nullptr, std::make_shared<const Ints>(std::move(values))};
}

// Numbers of either kind as doubles, in which integers beyond 2^53 are not exact.
std::vector<double> numbers(const Constant& constant) {
  if (constant.floats) return {constant.floats->begin(), constant.floats->end()};
  return {constant.ints->begin(), constant.ints->end()};
}

// Calls f with integers as they are, or with floats as doubles.
template <class F>
Constants withNumbers(const Constant& constant, F f) {
  return constant.ints ? f(*constant.ints) : f(numbers(constant));
}

bool areWhole(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id != kNoValue && graph.value(id).constant->ints != nullptr; });
}

// Beyond 64 bits the nearest that fits; 0 for what is no number.
std::int64_t wholeNumber(double value) {
  constexpr double kEnd = 9.2233720368547e18;
  if (std::isnan(value)) return 0;
  if (value >= kEnd) return std::numeric_limits<std::int64_t>::max();
  return value <= -kEnd ? std::numeric_limits<std::int64_t>::min() : static_cast<std::int64_t>(value);
}

Constant fromNumbers(const ValueType& type, const std::vector<double>& values) {
  if (type.dtype != DType::Float) {
    Ints ints;
    for (const double value : values) ints.push_back(wholeNumber(value));
    return made(type, std::move(ints));
  }
  Floats floats;
  for (const double value : values) floats.push_back(static_cast<float>(value));
  return made(type, std::move(floats));
}

Constant fromNumbers(const ValueType& type, Ints values) {
  return type.dtype == DType::Float ? made(type, Floats(values.begin(), values.end())) : made(type, std::move(values));
}

template <class T>
std::vector<T> spread(const std::vector<T>& values, const Shape& from, const Shape& to) {
  std::vector<T> result;
  forEachPosition(broadcastView(from, to),
                  [&](std::int64_t at) { result.push_back(values[static_cast<std::size_t>(at)]); });
  return result;
}

std::vector<double> spread(const Constant& constant, const Shape& shape) {
  return spread(numbers(constant), constant.shape, shape);
}

Constants byWholeFormula(const Graph& graph, const Node& node, const Types& types) {
  const auto operand = [&](std::size_t i) {
    const Constant& constant = input(graph, node, i);
    return spread(*constant.ints, constant.shape, types[0].shape);
  };
  Ints result = operand(0);
  const Ints second = node.inputs.size() > 1 ? operand(1) : Ints(result.size(), 0);
  const WholeFormula formula = wholeFormulaOf(node.op);
  for (std::size_t at = 0; at < result.size(); ++at) result[at] = formula(node, result[at], second[at]);
  return {fromNumbers(types[0], std::move(result))};
}

// By the op's formula, of floats in double.
Constants byFormula(const Graph& graph, const Node& node, const Types& types) {
  if (areWhole(graph, node)) return byWholeFormula(graph, node, types);
  std::vector<std::vector<double>> operands;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    operands.push_back(spread(input(graph, node, i), types[0].shape));
  std::vector<double> result(operands[0].size());
  const auto value = rowOf<double>(node.op).formula.value;
  for (std::size_t at = 0; at < result.size(); ++at)
    result[at] = value({node, [&](std::size_t k) { return operands[k][at]; }});
  return {fromNumbers(types[0], result)};
}

Constants modulo(const Graph& graph, const Node& node, const Types& types) {
  if (areWhole(graph, node)) return byWholeFormula(graph, node, types);
  const std::vector<double> a = spread(input(graph, node, 0), types[0].shape),
                            b = spread(input(graph, node, 1), types[0].shape);
  const bool truncates = node.intAttr("fmod", 0) != 0;
  std::vector<double> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    result[i] = truncates ? std::fmod(a[i], b[i]) : a[i] - b[i] * std::floor(a[i] / b[i]);
  return {fromNumbers(types[0], result)};
}

template <bool (*test)(const Node&, double)>
Constants flags(const Graph& graph, const Node& node, const Types& types) {
  std::vector<double> values = numbers(input(graph, node, 0));
  for (double& value : values) value = test(node, value) ? 1 : 0;
  return {fromNumbers(types[0], values)};
}
bool isNan(const Node&, double v) {
  return std::isnan(v);
}
bool isInfinite(const Node& node, double v) {
  return std::isinf(v) && node.intAttr(v > 0 ? "detect_positive" : "detect_negative", 1) != 0;
}

double combine(Op op, double a, double b) {
  if (op == Op::ReduceMax) return std::max(a, b);
  if (op == Op::ReduceMin) return std::min(a, b);
  return op == Op::ReduceProd ? a * b : a + b;
}
std::int64_t combine(Op op, std::int64_t a, std::int64_t b) {
  if (op == Op::ReduceMax) return std::max(a, b);
  if (op == Op::ReduceMin) return std::min(a, b);
  return op == Op::ReduceProd ? wholeProduct(a, b) : wholeSum(a, b);
}

// The ends are infinite, or as far as integers go.
template <class T>
T neutral(Op op) {
  using Limits = std::numeric_limits<T>;
  if (op == Op::ReduceMax) return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  if (op == Op::ReduceMin) return Limits::has_infinity ? Limits::infinity() : Limits::max();
  return static_cast<T>(op == Op::ReduceProd ? 1 : 0);
}

Constants reduce(const Graph& graph, const Node& node, const Types& types) {
  const Constant& x = input(graph, node, 0);
  Shape kept = x.shape;
  for (const std::size_t axis : reducedAxes(graph, node)) kept[axis] = 1;
  return withNumbers(x, [&]<class T>(const std::vector<T>& values) -> Constants {
    std::vector<T> result(static_cast<std::size_t>(elementCount(kept)), neutral<T>(node.op));
    std::size_t next = 0;
    forEachPosition(broadcastView(kept, x.shape), [&](std::int64_t at) {
      T& into = result[static_cast<std::size_t>(at)];
      into = combine(node.op, into, values[next++]);
    });
    return {fromNumbers(types[0], std::move(result))};
  });
}

Constants size(const Graph& graph, const Node& node, const Types& types) {
  return {made(types[0], Ints{elementCount(graph.value(node.inputs[0]).shape)})};
}

Constants wholeRange(const Graph& graph, const Node& node, const Types& types) {
  const std::int64_t start = input(graph, node, 0).ints->front(), step = input(graph, node, 2).ints->front();
  Ints values(static_cast<std::size_t>(types[0].shape[0]), start);
  for (std::size_t i = 1; i < values.size(); ++i) values[i] = wholeSum(values[i - 1], step);
  return {fromNumbers(types[0], std::move(values))};
}

Constants range(const Graph& graph, const Node& node, const Types& types) {
  if (areWhole(graph, node)) return wholeRange(graph, node, types);
  const double start = numberParameter(graph, node, 0, "start"), step = numberParameter(graph, node, 2, "delta");
  std::vector<double> values(static_cast<std::size_t>(types[0].shape[0]));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<double>(i) * step;
  return {fromNumbers(types[0], values)};
}

Constants nonZero(const Graph& graph, const Node& node, const Types& types) {
  const Constant& x = input(graph, node, 0);
  const std::vector<double> values = numbers(x);
  const Shape strides = contiguousStrides(x.shape);
  Ints result;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis)
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] != 0) result.push_back(static_cast<std::int64_t>(i) / strides[axis] % x.shape[axis]);
  return {made(types[0], std::move(result))};
}

Ints wholeNumbers(const Constant& constant) {
  if (constant.ints) return *constant.ints;
  Ints whole;
  for (const float value : *constant.floats) whole.push_back(wholeNumber(static_cast<double>(value)));
  return whole;
}

// Whether each element of the result is the one that is on.
std::vector<bool> hotPlaces(const Graph& graph, const Node& node, const Shape& out) {
  const Ints indices = wholeNumbers(input(graph, node, 0));
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), out.size());
  const std::int64_t inner = elementCount(Shape(out.begin() + static_cast<std::ptrdiff_t>(axis) + 1, out.end()));
  std::vector<bool> hot;
  for (std::int64_t i = 0, count = elementCount(out); i < count; ++i) {
    const std::int64_t place = i / inner % out[axis], from = i / inner / out[axis] * inner + i % inner;
    std::int64_t wanted = indices[static_cast<std::size_t>(from)];
    if (wanted < 0) wanted += out[axis];
    hot.push_back(place == wanted);
  }
  return hot;
}

Constants oneHot(const Graph& graph, const Node& node, const Types& types) {
  const std::vector<bool> hot = hotPlaces(graph, node, types[0].shape);
  return withNumbers(input(graph, node, 2), [&]<class T>(const std::vector<T>& offOn) -> Constants {
    std::vector<T> result;
    for (const bool on : hot) result.push_back(offOn.at(on ? 1 : 0));
    return {fromNumbers(types[0], std::move(result))};
  });
}

Constants eyeLike(const Graph&, const Node& node, const Types& types) {
  const Shape& shape = types[0].shape;
  std::vector<double> values(static_cast<std::size_t>(elementCount(shape)), 0);
  const std::int64_t k = std::clamp(node.intAttr("k", 0), -kMaxElements, kMaxElements);  // beyond all columns
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    const std::int64_t column = row + k;
    if (column >= 0 && column < shape[1]) values[static_cast<std::size_t>(row * shape[1] + column)] = 1;
  }
  return {fromNumbers(types[0], values)};
}

template <class T>
std::vector<T> runningSums(const Graph& graph, const Node& node, const Shape& shape, std::vector<T> values) {
  const std::size_t axis = normaliseAxis(node, wholeParameter(graph, node, 1, "axis"), shape.size());
  const bool exclusive = node.intAttr("exclusive", 0) != 0, backwards = node.intAttr("reverse", 0) != 0;
  const std::int64_t inner = contiguousStrides(shape)[axis], extent = shape[axis];
  for (std::int64_t line = 0; line < static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(1, extent);
       ++line) {
    T sum = 0;
    for (std::int64_t k = 0; k < extent; ++k) {
      const std::int64_t place = backwards ? extent - 1 - k : k;
      T& value = values[static_cast<std::size_t>(line / inner * inner * extent + place * inner + line % inner)];
      const T before = sum;
      sum = combine(Op::ReduceSum, sum, value);
      value = exclusive ? before : sum;
    }
  }
  return values;
}

Constants cumSum(const Graph& graph, const Node& node, const Types& types) {
  return withNumbers(input(graph, node, 0), [&](const auto& values) -> Constants {
    return {fromNumbers(types[0], runningSums(graph, node, types[0].shape, values))};
  });
}

// Order of the elements along an axis, the first ones first; equal ones as they stand.
template <class T>
Ints ordered(const std::vector<T>& values, std::int64_t first, std::int64_t step, std::int64_t extent, bool largest) {
  Ints order(static_cast<std::size_t>(extent));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const T x = values[static_cast<std::size_t>(first + a * step)],
            y = values[static_cast<std::size_t>(first + b * step)];
    return largest ? x > y : x < y;
  });
  return order;
}

// The k first of each line: values and indices.
template <class T>
Constants firstOf(const Shape& shape, const Node& node, const Types& types, const std::vector<T>& values) {
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), shape.size());
  const bool largest = node.intAttr("largest", 1) != 0;
  const std::int64_t inner = contiguousStrides(shape)[axis], extent = shape[axis];
  const std::int64_t lines = static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(1, extent);
  const std::int64_t k = lines ? elementCount(types[0].shape) / lines : 0;
  std::vector<T> best(static_cast<std::size_t>(lines * k));
  Ints at(best.size());
  for (std::int64_t line = 0; line < lines; ++line) {
    const std::int64_t first = line / inner * inner * extent + line % inner;
    const Ints order = ordered(values, first, inner, extent, largest);
    for (std::int64_t i = 0; i < k; ++i) {
      const auto to = static_cast<std::size_t>(line / inner * inner * k + i * inner + line % inner);
      at[to] = order[static_cast<std::size_t>(i)];
      best[to] = values[static_cast<std::size_t>(first + order[static_cast<std::size_t>(i)] * inner)];
    }
  }
  return {fromNumbers(types[0], std::move(best)), fromNumbers(types[1], std::move(at))};
}

Constants topK(const Graph& graph, const Node& node, const Types& types) {
  const Constant& x = input(graph, node, 0);
  return withNumbers(x, [&](const auto& values) { return firstOf(x.shape, node, types, values); });
}

// Where the largest or smallest of each line is; of equal ones the first, or the last where the node says so.
template <class T>
Constants extremeOf(const Shape& shape, const Node& node, const Types& types, const std::vector<T>& values) {
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), shape.size());
  const bool largest = node.op == Op::ArgMax, last = node.intAttr("select_last_index", 0) != 0;
  const std::int64_t inner = contiguousStrides(shape)[axis], extent = shape[axis];
  Ints places(static_cast<std::size_t>(elementCount(types[0].shape)), 0);
  for (std::size_t line = 0; line < places.size(); ++line) {
    const auto number = static_cast<std::int64_t>(line);
    const T* first = values.data() + number / inner * inner * extent + number % inner;
    for (std::int64_t k = 1; k < extent; ++k) {
      const T candidate = first[k * inner], best = first[places[line] * inner];
      if ((largest ? candidate > best : candidate < best) || (last && candidate == best)) places[line] = k;
    }
  }
  return {made(types[0], std::move(places))};
}

Constants extreme(const Graph& graph, const Node& node, const Types& types) {
  const Constant& x = input(graph, node, 0);
  return withNumbers(x, [&](const auto& values) { return extremeOf(x.shape, node, types, values); });
}

// What a Pad of integers fills with.
std::int64_t wholeFillingOf(const Graph& graph, const Node& node) {
  const bool given = node.op == Op::Pad && node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  const Constant* value = given ? &input(graph, node, 2) : nullptr;
  return value && value->ints && value->ints->size() == 1 ? value->ints->front() : 0;
}

template <class T>
std::vector<T> taken(const std::vector<T>& values, const std::vector<T>* more, const Ints& from, T filling) {
  std::vector<T> result;
  result.reserve(from.size());
  for (const std::int64_t at : from) {
    const auto index = static_cast<std::size_t>(at);
    result.push_back(at == kFilled ? filling : index < values.size() ? values[index] : more->at(index - values.size()));
  }
  return result;
}

Constants moved(const Graph& graph, const Node& node, const Types& types) {
  if (!hasSources(graph, node))
    throw Error(ErrorCode::UnsupportedModel, describe(node), "reduction " + node.stringAttr("reduction", "none"),
                "none");
  const Ints from = sourcesOf(graph, node, types[0].shape);
  const Constant& x = input(graph, node, 0);
  const bool scatters = node.op == Op::ScatterElements || node.op == Op::ScatterND;
  const Constant* updates = scatters ? &input(graph, node, 2) : nullptr;
  if (updates && (updates->floats == nullptr) != (x.floats == nullptr))
    throw Error(ErrorCode::MalformedModel, describe(node), "operands of different types", "one type");
  if (x.floats)
    return {made(types[0], taken(*x.floats, updates ? updates->floats.get() : nullptr, from, fillingOf(graph, node)))};
  return {made(types[0], taken(*x.ints, updates ? updates->ints.get() : nullptr, from, wholeFillingOf(graph, node)))};
}

Constants softmax(const Graph& graph, const Node& node, const Types& types) {
  std::vector<double> values = numbers(input(graph, node, 0));
  const Shape& shape = types[0].shape;
  const bool flattens = node.intAttr("flatten", 0) != 0;
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), shape.size());
  const std::int64_t inner = flattens ? 1 : contiguousStrides(shape)[axis];
  const std::int64_t extent =
      flattens ? elementCount(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end())) : shape[axis];
  for (std::int64_t line = 0; line < static_cast<std::int64_t>(values.size()) / std::max<std::int64_t>(1, extent);
       ++line) {
    const auto at = [&](std::int64_t k) -> double& {
      return values[static_cast<std::size_t>(line / inner * inner * extent + k * inner + line % inner)];
    };
    double top = at(0), sum = 0;
    for (std::int64_t k = 1; k < extent; ++k) top = std::max(top, at(k));
    for (std::int64_t k = 0; k < extent; ++k) sum += at(k) = std::exp(at(k) - top);
    for (std::int64_t k = 0; k < extent; ++k) at(k) /= sum;
  }
  return {fromNumbers(types[0], values)};
}

// What is read along an axis for so many results; a scale near 0 asks for all of it, over and over.
void boundProducts(const Node& node, std::int64_t results, std::int64_t taps) {
  constexpr std::int64_t kMost = std::int64_t{1} << 27;
  if (results > 0 && taps > kMost / results)
    throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("{} numbers of {} products each", results, taps),
                fmt::format("{} products at most", kMost));
}

// One axis after the other, by the weights that the canonical Resize would have.
Constants resize(const Graph& graph, const Node& node, const Types& types) {
  const ResizeGeometry geometry = resizeGeometryOf(graph, node);
  std::vector<double> values = numbers(input(graph, node, 0));
  Shape shape = input(graph, node, 0).shape;
  for (std::size_t axis = 0; axis < shape.size() && !values.empty(); ++axis) {
    if (geometry.keeps(axis, shape[axis])) continue;
    const std::int64_t inner = contiguousStrides(shape)[axis], extent = shape[axis], places = geometry.output[axis];
    const std::int64_t outer = elementCount(shape) / (inner * extent);
    boundProducts(node, outer * places * inner, tapsOfAPlace(node, geometry, axis));
    const ResizeTaps taps = resizeTapsOf(node, geometry, axis, shape[axis]);
    const std::size_t count = taps.indices.size() / static_cast<std::size_t>(places);
    std::vector<double> result;
    for (std::int64_t i = 0; i < outer * places * inner; ++i) {
      const std::size_t first = static_cast<std::size_t>(i / inner % places) * count;
      double sum = 0;
      for (std::size_t k = first; k < first + count; ++k)
        sum += static_cast<double>(taps.weights[k]) *
               values[static_cast<std::size_t>((i / inner / places * extent + taps.indices[k]) * inner + i % inner)];
      result.push_back(sum);
    }
    shape[axis] = places;
    values = std::move(result);
  }
  return {fromNumbers(types[0], values)};
}

Constants layerNormalization(const Graph& graph, const Node& node, const Types& types) {
  std::vector<double> values = numbers(input(graph, node, 0));
  const Shape& shape = types[0].shape;
  const auto axis = static_cast<std::ptrdiff_t>(normaliseAxis(node, node.intAttr("axis", -1), shape.size()));
  const Shape normalised(shape.begin() + axis, shape.end());
  const bool biased = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  const std::vector<double> scale = spread(input(graph, node, 1), normalised),
                            bias =
                                biased ? spread(input(graph, node, 2), normalised) : std::vector<double>(scale.size());
  const auto extent = static_cast<double>(scale.size()),
             epsilon = static_cast<double>(node.floatAttr("epsilon", 1e-5f));
  for (std::size_t first = 0; first < values.size(); first += scale.size()) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < scale.size(); ++i) mean += values[first + i] / extent;
    for (std::size_t i = 0; i < scale.size(); ++i) variance += std::pow(values[first + i] - mean, 2) / extent;
    for (std::size_t i = 0; i < scale.size(); ++i)
      values[first + i] = (values[first + i] - mean) / std::sqrt(variance + epsilon) * scale[i] + bias[i];
  }
  return {fromNumbers(types[0], values)};
}

}  // namespace

const std::map<Op, EvaluateConstants>& evaluatorsOfArithmetic() {
  static const std::map<Op, EvaluateConstants> evaluators = {{Op::Neg, byFormula},
                                                             {Op::Abs, byFormula},
                                                             {Op::Sign, byFormula},
                                                             {Op::Max, byFormula},
                                                             {Op::Min, byFormula},
                                                             {Op::Greater, byFormula},
                                                             {Op::Less, byFormula},
                                                             {Op::GreaterOrEqual, byFormula},
                                                             {Op::LessOrEqual, byFormula},
                                                             {Op::Equal, byFormula},
                                                             {Op::And, byFormula},
                                                             {Op::Or, byFormula},
                                                             {Op::Xor, byFormula},
                                                             {Op::Not, byFormula},
                                                             {Op::Mod, modulo},
                                                             {Op::IsNaN, flags<isNan>},
                                                             {Op::IsInf, flags<isInfinite>},
                                                             {Op::ReduceSum, reduce},
                                                             {Op::ReduceMax, reduce},
                                                             {Op::ReduceMin, reduce},
                                                             {Op::ReduceProd, reduce},
                                                             {Op::Size, size},
                                                             {Op::Range, range},
                                                             {Op::NonZero, nonZero},
                                                             {Op::OneHot, oneHot},
                                                             {Op::EyeLike, eyeLike},
                                                             {Op::CumSum, cumSum},
                                                             {Op::TopK, topK},
                                                             {Op::ArgMax, extreme},
                                                             {Op::ArgMin, extreme},
                                                             {Op::Tile, moved},
                                                             {Op::Gather, moved},
                                                             {Op::GatherElements, moved},
                                                             {Op::GatherND, moved},
                                                             {Op::ScatterElements, moved},
                                                             {Op::ScatterND, moved},
                                                             {Op::Trilu, moved},
                                                             {Op::Pad, moved},
                                                             {Op::CenterCropPad, moved},
                                                             {Op::DepthToSpace, moved},
                                                             {Op::SpaceToDepth, moved},
                                                             {Op::ReverseSequence, moved},
                                                             {Op::Softmax, softmax},
                                                             {Op::Resize, resize},
                                                             {Op::Upsample, resize},
                                                             {Op::LayerNormalization, layerNormalization}};
  return evaluators;
}

}  // namespace relprop
