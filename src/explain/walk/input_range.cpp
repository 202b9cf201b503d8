#include "explain/walk/input_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/forward.h"
#include "explain/walk/analysis.h"
#include "graph/edit.h"
#include "graph/op_table.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Doubles = std::vector<double>;

// Never falling, or never rising, whatever else it reads: the ends of an interval become the ends of what is made of
// it.
bool isMonotone(const Node& node) {
  if ((node.op == Op::LeakyRelu || node.op == Op::Elu) && node.floatAttr("alpha", 1) < 0) return false;
  static const Op ops[] = {Op::Add,   Op::Sub,       Op::Mul,      Op::Div,     Op::Neg,  Op::Relu,
                           Op::Clip,  Op::LeakyRelu, Op::Elu,      Op::Sigmoid, Op::Tanh, Op::HardSigmoid,
                           Op::Erf,   Op::Softplus,  Op::Softsign, Op::Sqrt,    Op::Exp,  Op::Log,
                           Op::Floor, Op::Ceil,      Op::Round,    Op::Max,     Op::Min,  Op::FakeQuantize};
  return std::find(std::begin(ops), std::end(ops), node.op) != std::end(ops);
}

[[noreturn]] void refuse(const Node& node) {
  throw Error(ErrorCode::NotSupportedByMethod, describe(node),
              "it stands between the input and a layer that asks for the range of a pixel",
              "nodes whose output has a known range, such as arithmetic with constants",
              "use bounds=image, or another method");
}

// Calls `visit` with the offsets of source and target for every element of the box.
template <class Visit>
void eachElement(const CopySpec& c, std::size_t axis, std::int64_t from, std::int64_t to, const Visit& visit) {
  if (axis == c.extents.size()) return visit(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < c.extents[axis]; ++i)
    eachElement(c, axis + 1, from + i * c.srcStrides[axis], to + i * c.dstStrides[axis], visit);
}

template <class Visit>
void eachElement(const CopySpec& c, const Visit& visit) {
  eachElement(c, 0, c.srcOffset, c.dstOffset, visit);
}

// One value a channel, where all elements of a channel have it.
std::optional<std::vector<float>> byChannel(const Doubles& image, std::size_t channels) {
  const std::size_t size = image.size() / channels;
  std::vector<float> values;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto begin = image.begin() + static_cast<std::ptrdiff_t>(c * size);
    if (!std::all_of(begin, begin + static_cast<std::ptrdiff_t>(size), [&](double v) { return v == *begin; }))
      return std::nullopt;
    values.push_back(static_cast<float>(*begin));
  }
  return values;
}

Constant constantOf(const Doubles& image, const Shape& shape) {
  Shape full = shape, channels(shape.size(), 1);
  full[0] = 1;
  if (shape.size() > 1) channels[1] = shape[1];
  const auto few = byChannel(image, static_cast<std::size_t>(elementCount(channels)));
  auto values = few ? *few : std::vector<float>(image.begin(), image.end());
  return {DType::Float, few ? channels : full, std::make_shared<const std::vector<float>>(std::move(values)), {}};
}

}  // namespace

InputRanges::InputRanges(const Graph& graph, InputBounds bounds)
    : graph_(withRows(graph, 1)), uses_(usesOf(graph_)), bounds_(std::move(bounds)) {}

InputRanges::Range InputRanges::of(ValueId value) {
  const Interval& i = interval(value);
  return {constantOf(i.low, shape(value)), constantOf(i.high, shape(value))};
}

std::size_t InputRanges::count(ValueId id) const {
  return static_cast<std::size_t>(elementCount(shape(id)));
}

const InputRanges::Interval& InputRanges::interval(ValueId value) {
  if (const auto found = known_.find(value); found != known_.end()) return found->second;
  Interval made;
  if (graph_.isConstant(value))
    made.low = made.high = constant(value, shape(value));
  else if (const int producer = uses_.producer[static_cast<std::size_t>(value)]; producer < 0)
    made = input();
  else
    made = output(graph_.nodes[static_cast<std::size_t>(producer)]);
  return known_[value] = std::move(made);
}

InputRanges::Interval InputRanges::input() const {
  const ValueId id = graph_.inputs.at(0);
  const std::size_t channels = shape(id).size() > 1 ? static_cast<std::size_t>(shape(id)[1]) : 1;
  if (bounds_.low.size() != channels)
    throw Error(ErrorCode::NotSupportedByMethod, graph_.value(id).name,
                fmt::format("a pixel range of {} channels", bounds_.low.size()),
                fmt::format("lowest and highest value of {} channels for bounds=range", channels),
                "give the preprocessing (--preprocess), or use bounds=image");
  Interval i;
  for (std::size_t c = 0; c < channels; ++c) {
    i.low.insert(i.low.end(), count(id) / channels, bounds_.low[c]);
    i.high.insert(i.high.end(), count(id) / channels, bounds_.high[c]);
  }
  return i;
}

InputRanges::Interval InputRanges::output(const Node& node) {
  const OpKind kind = traitsOf(node.op).kind;
  if (node.op == Op::Take) return taken(node);
  if (kind == OpKind::Move) return moved(node);
  if (kind == OpKind::Reshape) return interval(node.inputs[0]);
  if (kind == OpKind::Affine) return scaled(node);
  const bool pool = kind == OpKind::MaxPool || kind == OpKind::AveragePool;
  if (pool || kind == OpKind::Resize) return spread(node);
  std::vector<std::size_t> computedOperands;
  for (std::size_t k = 0; k < node.inputs.size(); ++k)
    if (node.inputs[k] != kNoValue && !graph_.isConstant(node.inputs[k])) computedOperands.push_back(k);
  const bool one = isElementwise(kind) && isMonotone(node) && computedOperands.size() == 1;
  if (!one || (node.op == Op::Div && computedOperands[0] == 1)) refuse(node);
  return computed(node, computedOperands[0]);
}

InputRanges::Interval InputRanges::moved(const Node& node) {
  const double filling = node.op == Op::Pad ? static_cast<double>(node.floatAttr("value", 0)) : 0;
  Interval out{Doubles(count(node.outputs[0]), filling), Doubles(count(node.outputs[0]), filling)};
  for (const Move& move : movesOf(graph_, node)) {
    const Interval& in = interval(node.inputs[static_cast<std::size_t>(move.input)]);
    eachElement(move.copy,
                [&](std::size_t from, std::size_t to) { out.low[to] = in.low[from], out.high[to] = in.high[from]; });
  }
  return out;
}

InputRanges::Interval InputRanges::taken(const Node& node) {
  const Interval& in = interval(node.inputs[0]);
  const double filling = static_cast<double>(node.floatAttr("value", 0));
  Interval out;
  for (std::int64_t from : node.intsAttr("indices")) {
    out.low.push_back(from < 0 ? filling : in.low[static_cast<std::size_t>(from)]);
    out.high.push_back(from < 0 ? filling : in.high[static_cast<std::size_t>(from)]);
  }
  return out;
}

// A constant broadcast to one image of that shape.
std::vector<double> InputRanges::constant(ValueId id, const Shape& to) const {
  const Constant& c = *graph_.value(id).constant;
  Doubles values(static_cast<std::size_t>(elementCount(to)));
  eachElement(broadcastCopy(c.shape, to),
              [&](std::size_t from, std::size_t at) { values[at] = static_cast<double>((*c.floats)[from]); });
  return values;
}

InputRanges::Interval InputRanges::computed(const Node& node, std::size_t operand) {
  const Shape& to = shape(node.outputs[0]);
  const Interval& in = interval(node.inputs[operand]);
  std::vector<Doubles> constants(node.inputs.size());
  for (std::size_t k = 0; k < constants.size(); ++k)
    if (k != operand && node.inputs[k] != kNoValue) constants[k] = constant(node.inputs[k], to);
  Interval out{Doubles(count(node.outputs[0])), Doubles(count(node.outputs[0]))};
  eachElement(broadcastCopy(shape(node.inputs[operand]), to), [&](std::size_t from, std::size_t at) {
    const auto valueAt = [&](double x) {
      return rowOf<double>(node.op).formula.value(
          {node, [&](std::size_t k) { return k == operand ? x : constants[k][at]; }});
    };
    const auto [low, high] = std::minmax({valueAt(in.low[from]), valueAt(in.high[from])});
    if (!std::isfinite(low) || !std::isfinite(high)) refuse(node);
    out.low[at] = low, out.high[at] = high;
  });
  return out;
}

// scale·x + shift by channel.
InputRanges::Interval InputRanges::scaled(const Node& node) {
  const Interval& in = interval(node.inputs[0]);
  const std::vector<float>&scale = *constantFloats(graph_, node.inputs[1]),
        &shift = *constantFloats(graph_, node.inputs[2]);
  const std::size_t size = in.low.size() / scale.size();
  Interval out;
  for (std::size_t i = 0; i < in.low.size(); ++i) {
    const double a = static_cast<double>(scale[i / size]), b = static_cast<double>(shift[i / size]);
    const auto [low, high] = std::minmax({a * in.low[i] + b, a * in.high[i] + b});
    out.low.push_back(low), out.high.push_back(high);
  }
  return out;
}

// A pool or Resize lets a range that a whole channel has be; what it averages in at the border has to be of the
// picture.
InputRanges::Interval InputRanges::spread(const Node& node) {
  const Shape pads = node.intsAttr("pads");
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p != 0; });
  const Interval& in = interval(node.inputs[0]);
  const Shape &from = shape(node.inputs[0]), &to = shape(node.outputs[0]);
  const auto channels = static_cast<std::size_t>(from.at(1));
  const auto low = byChannel(in.low, channels), high = byChannel(in.high, channels);
  const bool counted = padded && node.op == Op::AveragePool && node.intAttr("count_include_pad", 0) != 0;
  if (!low || !high || counted || overshoots(node) || from[1] != to[1]) refuse(node);
  Interval out;
  for (std::size_t c = 0; c < channels; ++c) {
    out.low.insert(out.low.end(), count(node.outputs[0]) / channels, (*low)[c]);
    out.high.insert(out.high.end(), count(node.outputs[0]) / channels, (*high)[c]);
  }
  return out;
}

}  // namespace relprop
