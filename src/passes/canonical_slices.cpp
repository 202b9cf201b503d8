// Slice, Split, Pad and Gather of computed values as canonical Slice and Pad.
#include <algorithm>
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

using Ranges = std::vector<SliceRange>;

void writeRanges(Node& node, const Ranges& ranges) {
  Shape axes(ranges.size()), starts, ends, steps;
  std::iota(axes.begin(), axes.end(), 0);
  for (SliceRange range : ranges) {
    if (range.count() == 1) range = {range.start, range.start + 1, 1};
    starts.push_back(range.start);
    ends.push_back(range.end);
    steps.push_back(range.step);
  }
  node.op = Op::Slice;
  if (node.inputs.size() > 1) node.inputs.resize(1);
  node.attrs = {{"axes", axes}, {"starts", starts}, {"ends", ends}, {"steps", steps}};
}

Ranges everything(const Shape& shape) {
  Ranges ranges;
  for (std::int64_t extent : shape) ranges.push_back({0, extent, 1});
  return ranges;
}

Shape countsOf(const Ranges& ranges) {
  Shape shape;
  for (const SliceRange& range : ranges) shape.push_back(range.count());
  return shape;
}

bool slice(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  if (node.inputs.size() == 1) return false;
  writeRanges(node, sliceRanges(graph, node));
  return true;
}

// One Slice for each output; the values stay the same.
bool split(Graph& graph, std::size_t index) {
  const Node original = graph.nodes[index];
  Ranges ranges = everything(inputShape(graph, original));
  const std::size_t axis = normaliseAxis(original, original.intAttr("axis", 0), ranges.size());
  const Shape extents = splitExtents(graph, original);
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    ranges[axis] = {begin, begin + extents[i], 1};
    begin += extents[i];
    Node part = makeNode(original.name + "/" + std::to_string(i), Op::Slice, {original.inputs[0]});
    part.outputs = {original.outputs[i]};
    writeRanges(part, ranges);
    if (i == 0)
      graph.nodes[index] = part;
    else if (original.outputs[i] != kNoValue)
      graph.nodes.push_back(part);
  }
  return true;
}

// Negative pads cut off: a Slice in front takes them over.
Ranges cutOff(const Shape& shape, const Shape& amounts) {
  Ranges ranges = everything(shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    ranges[i].start = std::max<std::int64_t>(0, -amounts[i]);
    ranges[i].end = shape[i] - std::max<std::int64_t>(0, -amounts[shape.size() + i]);
  }
  return ranges;
}

bool pad(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  float value = node.floatAttr("value", 0.0f);
  if (node.inputs.size() == 1 && node.has("value")) return false;
  if (node.stringAttr("mode", "constant") != "constant" || !floatParameter(graph, node, 2, value)) return false;
  Shape amounts = padAmounts(graph, node);
  const Ranges ranges = cutOff(inputShape(graph, node), amounts);
  const Shape inner = countsOf(ranges);
  const bool cuts = inner != inputShape(graph, node);
  // A pad on one side that only makes up for a cut beyond the whole extent has no Slice form.
  if (elementCount(inner) == 0) return false;
  for (std::int64_t& amount : amounts) amount = std::max<std::int64_t>(0, amount);
  node.inputs.resize(1);
  node.attrs = {{"pads", amounts}, {"value", value}};
  if (!cuts) return true;
  Node front = makeNode(node.name + "/cut", Op::Slice);
  writeRanges(front, ranges);
  spliceBefore(graph, index, front, inner);
  return true;
}

// The indices of a Gather as a range, when they are evenly spaced.
bool indexRange(const Constant& indices, std::int64_t extent, SliceRange& range) {
  if (!indices.ints || indices.ints->empty() || indices.shape.size() > 1) return false;
  Shape at = *indices.ints;
  for (std::int64_t& index : at) {
    if (index < -extent || index >= extent) return false;
    if (index < 0) index += extent;
  }
  const std::int64_t step = at.size() > 1 ? at[1] - at[0] : 1;
  for (std::size_t i = 1; i < at.size(); ++i)
    if (at[i] - at[i - 1] != step) return false;
  range = {at.front(), at.back() + (step > 0 ? 1 : -1), step};
  return step != 0;
}

bool gather(Graph& graph, std::size_t index) {
  Node& node = graph.nodes[index];
  if (!graph.isConstant(node.inputs[1])) return false;
  Ranges ranges = everything(inputShape(graph, node));
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), ranges.size());
  const Constant& indices = *graph.value(node.inputs[1]).constant;
  if (!indexRange(indices, inputShape(graph, node)[axis], ranges[axis])) return false;
  writeRanges(node, ranges);
  if (!indices.shape.empty()) return true;
  spliceAfter(graph, index, makeNode(node.name + "/squeeze", Op::Reshape), countsOf(ranges));
  return true;
}

}  // namespace

int canonicaliseSlices(Graph& graph, PassContext&) {
  static const std::map<Op, Rewriter> rewriters = {
      {Op::Slice, slice}, {Op::Split, split}, {Op::Pad, pad}, {Op::Gather, gather}};
  return rewriteEach(graph, rewriters);
}

}  // namespace relprop
