// Gathers, scatters, tiles and pads that no Slice or Pad stands for as Take: a table of indices within each image.
#include <algorithm>
#include <utility>

#include "graph/edit.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"
#include "passes/sources.h"

namespace relprop {

namespace {

using Sources = std::vector<std::int64_t>;

bool canonicalPad(const Node& node) {
  return node.op == Op::Pad && node.inputs.size() == 1;
}

ValueId flattened(Graph& graph, ValueId id, const std::string& name) {
  const Shape flat{1, elementCount(graph.value(id).shape)};
  if (!graph.isConstant(id)) return appendNode(graph, makeNode(name, Op::Reshape, {id}), flat);
  Constant constant = *graph.value(id).constant;
  constant.shape = flat;
  return graph.addConstant(graph.value(id).name, constant);
}

// The data that the sources count through, as one line: a Scatter's updates lie behind what they are written over.
ValueId dataOf(Graph& graph, const Node& node) {
  const bool scatters = node.op == Op::ScatterElements || node.op == Op::ScatterND;
  const ValueId x = flattened(graph, node.inputs[0], node.name + "/flat");
  if (!scatters) return x;
  const ValueId updates = flattened(graph, node.inputs[2], node.name + "/updates");
  Node joined = makeNode(node.name + "/joined", Op::Concat, {x, updates});
  joined.attrs["axis"] = std::int64_t{1};
  return appendNode(graph, joined, {1, graph.value(x).shape[1] + graph.value(updates).shape[1]});
}

// What the sources are within each image, where they are the same for all; empty otherwise.
Sources withinImage(const Sources& sources, std::int64_t batch, std::int64_t elements) {
  const std::size_t row = sources.size() / static_cast<std::size_t>(batch);
  const std::int64_t image = elements / batch;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::int64_t first = sources[i % row], shift = static_cast<std::int64_t>(i / row) * image;
    const bool same = first == kFilled ? sources[i] == kFilled : first < image && sources[i] == first + shift;
    if (!same) return {};
  }
  return {sources.begin(), sources.begin() + static_cast<std::ptrdiff_t>(row)};
}

void writeTake(Node& node, ValueId from, Sources indices, float value) {
  node.op = Op::Take;
  node.inputs = {from};
  node.attrs = {{"indices", std::move(indices)}, {"value", value}};
}

bool take(Graph& graph, std::size_t index, std::int64_t batch) {
  const Node node = graph.nodes[index];
  const Shape in = graph.value(node.inputs[0]).shape, out = graph.value(node.outputs[0]).shape;
  const float value = fillingOf(graph, node);
  Sources sources = sourcesOf(graph, node, out);
  if (batch > 1) {
    sources = withinImage(sources, batch, elementCount(in));
    if (sources.empty()) return false;
    writeTake(graph.nodes[index], node.inputs[0], std::move(sources), value);
    return true;
  }
  Node taken = makeNode(node.name + "/taken", Op::Take);
  writeTake(taken, dataOf(graph, node), std::move(sources), value);
  const ValueId line = appendNode(graph, std::move(taken), {1, elementCount(out)});
  Node& last = graph.nodes[index];
  last.op = Op::Reshape;
  last.inputs = {line};
  last.attrs.clear();
  return true;
}

bool isDynamic(const Graph& graph, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id != kNoValue && !graph.isConstant(id); });
}

bool keepsImages(const Graph& graph, const Node& node, std::int64_t batch) {
  const Shape &in = graph.value(node.inputs[0]).shape, &out = graph.value(node.outputs[0]).shape;
  return !in.empty() && !out.empty() && in[0] == batch && out[0] == batch && node.inputs.size() < 3;
}

bool isTake(const Graph& graph, const Node& node, std::int64_t batch, const PassContext& context) {
  const bool fits = elementCount(graph.value(node.outputs[0]).shape) <= context.foldLimit;
  return !canonicalPad(node) && hasSources(graph, node) && isDynamic(graph, node) && fits &&
         (batch == 1 || keepsImages(graph, node, batch));
}

}  // namespace

int canonicaliseTakes(Graph& graph, PassContext& context) {
  const Shape& input = graph.value(graph.inputs[0]).shape;
  const std::int64_t batch = input.empty() ? 1 : std::max<std::int64_t>(1, input[0]);
  std::vector<std::size_t> takes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (isTake(graph, graph.nodes[i], batch, context)) takes.push_back(i);
  // All of them before the first is made: indices take far longer than counting them.
  for (const std::size_t i : takes)
    chargeIndices(graph.nodes[i], elementCount(graph.value(graph.nodes[i].outputs[0]).shape) / batch, context);
  int rewrites = 0;
  for (const std::size_t i : takes) rewrites += take(graph, i, batch);
  return rewrites;
}

}  // namespace relprop
