#include "explain/walk/input_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "engine/forward.h"
#include "explain/walk/analysis.h"
#include "graph/edit.h"
#include "graph/op_table.h"
#include "kernels/copied.h"
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

// One value a channel, where all elements of a channel have it.
std::optional<Doubles> byChannel(const Doubles& image, std::size_t channels) {
  const std::size_t size = image.size() / channels;
  Doubles values;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto begin = image.begin() + static_cast<std::ptrdiff_t>(c * size);
    if (!std::all_of(begin, begin + static_cast<std::ptrdiff_t>(size), [&](double v) { return v == *begin; }))
      return std::nullopt;
    values.push_back(*begin);
  }
  return values;
}

Shape channelsOf(const Shape& shape) {
  Shape channels(shape.size(), 1);
  if (shape.size() > 1) channels[1] = shape[1];
  return channels;
}

Constant constantOf(const Doubles& values, const Shape& shape) {
  return {DType::Float, shape, std::make_shared<const std::vector<float>>(values.begin(), values.end()), {}};
}

// Of the operands that an elementwise node computes with, the one that is no constant.
std::optional<std::size_t> computedOperand(const Graph& graph, const Node& node) {
  std::vector<std::size_t> operands;
  for (std::size_t k = 0; k < node.inputs.size(); ++k)
    if (node.inputs[k] != kNoValue && !graph.isConstant(node.inputs[k])) operands.push_back(k);
  return operands.size() == 1 ? std::optional(operands[0]) : std::nullopt;
}

bool isElementwiseOf(const Graph& graph, const Node& node) {
  const std::optional<std::size_t> operand = computedOperand(graph, node);
  return isElementwise(traitsOf(node.op).kind) && isMonotone(node) && operand && (node.op != Op::Div || *operand != 1);
}

bool isSpread(OpKind kind) {
  return kind == OpKind::MaxPool || kind == OpKind::AveragePool || kind == OpKind::Resize;
}

}  // namespace

InputRanges::InputRanges(const Graph& graph, InputBounds bounds)
    : graph_(withRows(graph, 1)), uses_(usesOf(graph_)), bounds_(std::move(bounds)) {}

InputRanges::Range InputRanges::of(ValueId value) {
  const Interval& i = interval(value);
  return {constantOf(i.low, i.shape), constantOf(i.high, i.shape)};
}

std::size_t InputRanges::count(ValueId id) const {
  return static_cast<std::size_t>(elementCount(shape(id)));
}

const InputRanges::Interval& InputRanges::interval(ValueId value) {
  const auto isKnown = [this](ValueId id) { return known_.count(id) != 0; };
  std::vector<ValueId> open = {value};
  while (!open.empty()) {
    const ValueId next = open.back();
    const std::vector<ValueId> operands = isKnown(next) ? std::vector<ValueId>{} : operandsOf(next);
    const std::size_t before = open.size();
    std::copy_if(operands.begin(), operands.end(), std::back_inserter(open), [&](ValueId id) { return !isKnown(id); });
    if (open.size() > before) continue;
    if (!isKnown(next)) known_[next] = made(next);
    open.pop_back();
  }
  return known_.at(value);
}

// What its interval is computed from. Refuses nodes of which nothing is known.
std::vector<ValueId> InputRanges::operandsOf(ValueId value) const {
  const int producer = uses_.producer[static_cast<std::size_t>(value)];
  if (graph_.isConstant(value) || producer < 0) return {};
  const Node& node = graph_.nodes[static_cast<std::size_t>(producer)];
  const OpKind kind = traitsOf(node.op).kind;
  if (node.op != Op::Take && kind == OpKind::Move) {
    std::vector<ValueId> operands;
    for (const Move& move : movesOf(graph_, node))
      operands.push_back(node.inputs[static_cast<std::size_t>(move.input)]);
    return operands;
  }
  if (node.op == Op::Take || kind == OpKind::Reshape || kind == OpKind::Affine || isSpread(kind))
    return {node.inputs[0]};
  if (!isElementwiseOf(graph_, node)) refuse(node);
  return {node.inputs[*computedOperand(graph_, node)]};
}

// Of known operands.
InputRanges::Interval InputRanges::made(ValueId value) const {
  Interval i;
  const int producer = uses_.producer[static_cast<std::size_t>(value)];
  if (graph_.isConstant(value))
    i.low = i.high = constant(value, shape(value)), i.shape = shape(value);
  else if (producer < 0)
    i = input();
  else
    i = output(graph_.nodes[static_cast<std::size_t>(producer)]);
  const Shape channels = channelsOf(i.shape);
  const auto size = static_cast<std::size_t>(elementCount(channels));
  const auto low = byChannel(i.low, size), high = byChannel(i.high, size);
  return low && high ? Interval{*low, *high, channels} : i;
}

// With every element.
InputRanges::Interval InputRanges::whole(ValueId value) const {
  const Interval& i = known_.at(value);
  if (i.shape == shape(value)) return i;
  Interval all{Doubles(count(value)), Doubles(count(value)), shape(value)};
  forEachCopied(broadcastCopy(i.shape, shape(value)),
                [&](std::size_t from, std::size_t to) { all.low[to] = i.low[from], all.high[to] = i.high[from]; });
  return all;
}

InputRanges::Interval InputRanges::input() const {
  const ValueId id = graph_.inputs.at(0);
  const std::size_t channels = shape(id).size() > 1 ? static_cast<std::size_t>(shape(id)[1]) : 1;
  if (bounds_.low.size() != channels)
    throw Error(ErrorCode::NotSupportedByMethod, graph_.value(id).name,
                fmt::format("a pixel range of {} channels", bounds_.low.size()),
                fmt::format("lowest and highest value of {} channels for bounds=range", channels),
                "give the preprocessing (--preprocess), or use bounds=image");
  return {Doubles(bounds_.low.begin(), bounds_.low.end()), Doubles(bounds_.high.begin(), bounds_.high.end()),
          channelsOf(shape(id))};
}

InputRanges::Interval InputRanges::output(const Node& node) const {
  const OpKind kind = traitsOf(node.op).kind;
  if (node.op == Op::Take) return taken(node);
  if (kind == OpKind::Move) return moved(node);
  if (kind == OpKind::Affine) return scaled(node);
  if (isSpread(kind)) return spread(node);
  if (kind != OpKind::Reshape) return computed(node);
  Interval same = whole(node.inputs[0]);
  same.shape = shape(node.outputs[0]);
  return same;
}

InputRanges::Interval InputRanges::moved(const Node& node) const {
  const double filling = node.op == Op::Pad ? static_cast<double>(node.floatAttr("value", 0)) : 0;
  Interval out{Doubles(count(node.outputs[0]), filling), Doubles(count(node.outputs[0]), filling),
               shape(node.outputs[0])};
  for (const Move& move : movesOf(graph_, node)) {
    const Interval in = whole(node.inputs[static_cast<std::size_t>(move.input)]);
    forEachCopied(move.copy,
                  [&](std::size_t from, std::size_t to) { out.low[to] = in.low[from], out.high[to] = in.high[from]; });
  }
  return out;
}

InputRanges::Interval InputRanges::taken(const Node& node) const {
  const Interval in = whole(node.inputs[0]);
  const double filling = static_cast<double>(node.floatAttr("value", 0));
  Interval out{{}, {}, shape(node.outputs[0])};
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
  forEachCopied(broadcastCopy(c.shape, to),
                [&](std::size_t from, std::size_t at) { values[at] = static_cast<double>((*c.floats)[from]); });
  return values;
}

// Does a node make of an operand that is known by channel what is known by channel again?
bool InputRanges::fitsChannels(const Node& node, std::size_t operand) const {
  const Shape to = channelsOf(shape(node.outputs[0]));
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    if (id == kNoValue) return true;
    const Shape& from = id == node.inputs[operand] ? known_.at(id).shape : graph_.value(id).constant->shape;
    const std::size_t skipped = to.size() - std::min(to.size(), from.size());
    for (std::size_t axis = 0; axis < from.size(); ++axis)
      if (from[axis] != 1 && from[axis] != to[skipped + axis]) return false;
    return true;
  });
}

InputRanges::Interval InputRanges::computed(const Node& node) const {
  const std::size_t operand = *computedOperand(graph_, node);
  const bool few = fitsChannels(node, operand);
  const Shape to = few ? channelsOf(shape(node.outputs[0])) : shape(node.outputs[0]);
  const Interval in = few ? known_.at(node.inputs[operand]) : whole(node.inputs[operand]);
  std::vector<Doubles> constants(node.inputs.size());
  for (std::size_t k = 0; k < constants.size(); ++k)
    if (k != operand && node.inputs[k] != kNoValue) constants[k] = constant(node.inputs[k], to);
  const auto size = static_cast<std::size_t>(elementCount(to));
  Interval out{Doubles(size), Doubles(size), to};
  forEachCopied(broadcastCopy(in.shape, to), [&](std::size_t from, std::size_t at) {
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
InputRanges::Interval InputRanges::scaled(const Node& node) const {
  const Interval& in = known_.at(node.inputs[0]);
  const std::vector<float>&scale = *constantFloats(graph_, node.inputs[1]),
        &shift = *constantFloats(graph_, node.inputs[2]);
  const std::size_t size = in.low.size() / scale.size();
  Interval out{{}, {}, in.shape};
  for (std::size_t i = 0; i < in.low.size(); ++i) {
    const double a = static_cast<double>(scale[i / size]), b = static_cast<double>(shift[i / size]);
    const auto [low, high] = std::minmax({a * in.low[i] + b, a * in.high[i] + b});
    out.low.push_back(low), out.high.push_back(high);
  }
  return out;
}

// A pool or Resize lets a range that a whole channel has be; what it averages in at the border has to be of the
// picture.
InputRanges::Interval InputRanges::spread(const Node& node) const {
  const Shape pads = node.intsAttr("pads");
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p != 0; });
  const Interval& in = known_.at(node.inputs[0]);
  const Shape channels = channelsOf(shape(node.outputs[0]));
  const bool counted = padded && node.op == Op::AveragePool && node.intAttr("count_include_pad", 0) != 0;
  if (in.shape != channels || counted || overshoots(node)) refuse(node);
  return in;
}

}  // namespace relprop
