// Resize and Upsample with scales as attributes.
#include <algorithm>
#include <array>
#include <string>

#include "graph/edit.h"
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
  return node.op == Op::Resize && node.has("scales") && node.has("coordinate");
}

}  // namespace

int canonicaliseResizes(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (Node& node : graph.nodes) {
    if ((node.op != Op::Resize && node.op != Op::Upsample) || canonical(node)) continue;
    const Modes modes = modesOf(node);
    if (!handled(node, modes)) continue;
    node.attrs = {{"mode", modes.mode},
                  {"coordinate", modes.coordinate},
                  {"rounding", modes.rounding},
                  {"scales", scalesOf(graph, node)}};
    node.op = Op::Resize;
    node.inputs.resize(1);
    ++rewrites;
  }
  return rewrites;
}

}  // namespace relprop
