// Resize and Upsample with scales as attributes.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "graph/edit.h"
#include "graph/resize_geometry.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

struct Modes {
  std::string mode, coordinate, rounding;
};

Modes modesOf(const Node& node) {
  if (node.op == Op::Upsample) return {node.stringAttr("mode", "nearest"), "asymmetric", "floor"};
  return {node.stringAttr("mode", "nearest"), node.stringAttr("coordinate_transformation_mode", "half_pixel"),
          node.stringAttr("nearest_mode", "round_prefer_floor")};
}

template <std::size_t N>
bool oneOf(const std::string& text, const std::array<const char*, N>& names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

bool handled(const Node& node, const Modes& modes) {
  static constexpr std::array coordinates = {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"};
  static constexpr std::array roundings = {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"};
  return (modes.mode == "nearest" || modes.mode == "linear") && oneOf(modes.coordinate, coordinates) &&
         oneOf(modes.rounding, roundings) && node.intAttr("antialias", 0) == 0 && !node.has("axes") &&
         node.stringAttr("keep_aspect_ratio_policy", "stretch") == "stretch";
}

// The scales of the file where it gives scales; otherwise what the shapes say.
std::vector<float> scalesOf(const Graph& graph, const Node& node) {
  const std::size_t at = node.op == Op::Upsample ? 1 : 2;
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  if (node.has("scales")) return node.floatsAttr("scales");
  const bool sizes = node.op == Op::Resize && node.inputs.size() > 3 && node.inputs[3] != kNoValue;
  if (!sizes && node.inputs.size() > at && graph.isConstant(node.inputs[at])) {
    const Constant& given = *graph.value(node.inputs[at]).constant;
    if (given.floats && given.floats->size() == in.size()) return *given.floats;
  }
  std::vector<float> scales;
  for (std::size_t i = 0; i < in.size(); ++i)
    scales.push_back(static_cast<float>(static_cast<double>(out[i]) / static_cast<double>(in[i])));
  return scales;
}

bool canonical(const Node& node) {
  return node.op == Op::Resize && node.inputs.size() == 1;
}

// Where 2-D pictures are resized along their spatial axes, in a mode that has a kernel of its own.
bool spatial(const Graph& graph, const Node& node) {
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  return (in.size() == 3 || in.size() == 4) && in[0] == out[0] && in[1] == out[1];
}

bool anyOutside(const ResizeTaps& taps) {
  return std::find(taps.outside.begin(), taps.outside.end(), true) != taps.outside.end();
}

// Outside of the region there is a constant: what the axes gave there is 0. Of axes that stay there are no taps.
void extrapolate(Graph& graph, std::size_t index, const std::vector<ResizeTaps>& taps, PassContext& context) {
  const Node& node = graph.nodes[index];
  const Shape shape = graph.value(node.outputs[0]).shape;
  const float value = node.floatAttr("extrapolation_value", 0.0f);
  if (value == 0.0f || std::none_of(taps.begin(), taps.end(), anyOutside)) return;
  chargeConstant(node, elementCount(shape), context);
  std::vector<float> constant;
  for (std::int64_t i = 0, count = elementCount(shape); i < count; ++i) {
    bool outside = false;
    std::int64_t rest = i;
    for (std::size_t a = shape.size(); a-- > 0; rest /= shape[a])
      outside = outside || (!taps[a].outside.empty() && taps[a].outside[static_cast<std::size_t>(rest % shape[a])]);
    constant.push_back(outside ? value : 0.0f);
  }
  const ValueId added = addFloatConstant(graph, node.name + ".outside", shape, std::move(constant));
  spliceAfter(graph, index, makeNode(node.name + "/outside", Op::Add, {added}), shape);
}

// Weights of the places along each axis that does not stay, before there are any: a few bytes ask for millions.
void chargeTaps(const Graph& graph, const Node& node, const ResizeGeometry& geometry, PassContext& context) {
  const Shape& in = graph.value(node.inputs[0]).shape;
  for (std::size_t a = 0; a < in.size(); ++a)
    if (!geometry.keeps(a, in[a])) chargeConstant(node, geometry.output[a] * tapsOfAPlace(node, geometry, a), context);
  requireMemoryFor(node, context.constantElements * kBytesOfAnIndex);
}

// One axis after the other, with its weights written out.
void axisByAxis(Graph& graph, std::size_t index, const ResizeGeometry& geometry, PassContext& context) {
  const Node node = graph.nodes[index];
  Shape shape = graph.value(node.inputs[0]).shape;
  std::vector<ResizeTaps> taps(shape.size());
  for (std::size_t a = 0; a < shape.size(); ++a)
    if (!geometry.keeps(a, shape[a])) taps[a] = resizeTapsOf(node, geometry, a, shape[a]);
  extrapolate(graph, index, taps, context);
  ValueId x = node.inputs[0];
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (geometry.keeps(a, shape[a])) continue;
    Node step = makeNode(node.name + "/" + std::to_string(a), Op::Resize, {x});
    step.attrs["axis"] = static_cast<std::int64_t>(a);
    step.attrs["indices"] = std::move(taps[a].indices), step.attrs["weights"] = std::move(taps[a].weights);
    shape[a] = geometry.output[a];
    x = appendNode(graph, std::move(step), shape);
  }
  Node& last = graph.nodes[index];
  last.op = Op::Identity;
  last.attrs.clear();
  last.inputs = {x};
}

}  // namespace

int canonicaliseResizes(Graph& graph, PassContext& context) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    Node& node = graph.nodes[i];
    if ((node.op != Op::Resize && node.op != Op::Upsample) || canonical(node)) continue;
    const Modes modes = modesOf(node);
    const ResizeGeometry geometry = resizeGeometryOf(graph, node);
    chargeTaps(graph, node, geometry, context);
    ++rewrites;
    if (!handled(node, modes) || !spatial(graph, node)) {
      axisByAxis(graph, i, geometry, context);
      continue;
    }
    node.attrs = {{"mode", modes.mode},
                  {"coordinate", modes.coordinate},
                  {"rounding", modes.rounding},
                  {"scales", scalesOf(graph, node)}};
    node.op = Op::Resize;
    node.inputs.resize(1);
  }
  return rewrites;
}

}  // namespace relprop
