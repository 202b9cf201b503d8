// Flatten, Squeeze, Unsqueeze and Reshape as the canonical Reshape; the flattening Softmax of opset < 13.
#include <algorithm>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

bool reshapes(Op op) {
  return op == Op::Reshape || op == Op::Flatten || op == Op::Squeeze || op == Op::Unsqueeze;
}

void toReshape(Node& node) {
  node.op = Op::Reshape;
  node.inputs.resize(1);
  node.attrs.clear();
}

// Softmax over all axes from `axis` on together: as a matrix, unless the axes behind `axis` have extent 1 anyway.
void flattenSoftmax(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  const Shape shape = graph.value(node.inputs[0]).shape;
  const auto middle = shape.begin() + node.intAttr("axis", 1);
  node.attrs.erase("flatten");
  if (std::all_of(middle + 1, shape.end(), [](std::int64_t extent) { return extent == 1; })) return;
  const Shape matrix{elementCount(Shape(shape.begin(), middle)), elementCount(Shape(middle, shape.end()))};
  node.attrs["axis"] = std::int64_t{1};
  const std::string name = node.name;
  spliceBefore(graph, index, makeNode(name + "/flatten", Op::Reshape), matrix);
  spliceAfter(graph, index, makeNode(name + "/unflatten", Op::Reshape), matrix);
}

}  // namespace

int canonicaliseReshapes(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    Node& node = graph.nodes[i];
    const bool softmax = node.op == Op::Softmax && node.intAttr("flatten", 0) != 0;
    const bool reshape = reshapes(node.op) && (node.op != Op::Reshape || node.inputs.size() > 1);
    if (reshape) toReshape(node);
    if (softmax) flattenSoftmax(graph, i);
    rewrites += reshape || softmax;
  }
  return rewrites;
}

}  // namespace relprop
