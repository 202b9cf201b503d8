#include "passes/rewriters.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {

int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = rewriters.find(graph.nodes[i].op);
    if (rewriter != rewriters.end()) rewrites += rewriter->second(graph, i);
  }
  return rewrites;
}

// Every new node has the name of the old one in its own, so that a long name is as large as several nodes.
void chargeNodes(const Node& node, std::int64_t count, PassContext& context) {
  constexpr std::int64_t kNameOfANode = 1024;
  const std::int64_t weight = 1 + static_cast<std::int64_t>(node.name.size()) / kNameOfANode;
  if (count > (kMaxNodes - context.nodesMade) / weight)
    throw Error(ErrorCode::UnsupportedModel, describe(node),
                fmt::format("would become {} nodes, one for each step along an axis", count),
                fmt::format("{} at most in a network", kMaxNodes));
  context.nodesMade += count * weight;
}

void chargeElements(const Node& node, std::int64_t elements, std::int64_t limit, std::int64_t total,
                    std::int64_t& spent) {
  spent += elements;
  if (elements > limit || spent > total)
    throw Error(ErrorCode::ShapeMismatch, describe(node),
                fmt::format("constants of {} elements", std::max(elements, spent)), fmt::format("{} at most", limit));
}

void chargeConstant(const Node& node, std::int64_t elements, PassContext& context) {
  chargeElements(node, elements, context.foldLimit, kTotalFactor * context.foldLimit, context.constantElements);
}

void chargeIndices(const Node& node, std::int64_t count, PassContext& context) {
  chargeElements(node, count, context.foldLimit, kIndicesFactor * context.foldLimit, context.indices);
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
