#include "passes/quantised.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "relprop/error.h"

namespace relprop {

namespace {

const Constant& parameter(const Graph& graph, const Node& node, std::size_t index, const char* what) {
  if (!graph.isConstant(node.inputs.at(index)))
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("a {} computed at run time", what),
                "a constant");
  return *graph.value(node.inputs[index]).constant;
}

bool hasZero(const Node& node) {
  return node.inputs.size() > 2 && node.inputs[2] != kNoValue;
}

void checkScales(const Node& node, const std::vector<float>& scales) {
  const bool divides = node.op == Op::QuantizeLinear;
  for (float scale : scales)
    if (!(divides ? scale > 0 : scale >= 0))
      throw Error(ErrorCode::MalformedModel, describe(node), fmt::format("scale {}", scale), "a positive number");
}

// Where parameters lie along the node's input; they have the shape `shape`.
void spread(const Graph& graph, const Node& node, const Shape& shape, Quantisation& q) {
  const Shape& x = graph.value(node.inputs[0]).shape;
  const auto mismatch = [&](const std::string& expected) {
    throw Error(ErrorCode::ShapeMismatch, describe(node), "scale or zero point of shape " + toString(shape), expected);
  };
  q.axis = normaliseAxis(node, node.intAttr("axis", 1), x.size());
  q.extent = x[q.axis];
  for (std::size_t i = q.axis + 1; i < x.size(); ++i) q.inner *= x[i];
  const std::int64_t block = node.intAttr("block_size", 0);
  if (block < 0 || block > q.extent) mismatch(fmt::format("blocks of 1 to {}, not {}", q.extent, block));
  if (block == 0 && shape != Shape{q.extent}) mismatch(fmt::format("one, or {}", q.extent));
  if (block == 0) return;
  q.block = block;
  Shape blocks = x;
  blocks[q.axis] = (q.extent + block - 1) / block;
  if (shape != blocks) mismatch(toString(blocks));
}

template <class T, class F>
std::vector<T> converted(const Constant& constant, F f) {
  const std::size_t count = static_cast<std::size_t>(elementCount(constant.shape));
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = f(i);
  return values;
}

}  // namespace

// Blocks keep the axes before and behind theirs, places on an axis do not.
std::size_t Quantisation::place(std::size_t element) const {
  const auto i = static_cast<std::int64_t>(element);
  const std::int64_t at = i / inner % extent;
  if (block == 1 && static_cast<std::int64_t>(std::max(scales.size(), zeros.size())) == extent)
    return static_cast<std::size_t>(at);
  const std::int64_t blocks = (extent + block - 1) / block;
  return static_cast<std::size_t>((i / (inner * extent) * blocks + at / block) * inner + i % inner);
}

Quantisation quantisationOf(const Graph& graph, const Node& node) {
  const Constant& scale = parameter(graph, node, 1, "scale");
  if (!scale.floats) throw Error(ErrorCode::MalformedModel, describe(node), "a scale of integers", "floats");
  Quantisation q;
  q.scales = *scale.floats;
  q.zeros = {0};
  checkScales(node, q.scales);
  Shape spreads = q.scales.size() == 1 ? Shape{} : scale.shape;
  if (hasZero(node)) {
    const Constant& zero = parameter(graph, node, 2, "zero point");
    if (!zero.ints) throw Error(ErrorCode::MalformedModel, describe(node), "a zero point of floats", "integers");
    q.zeros = *zero.ints;
    if (q.zeros.size() != 1 && !spreads.empty() && zero.shape != spreads)
      throw Error(ErrorCode::ShapeMismatch, describe(node), "zero points of shape " + toString(zero.shape),
                  toString(spreads));
    if (q.zeros.size() != 1) spreads = zero.shape;
  }
  if (!spreads.empty()) spread(graph, node, spreads, q);
  return q;
}

Constant quantisedConstant(const Graph& graph, const Node& node) {
  const Constant& x = *graph.value(node.inputs[0]).constant;
  if (!x.floats) throw Error(ErrorCode::MalformedModel, describe(node), "integers", "floats");
  const Quantisation q = quantisationOf(graph, node);
  const float low = node.floatAttr("low", 0), high = node.floatAttr("high", 0);
  auto values = converted<std::int64_t>(x, [&](std::size_t i) {
    const float level = std::nearbyint((*x.floats)[i] / q.scale(i)) + static_cast<float>(q.zero(i));
    if (std::isnan(level)) throw Error(ErrorCode::UnsupportedModel, describe(node), "NaN as an integer", "a number");
    return static_cast<std::int64_t>(std::clamp(level, low, high));
  });
  return {DType::Int64, x.shape, nullptr, std::make_shared<const std::vector<std::int64_t>>(std::move(values))};
}

Constant dequantisedConstant(const Graph& graph, const Node& node) {
  const Constant& x = *graph.value(node.inputs[0]).constant;
  if (!x.ints) throw Error(ErrorCode::MalformedModel, describe(node), "floats", "integers");
  const Quantisation q = quantisationOf(graph, node);
  const auto distance = [](std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
  };
  auto values = converted<float>(
      x, [&](std::size_t i) { return static_cast<float>(distance((*x.ints)[i], q.zero(i))) * q.scale(i); });
  return {DType::Float, x.shape, std::make_shared<const std::vector<float>>(std::move(values)), nullptr};
}

}  // namespace relprop
