// Resize as the standard defines it, up to opset 19: linear and cubic weights (Keys 1981, a = −0.75 unless given),
// stretched by the scale where antialiasing is asked for.
#include "graph/resize_geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "relprop/error.h"

namespace relprop {

namespace {

const Constant* parameter(const Graph& graph, const Node& node, std::size_t index) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return nullptr;
  const Value& value = graph.value(node.inputs[index]);
  if (value.hasShape && elementCount(value.shape) == 0) return nullptr;
  if (!value.constant)
    throw Error(ErrorCode::UnsupportedModel, describe(node), "scales or sizes computed at run time", "constants");
  return value.constant.get();
}

[[noreturn]] void wrongCount(const Node& node, std::size_t got, std::size_t expected) {
  throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("{} scales, sizes or bounds", got),
              fmt::format("{}", expected));
}

std::vector<std::size_t> resizedAxes(const Node& node, std::size_t rank) {
  Shape all(rank);
  std::iota(all.begin(), all.end(), 0);
  return normaliseAxes(node, node.intsAttr("axes", all), rank);
}

// No place of an empty axis can be looked at, and what is larger no integer need hold.
template <class Number>
std::int64_t resizedTo(const Node& node, std::int64_t extent, Number to) {
  if (extent < 1 || !(to >= 1) || to > static_cast<Number>(kMaxElements))
    throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("an axis of {} resized to {}", extent, to),
                "extents from 1 to 2^31");
  return static_cast<std::int64_t>(to);
}

void applyScales(const Node& node, const Shape& in, const std::vector<std::size_t>& axes,
                 const std::vector<float>& scales, ResizeGeometry& g) {
  if (scales.size() != axes.size()) wrongCount(node, scales.size(), axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t a = axes[i];
    // A product of floats, as ONNX infers it: 5 · 1.4f is 7, which it falls short of in double.
    const float extent = std::floor(static_cast<float>(in[a]) * (g.end[a] - g.start[a]) * scales[i]);
    if (!(scales[i] > 0))
      throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("a scale of {}", scales[i]), "above 0");
    g.scales[a] = scales[i];
    g.output[a] = resizedTo(node, in[a], extent);
  }
}

// A policy takes the same scale for all axes: the least or the greatest that the sizes ask for.
void applySizes(const Node& node, const Shape& in, const std::vector<std::size_t>& axes, const Shape& sizes,
                ResizeGeometry& g) {
  if (sizes.size() != axes.size()) wrongCount(node, sizes.size(), axes.size());
  const std::string policy = node.stringAttr("keep_aspect_ratio_policy", "stretch");
  std::vector<float> scales;
  for (std::size_t i = 0; i < axes.size(); ++i)
    scales.push_back(static_cast<float>(sizes[i]) / static_cast<float>(in[axes[i]]));
  if (policy == "not_larger") scales.assign(axes.size(), *std::min_element(scales.begin(), scales.end()));
  if (policy == "not_smaller") scales.assign(axes.size(), *std::max_element(scales.begin(), scales.end()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = in[axes[i]];
    const float scaled = std::floor(scales[i] * static_cast<float>(extent) + 0.5f);
    g.scales[axes[i]] = scales[i];
    g.output[axes[i]] = policy == "stretch" ? resizedTo(node, extent, sizes[i]) : resizedTo(node, extent, scaled);
  }
}

// ---- weights

// Upsample has no attributes for what Resize lets choose.
std::string coordinatesOf(const Node& node) {
  return node.stringAttr("coordinate_transformation_mode", node.op == Op::Upsample ? "asymmetric" : "half_pixel");
}

// A scale that is the float nearest out / in stands for that fraction; of any other only the float is known.
double sourceOf(const Node& node, const ResizeGeometry& g, std::size_t axis, std::int64_t extent, std::int64_t place) {
  const std::string mode = coordinatesOf(node);
  const double in = static_cast<double>(extent), x = static_cast<double>(place), scale = g.scales[axis];
  const double whole = static_cast<double>(g.output[axis]);
  const bool exact = g.scales[axis] == static_cast<float>(whole) / static_cast<float>(in);
  const double out = exact ? whole : scale * in;
  const auto back = [&](double position) { return exact ? position * in / whole : position / scale; };
  if (mode == "align_corners") return out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (mode == "asymmetric") return back(x);
  if (mode == "tf_half_pixel_for_nn") return back(x + 0.5);
  if (mode == "pytorch_half_pixel" && whole == 1) return -0.5;
  if (mode == "tf_crop_and_resize") {
    const double start = g.start[axis], end = g.end[axis];
    return whole == 1 ? 0.5 * (start + end) * (in - 1) : start * (in - 1) + x * (end - start) * (in - 1) / (whole - 1);
  }
  const double centre = back(x + 0.5) - 0.5;
  return mode == "half_pixel_symmetric" ? in / 2 * (1 - whole / out) + centre : centre;
}

std::vector<double> nearest(const Node& node, double ratio) {
  const std::string mode = node.stringAttr("nearest_mode", node.op == Op::Upsample ? "floor" : "round_prefer_floor");
  const bool left = mode == "floor"               ? ratio < 1
                    : mode == "ceil"              ? false
                    : mode == "round_prefer_ceil" ? ratio < 0.5
                                                  : ratio <= 0.5;
  return {left ? 1.0 : 0.0, left ? 0.0 : 1.0};
}

double cubicWeight(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

bool isNearest(const Node& node) {
  return node.stringAttr("mode", "nearest") == "nearest";
}

// Smoothing for fewer places than there are looks at more of them, all the same.
double stretchOf(const Node& node, double scale) {
  return node.intAttr("antialias", 0) != 0 ? std::min(scale, 1.0) : 1.0;
}

// Places on either side that have weights; at most as many as make kMaxElements together.
std::int64_t reachOf(const Node& node, double scale) {
  if (isNearest(node)) return 1;
  const double reach = node.stringAttr("mode", "nearest") == "cubic" ? 2 : 1;
  return static_cast<std::int64_t>(
      std::min(std::ceil(reach / stretchOf(node, scale)), static_cast<double>(kMaxElements / 2)));
}

// Weights of the places around a source that lies `ratio` to the right of the middle left one.
std::vector<double> smooth(const Node& node, double ratio, double scale) {
  const bool cubic = node.stringAttr("mode", "nearest") == "cubic", antialias = node.intAttr("antialias", 0) != 0;
  const double a = node.floatAttr("cubic_coeff_a", -0.75f), stretch = stretchOf(node, scale);
  const std::int64_t reach = reachOf(node, scale);
  std::vector<double> weights;
  for (std::int64_t k = 1 - reach; k <= reach; ++k) {
    const double distance = (static_cast<double>(k) - ratio) * stretch;
    weights.push_back(cubic ? cubicWeight(distance, a) : std::clamp(1 - std::abs(distance), 0.0, 1.0));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (antialias)
    for (double& weight : weights) weight /= sum;
  return weights;
}

void leaveOutside(std::vector<double>& weights, std::int64_t first, std::int64_t extent) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::int64_t at = first + static_cast<std::int64_t>(k);
    if (at < 0 || at >= extent) weights[k] = 0;
    sum += weights[k];
  }
  for (double& weight : weights) weight /= sum;
}

}  // namespace

ResizeGeometry resizeGeometryOf(const Graph& graph, const Node& node) {
  const Shape& in = graph.value(node.inputs.at(0)).shape;
  const bool upsample = node.op == Op::Upsample;
  ResizeGeometry g{in, std::vector<float>(in.size(), 1), std::vector<float>(in.size(), 0),
                   std::vector<float>(in.size(), 1)};
  const std::vector<std::size_t> axes = resizedAxes(node, in.size());
  if (const Constant* region = upsample ? nullptr : parameter(graph, node, 1)) {
    if (!region->floats || region->floats->size() != 2 * axes.size()) wrongCount(node, 0, 2 * axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
      g.start[axes[i]] = (*region->floats)[i];
      g.end[axes[i]] = (*region->floats)[axes.size() + i];
    }
  }
  if (const Constant* sizes = upsample ? nullptr : parameter(graph, node, 3)) {
    if (!sizes->ints) wrongCount(node, 0, axes.size());
    applySizes(node, in, axes, *sizes->ints, g);
    return g;
  }
  const Constant* scales = parameter(graph, node, upsample ? 1 : 2);
  const std::vector<float> given = scales && scales->floats ? *scales->floats : node.floatsAttr("scales");
  applyScales(node, in, axes, given, g);
  return g;
}

std::int64_t tapsOfAPlace(const Node& node, const ResizeGeometry& geometry, std::size_t axis) {
  return 2 * reachOf(node, static_cast<double>(geometry.scales[axis]));
}

ResizeTaps resizeTapsOf(const Node& node, const ResizeGeometry& geometry, std::size_t axis, std::int64_t extent) {
  const bool byNearest = isNearest(node);
  const bool crops = coordinatesOf(node) == "tf_crop_and_resize";
  ResizeTaps taps;
  for (std::int64_t i = 0; i < geometry.output[axis]; ++i) {
    const double x = sourceOf(node, geometry, axis, extent, i);
    if (!(std::abs(x) <= static_cast<double>(kMaxElements)))
      throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("a source at {}", x), "places near the input");
    const double left = std::ceil(x) - 1, ratio = x - left;  // ratio in (0, 1]
    std::vector<double> weights =
        byNearest ? nearest(node, ratio) : smooth(node, ratio, static_cast<double>(geometry.scales[axis]));
    const auto count = static_cast<std::int64_t>(weights.size()),
               first = static_cast<std::int64_t>(left) - count / 2 + 1;
    if (node.intAttr("exclude_outside", 0) != 0) leaveOutside(weights, first, extent);
    const bool outside = crops && (x < 0 || x > static_cast<double>(extent - 1));
    taps.outside.push_back(outside);
    for (std::int64_t k = 0; k < count; ++k) {
      taps.indices.push_back(std::clamp<std::int64_t>(first + k, 0, extent - 1));
      taps.weights.push_back(outside ? 0.0f : static_cast<float>(weights[static_cast<std::size_t>(k)]));
    }
  }
  return taps;
}

}  // namespace relprop
