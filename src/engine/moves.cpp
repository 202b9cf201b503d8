// Data movement as strided boxes: forward one way, relevance and gradients the other way.
#include <algorithm>
#include <cmath>

#include "engine/forward.h"
#include "relprop/error.h"

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

// Position in the input that output i of a resized axis looks at.
double sourcePosition(const std::string& mode, std::int64_t i, std::int64_t in, std::int64_t out, double scale) {
  const auto x = static_cast<double>(i);
  if (mode == "asymmetric") return x / scale;
  if (mode == "align_corners") return out > 1 ? x * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  if (mode == "pytorch_half_pixel" && out == 1) return 0;
  return (x + 0.5) / scale - 0.5;
}

std::int64_t roundPosition(const std::string& how, double x) {
  if (how == "floor") return static_cast<std::int64_t>(std::floor(x));
  if (how == "ceil") return static_cast<std::int64_t>(std::ceil(x));
  const bool half = x - std::floor(x) == 0.5;
  if (half) return static_cast<std::int64_t>(how == "round_prefer_ceil" ? std::ceil(x) : std::floor(x));
  return static_cast<std::int64_t>(std::round(x));
}

ResizeAxis axisOf(const Node& node, std::int64_t in, std::int64_t out, double scale) {
  ResizeAxis axis{in, out, {}, {}};
  const bool linear = node.stringAttr("mode", "nearest") == "linear";
  const auto inside = [&](std::int64_t k) { return std::clamp<std::int64_t>(k, 0, in - 1); };
  for (std::int64_t i = 0; i < out; ++i) {
    const double x = sourcePosition(node.stringAttr("coordinate", "half_pixel"), i, in, out, scale);
    const auto low = static_cast<std::int64_t>(std::floor(x));
    const auto share = static_cast<float>(x - static_cast<double>(low));
    const std::int64_t nearest = inside(roundPosition(node.stringAttr("rounding", "round_prefer_floor"), x));
    axis.index.insert(axis.index.end(), {linear ? inside(low) : nearest, linear ? inside(low + 1) : nearest});
    axis.weight.insert(axis.weight.end(), {linear ? 1.0f - share : 1.0f, linear ? share : 0.0f});
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

ResizeAxes resizeAxesOf(const Graph& graph, const Node& node) {
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  const std::vector<float> scales = node.floatsAttr("scales");
  const bool leading = in.size() >= 3 && in.size() <= 4 && in[0] == out[0] && in[1] == out[1];
  if (!leading)
    throw Error(ErrorCode::UnsupportedModel, node.name, "Resize from " + toString(in) + " to " + toString(out),
                "resizing of spatial axes");
  const std::size_t r = in.size();
  const auto scale = [&](std::size_t k) {
    return k < scales.size() ? static_cast<double>(scales[k])
                             : static_cast<double>(out[k]) / static_cast<double>(in[k]);
  };
  const ResizeAxis one = {1, 1, {0, 0}, {1, 0}};
  return {in[0] * in[1], r == 4 ? axisOf(node, in[2], out[2], scale(2)) : one,
          axisOf(node, in[r - 1], out[r - 1], scale(r - 1))};
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
