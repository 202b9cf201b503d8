// Chains of Reshapes and of Transposes as one; a Transpose that only moves axes of extent 1 is a Reshape.
#include <algorithm>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

// Whether the axes with more than one element stay in order.
bool onlyMovesOnes(const Shape& shape, const Shape& perm) {
  std::int64_t last = -1;
  for (std::int64_t axis : perm) {
    if (shape[static_cast<std::size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool transposeToReshape(const Graph& graph, Node& node) {
  if (node.op != Op::Transpose || !onlyMovesOnes(graph.value(node.inputs[0]).shape, node.intsAttr("perm")))
    return false;
  node.op = Op::Reshape;
  node.attrs.clear();
  return true;
}

Shape composed(const Shape& first, const Shape& second) {
  Shape perm;
  for (std::int64_t axis : second) perm.push_back(first[static_cast<std::size_t>(axis)]);
  return perm;
}

// Lets `node` read what its producer reads, when both are of the same kind.
bool skipProducer(Graph& graph, const Uses& uses, Node& node) {
  if (node.op != Op::Reshape && node.op != Op::Transpose) return false;
  const int producer = uses.producer[static_cast<std::size_t>(node.inputs[0])];
  if (producer < 0) return false;
  const Node& first = graph.nodes[static_cast<std::size_t>(producer)];
  if (first.op != node.op) return false;
  if (node.op == Op::Transpose) node.attrs["perm"] = composed(first.intsAttr("perm"), node.intsAttr("perm"));
  node.inputs[0] = first.inputs[0];
  node.folded.push_back(first.name);
  return true;
}

bool unchanged(const Graph& graph, const Node& node) {
  if (node.op == Op::Reshape) return graph.value(node.inputs[0]).shape == graph.value(node.outputs[0]).shape;
  const Shape perm = node.op == Op::Transpose ? node.intsAttr("perm") : Shape{};
  return !perm.empty() && std::is_sorted(perm.begin(), perm.end());
}

}  // namespace

int mergeReshapes(Graph& graph, PassContext&) {
  int rewrites = 0;
  const Uses uses = usesOf(graph);
  Replacements replacements(graph);
  for (Node& node : graph.nodes) {
    bool merged = transposeToReshape(graph, node);
    merged |= skipProducer(graph, uses, node);
    if (merged && unchanged(graph, node)) replacements.add(node.outputs[0], node.inputs[0]);
    rewrites += merged;
  }
  replacements.apply(graph);
  return rewrites;
}

}  // namespace relprop
