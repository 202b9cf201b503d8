#include "passes/rewriters.h"

#include <numeric>
#include <utility>

#include "graph/edit.h"

namespace relprop {

int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = rewriters.find(graph.nodes[i].op);
    if (rewriter != rewriters.end()) rewrites += rewriter->second(graph, i);
  }
  return rewrites;
}

Node sliceAlong(std::string name, ValueId x, const Shape& shape, std::size_t axis, const SliceRange& range) {
  Shape axes(shape.size()), starts(shape.size(), 0), ends = shape, steps(shape.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  starts[axis] = range.start;
  ends[axis] = range.end;
  steps[axis] = range.step;
  Node slice = makeNode(std::move(name), Op::Slice, {x});
  slice.attrs = {{"axes", axes}, {"starts", starts}, {"ends", ends}, {"steps", steps}};
  return slice;
}

}  // namespace relprop
