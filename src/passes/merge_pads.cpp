// A Pad with zeros in front of a Conv is padding of the Conv: both are inputs that are not there. In front of an
// AveragePool it is padding that counts.
#include <algorithm>
#include <functional>

#include "graph/edit.h"
#include "graph/geometry.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

// Pads of a zero Pad that leaves N and C alone, spatial begins then ends; empty for any other node.
Shape spatialPads(const Node& node) {
  if (node.op != Op::Pad || !node.has("value") || node.floatAttr("value", 0.0f) != 0.0f) return {};
  const Shape pads = node.intsAttr("pads");
  const std::size_t rank = pads.size() / 2;
  if (rank < 3) return {};
  for (std::size_t i : {std::size_t{0}, std::size_t{1}, rank, rank + 1})
    if (pads[i] != 0) return {};
  Shape spatial(pads.begin() + 2, pads.begin() + static_cast<std::ptrdiff_t>(rank));
  spatial.insert(spatial.end(), pads.begin() + static_cast<std::ptrdiff_t>(rank) + 2, pads.end());
  return spatial;
}

// An AveragePool can take pads over when all it has count, and when no window comes to lie in them entirely.
bool countsPads(const Node& pool) {
  const Shape pads = pool.intsAttr("pads");
  const bool none = std::all_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad == 0; });
  return pool.intAttr("ceil_mode", 0) == 0 && (none || pool.intAttr("count_include_pad", 0) != 0);
}

bool fits(const Node& node, const Shape& pads) {
  if (node.op == Op::Conv)
    return std::all_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad <= kMostConvPads; });
  const Shape kernel = node.intsAttr("kernel_shape"), dilations = node.intsAttr("dilations");
  const bool dense = std::all_of(dilations.begin(), dilations.end(), [](std::int64_t d) { return d == 1; });
  for (std::size_t i = 0; i < pads.size(); ++i)
    if (pads[i] >= kernel[i % kernel.size()]) return false;
  return dense && countsPads(node);
}

bool mergeInto(Graph& graph, const Uses& uses, Node& node) {
  const int producer = uses.producer[static_cast<std::size_t>(node.inputs[0])];
  if (producer < 0) return false;
  const Node& pad = graph.nodes[static_cast<std::size_t>(producer)];
  const Shape added = spatialPads(pad);
  Shape pads = node.intsAttr("pads");
  if (added.empty() || added.size() != pads.size()) return false;
  std::transform(pads.begin(), pads.end(), added.begin(), pads.begin(), std::plus<>());
  if (!fits(node, pads)) return false;
  node.attrs["pads"] = pads;
  if (node.op == Op::AveragePool) node.attrs["count_include_pad"] = std::int64_t{1};
  node.inputs[0] = pad.inputs[0];
  node.folded.push_back(pad.name);
  return true;
}

}  // namespace

int mergePads(Graph& graph, PassContext&) {
  int rewrites = 0;
  const Uses uses = usesOf(graph);
  for (Node& node : graph.nodes) {
    if (node.op != Op::Conv && node.op != Op::AveragePool) continue;
    while (mergeInto(graph, uses, node)) ++rewrites;
  }
  return rewrites;
}

}  // namespace relprop
