// Nodes whose output equals an input of theirs.
#include <algorithm>
#include <cmath>
#include <map>

#include "graph/edit.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

bool sameShape(const Graph& graph, const Node& node, ValueId input) {
  return graph.value(input).shape == graph.value(node.outputs[0]).shape;
}

bool sameShape(const Graph& graph, const Node& node) {
  return sameShape(graph, node, node.inputs[0]);
}

bool all(const Shape& values, std::int64_t value) {
  return std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == value; });
}

bool isConstantOf(const Graph& graph, ValueId id, float value) {
  const std::vector<float>* values = constantFloats(graph, id);
  return values && std::all_of(values->begin(), values->end(), [&](float v) { return v == value; });
}

using Result = ValueId (*)(const Graph&, const Node&);

ValueId always(const Graph&, const Node& node) {
  return node.inputs[0];
}

ValueId ifSameShape(const Graph& graph, const Node& node) {
  return sameShape(graph, node) ? node.inputs[0] : kNoValue;
}

// A Slice that keeps the shape keeps everything, unless it runs backwards.
ValueId sliceOfAll(const Graph& graph, const Node& node) {
  return sameShape(graph, node) && all(node.intsAttr("steps"), 1) ? node.inputs[0] : kNoValue;
}

ValueId padByNothing(const Graph& graph, const Node& node) {
  return sameShape(graph, node) && node.has("pads") && all(node.intsAttr("pads"), 0) ? node.inputs[0] : kNoValue;
}

ValueId transposeInOrder(const Graph&, const Node& node) {
  const Shape perm = node.intsAttr("perm");
  return !perm.empty() && std::is_sorted(perm.begin(), perm.end()) ? node.inputs[0] : kNoValue;
}

ValueId castToItsOwn(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).dtype == graph.value(node.outputs[0]).dtype ? node.inputs[0] : kNoValue;
}

ValueId clipOfNothing(const Graph&, const Node& node) {
  const bool bounded =
      node.inputs.size() > 1 || std::isfinite(node.floatAttr("min", 0)) || std::isfinite(node.floatAttr("max", 0));
  return bounded ? kNoValue : node.inputs[0];
}

ValueId concatOfOne(const Graph&, const Node& node) {
  return node.inputs.size() == 1 ? node.inputs[0] : kNoValue;
}

ValueId besideNeutral(const Graph& graph, const Node& node, float neutral, bool eitherSide) {
  for (std::size_t side = eitherSide ? 0 : 1; side < 2; ++side)
    if (isConstantOf(graph, node.inputs[side], neutral) && sameShape(graph, node, node.inputs[1 - side]))
      return node.inputs[1 - side];
  return kNoValue;
}

ValueId besideZero(const Graph& graph, const Node& node) {
  return besideNeutral(graph, node, 0.0f, node.op == Op::Add);
}

ValueId besideOne(const Graph& graph, const Node& node) {
  return besideNeutral(graph, node, 1.0f, node.op == Op::Mul);
}

ValueId poolOfOne(const Graph& graph, const Node& node) {
  const Shape kernel = node.intsAttr("kernel_shape");
  const bool trivial =
      sameShape(graph, node) && all(kernel, 1) && all(node.intsAttr("pads"), 0) && all(node.intsAttr("strides"), 1);
  return trivial ? node.inputs[0] : kNoValue;
}

ValueId resizeByOne(const Graph& graph, const Node& node) {
  const std::vector<float> scales = node.floatsAttr("scales");
  const bool trivial = sameShape(graph, node) && !scales.empty() &&
                       std::all_of(scales.begin(), scales.end(), [](float s) { return s == 1.0f; });
  return trivial ? node.inputs[0] : kNoValue;
}

const std::map<Op, Result>& noOps() {
  static const std::map<Op, Result> results = {
      {Op::Identity, always},    {Op::Dropout, always},     {Op::Reshape, ifSameShape},
      {Op::Slice, sliceOfAll},   {Op::Pad, padByNothing},   {Op::Transpose, transposeInOrder},
      {Op::Cast, castToItsOwn},  {Op::Clip, clipOfNothing}, {Op::Concat, concatOfOne},
      {Op::Add, besideZero},     {Op::Sub, besideZero},     {Op::Mul, besideOne},
      {Op::Div, besideOne},      {Op::MaxPool, poolOfOne},  {Op::AveragePool, poolOfOne},
      {Op::Resize, resizeByOne},
  };
  return results;
}

}  // namespace

int removeNoOps(Graph& graph, PassContext&) {
  int rewrites = 0;
  Replacements replacements(graph);
  for (const Node& node : graph.nodes) {
    const auto result = noOps().find(node.op);
    const ValueId same = result == noOps().end() ? kNoValue : result->second(graph, node);
    if (same == kNoValue) continue;
    replacements.add(node.outputs[0], same);
    ++rewrites;
  }
  replacements.apply(graph);
  return rewrites;
}

}  // namespace relprop
