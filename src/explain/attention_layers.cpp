#include "explain/attention_layers.h"

#include <fmt/format.h>

#include <optional>
#include <set>

#include "explain/feature_maps.h"
#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {
namespace {

const char* const kOtherMethods = "take another method, such as attn-lrp or grad-cam";

[[noreturn]] void refuseLayer(const Node& node, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::NotSupportedByMethod, node.name, got, expected, kOtherMethods);
}

bool singleBehind(const Shape& shape, std::size_t axis) {
  for (std::size_t a = axis + 1; a < shape.size(); ++a)
    if (shape[a] != 1) return false;
  return true;
}

// Where a Transpose or Reshape puts an axis.
std::optional<std::size_t> movedAxis(const Graph& graph, const Node& n, std::size_t axis) {
  if (n.op == Op::Transpose) {
    const auto& perm = n.intsAttr("perm");
    for (std::size_t a = 0; a < perm.size(); ++a)
      if (static_cast<std::size_t>(perm[a]) == axis) return a;
    return std::nullopt;
  }
  const Shape &from = graph.value(n.inputs[0]).shape, &to = graph.value(n.outputs[0]).shape;
  const bool kept = singleBehind(from, axis) && from[axis] == to.back();
  return kept ? std::optional<std::size_t>(to.size() - 1) : std::nullopt;
}

// The axis along which a softmax made a value sum to 1, through what only moves its lines as a whole.
std::optional<std::size_t> softmaxAxis(const Graph& graph, const Uses& uses, ValueId id) {
  std::vector<const Node*> moves;
  const Node* n = producerOf(graph, uses, id);
  for (; n && (n->op == Op::Transpose || n->op == Op::Reshape); n = producerOf(graph, uses, n->inputs[0]))
    moves.push_back(n);
  if (!n || n->op != Op::Softmax) return std::nullopt;
  std::optional<std::size_t> axis = static_cast<std::size_t>(n->intAttr("axis", 1));
  for (; axis && !moves.empty(); moves.pop_back()) axis = movedAxis(graph, *moves.back(), *axis);
  return axis;
}

std::optional<AttentionLayer> layerAt(const Graph& graph, const Uses& uses, int index) {
  const Node& n = graph.nodes[static_cast<std::size_t>(index)];
  if (n.op != Op::MatMul) return std::nullopt;
  const Shape& s = graph.value(n.inputs[0]).shape;
  const std::optional<std::size_t> axis = softmaxAxis(graph, uses, n.inputs[0]);
  if (!axis || *axis + 1 != s.size()) return std::nullopt;
  AttentionLayer layer{index, n.inputs[0], 1, s[s.size() - 2], s.back()};
  for (std::size_t a = 1; a + 2 < s.size(); ++a) layer.heads *= s[a];
  if (s[0] != graph.value(graph.inputs.at(0)).shape.at(0))
    refuseLayer(n, fmt::format("attention weights {}, whose first axis is not that of the pictures", toString(s)),
                "pictures on an axis of their own");
  return layer;
}

// Every place has the same token in all heads, and every token but those without one its own place.
TokenPlaces placesOf(const Graph& graph, FeatureMaps& maps, const AttentionLayer& layer) {
  const Node& n = graph.nodes[static_cast<std::size_t>(layer.node)];
  const std::optional<FeatureMap> map = maps.of(n.inputs[1]);
  if (!map || map->order.empty())
    refuseLayer(n, "tokens whose places in the picture are not known", "tokens that come from patches of the picture");
  const std::int64_t width = graph.value(n.inputs[1]).shape.back();
  TokenPlaces places{map->shape[1], map->shape[2], {}};
  const auto cells = static_cast<std::size_t>(places.height * places.width);
  for (std::size_t i = 0; i < map->order.size(); ++i) {
    const std::int64_t token = map->order[i] / width % layer.keys;
    if (i < cells) places.tokens.push_back(token);
    if (places.tokens[i % cells] != token) refuseLayer(n, "places that are several tokens", "one token for each place");
  }
  if (std::set<std::int64_t>(places.tokens.begin(), places.tokens.end()).size() != cells)
    refuseLayer(n, "attention within windows", "attention among all tokens");
  return places;
}

}  // namespace

AttentionLayers attentionLayers(const Graph& graph, FeatureMaps maps) {
  const Uses uses = usesOf(graph);
  AttentionLayers all;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::optional<AttentionLayer> layer = layerAt(graph, uses, static_cast<int>(i));
    if (!layer) continue;
    const Node& node = graph.nodes[i];
    TokenPlaces places = placesOf(graph, maps, *layer);
    if (!all.layers.empty() && (layer->keys != all.layers[0].keys || places.tokens != all.places.tokens))
      refuseLayer(node, fmt::format("{} tokens where other layers have {}", layer->keys, all.layers[0].keys),
                  "the same tokens in every layer");
    if (!all.layers.empty() && !all.layers.back().square())
      refuseLayer(node, "attention behind attention that pools", "pooling by attention at the end alone");
    all.layers.push_back(*layer), all.places = std::move(places);
  }
  if (all.layers.empty())
    throw Error(ErrorCode::NotSupportedByMethod, "network", "no attention (a softmax whose output multiplies values)",
                "a vision transformer", "take a method for any network, such as grad-cam");
  return all;
}

}  // namespace relprop
