#include "passes/channel_map.h"

#include <algorithm>
#include <cmath>

#include "graph/edit.h"
#include "graph/geometry.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop {

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

const Floats* floatsOf(const Graph& graph, const Node& node, std::size_t input) {
  return input < node.inputs.size() ? constantFloats(graph, node.inputs[input]) : nullptr;
}

Doubles parameter(const Graph& graph, const Node& node, std::size_t input) {
  const Floats* values = floatsOf(graph, node, input);
  if (!values) throw Error(ErrorCode::UnsupportedModel, describe(node), "parameters computed at run time", "constants");
  return Doubles(values->begin(), values->end());
}

ChannelMap fromMoments(const Graph& graph, const Node& node) {
  ChannelMap map{parameter(graph, node, 1), parameter(graph, node, 2)};
  const Doubles mean = parameter(graph, node, 3), variance = parameter(graph, node, 4);
  const double epsilon = static_cast<double>(node.floatAttr("epsilon", 1e-5f));
  for (std::size_t c = 0; c < map.scale.size(); ++c) {
    map.scale[c] /= std::sqrt(variance[c] + epsilon);
    map.shift[c] -= mean[c] * map.scale[c];
    if (!std::isfinite(map.scale[c]) || !std::isfinite(map.shift[c]))
      throw Error(ErrorCode::NonFiniteWeights, describe(node),
                  "channel " + std::to_string(c) + " has no finite scale and shift");
  }
  return map;
}

// A constant operand as one value a channel, when it varies along no other axis and leaves the shape as it is.
std::optional<Doubles> byChannel(const Constant& constant, const Shape& shape, std::size_t axis) {
  const Shape& own = constant.shape;
  if (!constant.floats || own.size() > shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::size_t at = shape.size() - own.size() + i;
    if (own[i] != 1 && (at != axis || own[i] != shape[axis])) return std::nullopt;
  }
  const Floats& values = *constant.floats;
  const std::size_t channels = static_cast<std::size_t>(shape[axis]);
  if (values.size() == 1) return Doubles(channels, static_cast<double>(values[0]));
  return Doubles(values.begin(), values.end());
}

bool allFinite(const ChannelMap& map) {
  const auto finite = [](double v) { return std::isfinite(v); };
  return std::all_of(map.scale.begin(), map.scale.end(), finite) &&
         std::all_of(map.shift.begin(), map.shift.end(), finite);
}

// c + x, x − c, c − x, x·c, x ÷ c; c ÷ x is no such map.
std::optional<ChannelMap> arithmeticMap(Op op, Doubles c, bool constantFirst) {
  const std::size_t n = c.size();
  if (op == Op::Div) {
    if (constantFirst) return std::nullopt;
    for (double& value : c) value = 1.0 / value;
  }
  if (op == Op::Mul || op == Op::Div) return ChannelMap{c, Doubles(n, 0.0)};
  const bool negated = op == Op::Sub && !constantFirst;
  for (double& value : c) value = negated ? -value : value;
  return ChannelMap{Doubles(n, op == Op::Sub && constantFirst ? -1.0 : 1.0), c};
}

bool isArithmetic(Op op) {
  return op == Op::Add || op == Op::Sub || op == Op::Mul || op == Op::Div;
}

std::size_t biasInput(const Node& node) {
  return node.inputs.size() > 2 && node.inputs[2] != kNoValue ? 2 : 0;
}

// With the weights left empty.
LinearValues biasOf(const Graph& graph, const Node& node) {
  const Shape& shape = graph.value(node.inputs[1]).shape;
  LinearValues linear{{}, shape, Doubles(static_cast<std::size_t>(shape[0]), 0.0), {shape[0]}};
  if (biasInput(node) == 0) return linear;
  linear.bias = parameter(graph, node, 2);
  linear.biasShape = graph.value(node.inputs[2]).shape;
  return linear;
}

LinearValues linearOf(const Graph& graph, const Node& node) {
  LinearValues linear = biasOf(graph, node);
  linear.weight = *floatsOf(graph, node, 1);
  return linear;
}

float product(float weight, double scale) {
  return static_cast<float>(static_cast<double>(weight) * scale);
}

// Weights of one tap, summed over input channels with the shift of each: what the shift adds where that tap is inside.
// Indexed [o][tap].
Doubles shiftByTap(const LinearValues& linear, const Doubles& shift, std::int64_t groups) {
  const Shape& shape = linear.weightShape;
  const std::size_t outputs = static_cast<std::size_t>(shape[0]), inputs = static_cast<std::size_t>(shape[1]);
  const std::size_t taps = linear.weight.size() / (outputs * inputs),
                    perGroup = outputs / static_cast<std::size_t>(groups);
  Doubles result(outputs * taps, 0.0);
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t i = 0; i < inputs; ++i) {
      const double t = shift[o / perGroup * inputs + i];
      for (std::size_t k = 0; k < taps; ++k)
        result[o * taps + k] += static_cast<double>(linear.weight[(o * inputs + i) * taps + k]) * t;
    }
  return result;
}

void scaleInputs(LinearValues& linear, const Doubles& scale, std::int64_t groups) {
  const Shape& shape = linear.weightShape;
  const std::size_t outputs = static_cast<std::size_t>(shape[0]), inputs = static_cast<std::size_t>(shape[1]);
  const std::size_t taps = linear.weight.size() / (outputs * inputs),
                    perGroup = outputs / static_cast<std::size_t>(groups);
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t i = 0; i < inputs; ++i)
      for (std::size_t k = 0; k < taps; ++k) {
        float& weight = linear.weight[(o * inputs + i) * taps + k];
        weight = product(weight, scale[o / perGroup * inputs + i]);
      }
}

// First and past-the-last tap of each window that lie inside the input.
struct TapRange {
  std::int64_t first, last;
};

TapRange tapsInside(std::int64_t start, std::int64_t dilation, std::int64_t kernel, std::int64_t extent) {
  const std::int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const std::int64_t last = start < extent ? (extent - 1 - start) / dilation + 1 : 0;
  return {std::min(first, kernel), std::clamp<std::int64_t>(last, 0, kernel)};
}

double sumOver(const double* taps, std::int64_t columns, TapRange rows, TapRange cols) {
  double sum = 0;
  for (std::int64_t r = rows.first; r < rows.last; ++r)
    for (std::int64_t c = cols.first; c < cols.last; ++c) sum += taps[r * columns + c];
  return sum;
}

// The bias spread over all positions, with what the shift adds at each.
Doubles biasByPosition(const ConvGeometry& g, const LinearValues& linear, const Doubles& byTap) {
  const std::int64_t positions = g.OH * g.OW, taps = g.KH * g.KW;
  const bool varies = linear.biasShape.size() > 1;
  Doubles bias(static_cast<std::size_t>(g.O * positions));
  for (std::int64_t o = 0; o < g.O; ++o) {
    const double* own = byTap.data() + o * taps;
    const double everything = sumOver(own, g.KW, {0, g.KH}, {0, g.KW});
    for (std::int64_t p = 0; p < positions; ++p) {
      const TapRange rows = tapsInside(p / g.OW * g.SH - g.padTop, g.DH, g.KH, g.H);
      const TapRange cols = tapsInside(p % g.OW * g.SW - g.padLeft, g.DW, g.KW, g.W);
      const bool interior = rows.first == 0 && cols.first == 0 && rows.last == g.KH && cols.last == g.KW;
      bias[static_cast<std::size_t>(o * positions + p)] =
          linear.bias[static_cast<std::size_t>(varies ? o * positions + p : o)] +
          (interior ? everything : sumOver(own, g.KW, rows, cols));
    }
  }
  return bias;
}

// The same at every position: all taps are inside everywhere, or there is no shift.
void addEverywhere(LinearValues& linear, const Doubles& byTap) {
  const std::size_t outputs = static_cast<std::size_t>(linear.weightShape[0]);
  const std::size_t taps = byTap.size() / outputs, positions = linear.bias.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    double sum = 0;
    for (std::size_t k = 0; k < taps; ++k) sum += byTap[o * taps + k];
    for (std::size_t p = 0; p < positions; ++p) linear.bias[o * positions + p] += sum;
  }
}

}  // namespace

void ChannelMap::then(const ChannelMap& next) {
  for (std::size_t c = 0; c < scale.size(); ++c) {
    scale[c] *= next.scale[c];
    shift[c] = shift[c] * next.scale[c] + next.shift[c];
  }
}

bool isBatchNorm(const Node& node) {
  return node.op == Op::BatchNormalization || node.op == Op::Affine;
}

ChannelMap batchNormMap(const Graph& graph, const Node& node) {
  if (node.op == Op::Affine) return {parameter(graph, node, 1), parameter(graph, node, 2)};
  if (node.intAttr("training_mode", 0) != 0)
    throw Error(ErrorCode::UnsupportedModel, describe(node), "training_mode 1", "inference",
                "export the model for inference");
  return fromMoments(graph, node);
}

std::optional<ChannelMap> channelMapOf(const Graph& graph, const Node& node, ValueId input, std::size_t axis,
                                       ChannelNodes which) {
  const Shape& shape = graph.value(input).shape;
  if (isBatchNorm(node)) {
    if (which == ChannelNodes::Arithmetic || axis != 1 || node.inputs[0] != input) return std::nullopt;
    return batchNormMap(graph, node);
  }
  if (!isArithmetic(node.op) || graph.value(node.outputs[0]).shape != shape) return std::nullopt;
  const bool constantFirst = node.inputs[1] == input;
  const ValueId other = node.inputs[constantFirst ? 0 : 1];
  if (!graph.isConstant(other)) return std::nullopt;
  std::optional<Doubles> values = byChannel(*graph.value(other).constant, shape, axis);
  if (!values) return std::nullopt;
  std::optional<ChannelMap> map = arithmeticMap(node.op, std::move(*values), constantFirst);
  return map && allFinite(*map) ? map : std::nullopt;
}

bool isLinear(const Graph& graph, const Node& node) {
  return (node.op == Op::Conv || node.op == Op::Dense) && floatsOf(graph, node, 1) &&
         (biasInput(node) == 0 || floatsOf(graph, node, 2));
}

std::size_t channelAxis(const Graph& graph, const Node& node) {
  return node.op == Op::Conv ? 1 : graph.value(node.outputs[0]).shape.size() - 1;
}

// A row of weights is scaled right after it was copied, while it is in the cache.
LinearValues appliedToOutput(const Graph& graph, const Node& node, const ChannelMap& map) {
  LinearValues linear = biasOf(graph, node);
  const Floats& from = *floatsOf(graph, node, 1);
  requireMemory(static_cast<std::int64_t>(from.size() * sizeof(float)), node.name);
  linear.weight.reserve(from.size());
  const std::size_t outputs = map.scale.size();
  const std::size_t perOutput = from.size() / outputs, positions = linear.bias.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    const float* row = from.data() + o * perOutput;
    linear.weight.insert(linear.weight.end(), row, row + perOutput);
    for (float *w = linear.weight.data() + o * perOutput, *end = w + perOutput; w < end; ++w)
      *w = product(*w, map.scale[o]);
    for (std::size_t p = 0; p < positions; ++p)
      linear.bias[o * positions + p] = linear.bias[o * positions + p] * map.scale[o] + map.shift[o];
  }
  return linear;
}

void setLinear(Graph& graph, Node& node, LinearValues linear) {
  const std::string name = node.name;
  const ValueId weight = addFloatConstant(graph, name + ".weight", linear.weightShape, std::move(linear.weight));
  const ValueId bias =
      addFloatConstant(graph, name + ".bias", linear.biasShape, Floats(linear.bias.begin(), linear.bias.end()));
  node.inputs = {node.inputs[0], weight, bias};
}

bool applyToInput(Graph& graph, Node& node, const ChannelMap& map, std::int64_t limit) {
  const std::int64_t groups = node.op == Op::Conv ? node.intAttr("group", 1) : 1;
  const bool shifts = std::any_of(map.shift.begin(), map.shift.end(), [](double s) { return s != 0; });
  const ConvGeometry geometry = node.op == Op::Conv ? geometryOf(graph, node) : ConvGeometry{};
  const bool border = shifts && geometry.padded();
  const Shape out = graph.value(node.outputs[0]).shape;
  const Shape everyPosition(out.begin() + 1, out.end());
  if (border && elementCount(everyPosition) > limit) return false;
  LinearValues linear = linearOf(graph, node);
  const Doubles byTap = shiftByTap(linear, map.shift, groups);
  if (border) {
    linear.bias = biasByPosition(geometry, linear, byTap);
    linear.biasShape = everyPosition;
  } else {
    addEverywhere(linear, byTap);
  }
  scaleInputs(linear, map.scale, groups);
  setLinear(graph, node, std::move(linear));
  return true;
}

}  // namespace relprop
