// Data movement as strided boxes: forward one way, relevance and gradients the other way.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/forward.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop {
namespace {

std::vector<std::int64_t> stridesOf(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::vector<Move> sliceMoves(const Graph& g, const Node& node) {
  const Shape &in = g.value(node.inputs[0]).shape, &out = g.value(node.outputs[0]).shape;
  const auto from = stridesOf(in), to = stridesOf(out);
  const auto axes = node.intsAttr("axes"), starts = node.intsAttr("starts"), steps = node.intsAttr("steps");
  CopySpec c{out, from, to};
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto axis = static_cast<std::size_t>(axes[k]);
    c.srcOffset += starts[k] * from[axis];
    c.srcStrides[axis] = from[axis] * (steps.empty() ? 1 : steps[k]);
  }
  return {{c, 0}};
}

std::vector<Move> padMoves(const Graph& g, const Node& node) {
  const Shape &in = g.value(node.inputs[0]).shape, &out = g.value(node.outputs[0]).shape;
  const auto pads = node.intsAttr("pads");
  CopySpec c{in, stridesOf(in), stridesOf(out)};
  for (std::size_t axis = 0; axis < in.size(); ++axis) c.dstOffset += pads[axis] * c.dstStrides[axis];
  return {{c, 0}};
}

std::vector<Move> concatMoves(const Graph& g, const Node& node) {
  const Shape& out = g.value(node.outputs[0]).shape;
  const auto axis = static_cast<std::size_t>(node.intAttr("axis", 1));
  std::vector<Move> moves;
  std::int64_t at = 0;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    const Shape& in = g.value(node.inputs[k]).shape;
    CopySpec c{in, stridesOf(in), stridesOf(out)};
    c.dstOffset = at * c.dstStrides[axis];
    at += in[axis];
    moves.push_back({c, static_cast<int>(k)});
  }
  return moves;
}

std::vector<Move> transposeMoves(const Graph& g, const Node& node) {
  const Shape &in = g.value(node.inputs[0]).shape, &out = g.value(node.outputs[0]).shape;
  const auto perm = node.intsAttr("perm"), from = stridesOf(in);
  CopySpec c{out, {}, stridesOf(out)};
  for (std::int64_t axis : perm) c.srcStrides.push_back(from[static_cast<std::size_t>(axis)]);
  return {{c, 0}};
}

// Position in the input that output x of a resized axis looks at, for the scale num / den. In float, with den 1, it is
// rounded step by step as the runtimes round it; in double, with whole num and den, only its one division rounds, so
// that whole and half positions come out exactly.
template <typename T>
T sourcePosition(const std::string& mode, T x, T in, T out, T num, T den) {
  if (mode == "asymmetric") return x * den / num;
  if (mode == "align_corners") return out > 1 ? x * (in - 1) / (out - 1) : 0;
  const T centre = (x + T(0.5)) * den / num;
  return mode == "tf_half_pixel_for_nn" ? centre : centre - T(0.5);
}

// Of one place the whole extent says that there is one, whatever the scale makes of it.
bool isOnlyPlace(const std::string& mode, std::int64_t out) {
  return mode == "pytorch_half_pixel" && out == 1;
}

// The standard's length of what comes out is extent · scale, before it is cut to a whole number.
double linearPosition(const std::string& mode, std::int64_t i, std::int64_t in, std::int64_t out, float scale) {
  if (isOnlyPlace(mode, out)) return 0;
  const auto extent = static_cast<double>(in), whole = static_cast<double>(out);
  const bool exact = scale == static_cast<float>(out) / static_cast<float>(in);
  return sourcePosition<double>(mode, static_cast<double>(i), extent, exact ? whole : extent * scale, scale, 1);
}

// The nearest pixel jumps with the last bit of its position. A scale that is the float nearest out / in stands for that
// fraction (6 / 1.2 is 5, and 6 / 1.2f in double is not); of any other only the float is known. Aligned corners ask for
// no division by the scale.
double nearestPosition(const std::string& mode, std::int64_t i, std::int64_t in, std::int64_t out, float scale) {
  if (isOnlyPlace(mode, out) || mode == "align_corners") return linearPosition(mode, i, in, out, scale);
  if (scale == static_cast<float>(out) / static_cast<float>(in)) {
    const auto a = static_cast<double>(in), b = static_cast<double>(out);
    return sourcePosition<double>(mode, static_cast<double>(i), a, b, b, a);
  }
  return sourcePosition<float>(mode, static_cast<float>(i), static_cast<float>(in), static_cast<float>(out), scale, 1);
}

std::int64_t roundPosition(const std::string& how, double x) {
  if (how == "floor") return static_cast<std::int64_t>(std::floor(x));
  if (how == "ceil") return static_cast<std::int64_t>(std::ceil(x));
  const bool half = x - std::floor(x) == 0.5;
  if (half) return static_cast<std::int64_t>(how == "round_prefer_ceil" ? std::ceil(x) : std::floor(x));
  return static_cast<std::int64_t>(std::round(x));
}

// For so many taps: what grows takes up to twice that.
ResizeAxis axisWithRoom(std::int64_t in, std::int64_t out, std::int64_t taps) {
  ResizeAxis axis{in, out, {}, {}};
  axis.index.reserve(static_cast<std::size_t>(out * taps));
  axis.weight.reserve(static_cast<std::size_t>(out * taps));
  return axis;
}

ResizeAxis nearestAxis(const Node& node, std::int64_t in, std::int64_t out, float scale) {
  ResizeAxis axis = axisWithRoom(in, out, 1);
  const std::string coordinate = node.stringAttr("coordinate", "half_pixel");
  const std::string rounding = node.stringAttr("rounding", "round_prefer_floor");
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t pixel = roundPosition(rounding, nearestPosition(coordinate, i, in, out, scale));
    axis.index.push_back(std::clamp<std::int64_t>(pixel, 0, in - 1));
    axis.weight.push_back(1);
  }
  return axis;
}

ResizeAxis linearAxis(const Node& node, std::int64_t in, std::int64_t out, float scale) {
  ResizeAxis axis = axisWithRoom(in, out, 2);
  const std::string coordinate = node.stringAttr("coordinate", "half_pixel");
  const auto inside = [&](std::int64_t k) { return std::clamp<std::int64_t>(k, 0, in - 1); };
  for (std::int64_t i = 0; i < out; ++i) {
    const double x = linearPosition(coordinate, i, in, out, scale);
    const auto low = static_cast<std::int64_t>(std::floor(x));
    const auto share = static_cast<float>(x - static_cast<double>(low));
    axis.index.insert(axis.index.end(), {inside(low), inside(low + 1)});
    axis.weight.insert(axis.weight.end(), {1.0f - share, share});
  }
  return axis;
}

}  // namespace

std::vector<Move> movesOf(const Graph& graph, const Node& node) {
  if (node.op == Op::Slice) return sliceMoves(graph, node);
  if (node.op == Op::Pad) return padMoves(graph, node);
  if (node.op == Op::Concat) return concatMoves(graph, node);
  if (node.op == Op::Transpose) return transposeMoves(graph, node);
  throw Error(ErrorCode::Internal, node.name, std::string(opName(node.op)) + " as a copy of strided boxes");
}

bool concatenatesColumns(const Forward& forward, const Node& node) {
  const auto channelsLast = [&](ValueId id) {
    const TensorDesc d = forward.desc(id);
    return d.block > 1 && d.block == d.channels();
  };
  return node.op == Op::Concat && node.intAttr("axis", 1) == 1 && channelsLast(node.outputs[0]) &&
         std::all_of(node.inputs.begin(), node.inputs.end(), channelsLast);
}

CopySpec columnsCopy(const TensorDesc& part, const TensorDesc& whole, std::int64_t firstChannel) {
  CopySpec c{{part.rows() * part.spatial(), part.channels()}, {part.channels(), 1}, {whole.channels(), 1}};
  c.dstOffset = firstChannel;
  return c;
}

CopySpec reversed(CopySpec spec, bool accumulate) {
  std::swap(spec.srcStrides, spec.dstStrides);
  std::swap(spec.srcOffset, spec.dstOffset);
  spec.accumulate = accumulate;
  return spec;
}

CopySpec broadcastCopy(const Shape& from, const Shape& to) {
  const auto strides = stridesOf(from);
  CopySpec c{to, std::vector<std::int64_t>(to.size(), 0), stridesOf(to)};
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) c.srcStrides[lead + i] = from[i] == 1 ? 0 : strides[i];
  return c;
}

namespace {

ResizeAxis unchanged(std::int64_t extent) {
  ResizeAxis axis{extent, extent, {}, std::vector<float>(static_cast<std::size_t>(extent), 1.0f)};
  for (std::int64_t i = 0; i < extent; ++i) axis.index.push_back(i);
  return axis;
}

// Each image as one line of elements; what is filled in has no source.
ResizeAxes takeAxes(const Graph& graph, const Node& node) {
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  ResizeAxis line{elementCount(in) / in[0], elementCount(out) / out[0], node.intsAttr("indices"), {}};
  for (std::int64_t& index : line.index) {
    line.weight.push_back(index < 0 ? 0.0f : 1.0f);
    index = std::max<std::int64_t>(0, index);
  }
  return {in[0], unchanged(1), line};
}

// The tables, and twice more those of the kernel that is made of them.
void requireTables(const Graph& graph, const Node& node) {
  constexpr std::int64_t tap = sizeof(std::int64_t) + sizeof(float), most = 2;
  const Shape& out = graph.value(node.outputs[0]).shape;
  const std::int64_t taps = node.op == Op::Take ? elementCount(out) / out[0]
                                                : most * std::accumulate(out.begin() + 1, out.end(), std::int64_t{0});
  requireMemory(3 * tap * taps, node.name);
}

// One axis with weights of its own; what lies behind it moves along.
ResizeAxes weightedAxes(const Graph& graph, const Node& node) {
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  const auto axis = static_cast<std::ptrdiff_t>(node.intAttr("axis", 1));
  const std::int64_t outer = elementCount(Shape(in.begin(), in.begin() + axis)),
                     inner = elementCount(Shape(in.begin() + axis + 1, in.end()));
  const auto a = static_cast<std::size_t>(axis);
  return {outer, {in[a], out[a], node.intsAttr("indices"), node.floatsAttr("weights")}, unchanged(inner)};
}

}  // namespace

ResizeAxes resizeAxesOf(const Graph& graph, const Node& node) {
  requireTables(graph, node);
  if (node.op == Op::Take) return takeAxes(graph, node);
  if (node.has("axis")) return weightedAxes(graph, node);
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  const std::vector<float> scales = node.floatsAttr("scales");
  const bool leading = in.size() >= 3 && in.size() <= 4 && in[0] == out[0] && in[1] == out[1];
  if (!leading)
    throw Error(ErrorCode::UnsupportedModel, node.name, "Resize from " + toString(in) + " to " + toString(out),
                "resizing of spatial axes");
  const std::size_t r = in.size();
  const auto axisOf = node.stringAttr("mode", "nearest") == "linear" ? linearAxis : nearestAxis;
  const auto axis = [&](std::size_t k) {
    const float fromShapes = static_cast<float>(out[k]) / static_cast<float>(in[k]);
    return axisOf(node, in[k], out[k], k < scales.size() ? scales[k] : fromShapes);
  };
  return {in[0] * in[1], r == 4 ? axis(2) : unchanged(1), axis(r - 1)};
}

LrnSpec lrnOf(const Node& node, const TensorDesc& desc) {
  return {desc, node.intAttr("size", 5), node.floatAttr("alpha", 1e-4f), node.floatAttr("beta", 0.75f),
          node.floatAttr("bias", 1.0f)};
}

LayerNormSpec layerNormOf(const Graph& graph, const Node& node) {
  const std::vector<float>& scale = *graph.value(node.inputs[1]).constant->floats;
  const auto extent = static_cast<std::int64_t>(scale.size());
  return {elementCount(graph.value(node.inputs[0]).shape) / extent, extent, node.floatAttr("epsilon", 1e-5f), scale,
          *graph.value(node.inputs[2]).constant->floats};
}

MatmulOperands matmulOf(const Graph& graph, const Node& node) {
  const Shape &a = graph.value(node.inputs[0]).shape, &b = graph.value(node.inputs[1]).shape;
  const Shape& out = graph.value(node.outputs[0]).shape;
  const Shape stack(out.begin(), out.end() - 2);
  MatmulOperands o{{elementCount(stack), out[out.size() - 2], out.back(), a.back()}, {stack, stack}};
  for (std::size_t k = 0; k < 2; ++k)
    o.shapes[k].insert(o.shapes[k].end(), (k == 0 ? a : b).end() - 2, (k == 0 ? a : b).end());
  return o;
}

SoftmaxExtents softmaxOf(const Graph& graph, const Node& node) {
  const Shape& s = graph.value(node.inputs[0]).shape;
  SoftmaxExtents e{1, 1, 1};
  const auto axis = static_cast<std::size_t>(node.intAttr("axis", 1));
  for (std::size_t i = 0; i < s.size(); ++i) (i < axis ? e.outer : i == axis ? e.extent : e.inner) *= s[i];
  return e;
}

}  // namespace relprop
