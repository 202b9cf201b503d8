// The graph ends at the scores: what makes probabilities of them, and whatever follows, goes.
#include <algorithm>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {
namespace {

bool isOne(std::int64_t extent) {
  return extent == 1;
}

// Scores that lie on another axis than the second, or on none: [N], N×1×K.
bool needsClassAxis(const Shape& shape, std::int64_t rows) {
  if (shape.empty() || shape[0] != rows) return false;
  if (shape.size() == 1) return true;
  const auto ones = std::count_if(shape.begin() + 1, shape.end(), isOne);
  return shape[1] == 1 && ones == static_cast<std::ptrdiff_t>(shape.size()) - 2;
}

}  // namespace

int cutHead(Graph& graph, PassContext& context) {
  if (!context.options.cutHead) return 0;
  context.head = headOf(graph);
  ValueId scores = context.head.scores;
  const Shape& shape = graph.value(scores).shape;
  const std::int64_t rows = graph.value(graph.inputs.at(0)).shape.at(0);
  if (needsClassAxis(shape, rows)) {
    const Shape matrix = {rows, elementCount(shape) / rows};
    const std::string name = graph.value(scores).name + "/classes";
    scores = appendNode(graph, makeNode(name, Op::Reshape, {scores}), matrix);
  }
  graph.outputs = {scores};
  context.head.scores = scores;
  context.notes.push_back(describe(context.head));
  return context.head.node.empty() ? 0 : 1;
}

}  // namespace relprop
