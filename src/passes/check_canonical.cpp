// Refuses what no pass could bring to the canonical form, all at once.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "passes/channel_map.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Reason = std::string;  // empty: canonical

Reason fine(const Graph&, const Node&) {
  return {};
}

Reason conv(const Graph& graph, const Node& node) {
  const std::size_t axes = graph.value(node.inputs[0]).shape.size() - 2;
  if (axes > 2) return fmt::format("{} spatial axes", axes);
  return isLinear(graph, node) ? "" : "weights or bias computed at run time";
}

Reason dense(const Graph& graph, const Node& node) {
  return isLinear(graph, node) ? "" : "weights or bias computed at run time";
}

Reason pool(const Graph& graph, const Node& node) {
  const std::size_t axes = graph.value(node.inputs[0]).shape.size() - 2;
  return axes > 2 ? fmt::format("{} spatial axes", axes) : "";
}

Reason globalPool(const Graph& graph, const Node& node) {
  return fmt::format("{} spatial axes", graph.value(node.inputs[0]).shape.size() - 2);
}

Reason prelu(const Graph& graph, const Node& node) {
  return graph.isConstant(node.inputs[1]) ? "" : "a slope computed at run time";
}

Reason clip(const Graph&, const Node& node) {
  return node.inputs.size() == 1 ? "" : "bounds computed at run time";
}

Reason matMul(const Graph& graph, const Node& node) {
  const bool constant = graph.isConstant(node.inputs[0]) || graph.isConstant(node.inputs[1]);
  if (constant) return "a stack of constant matrices";
  const std::size_t least =
      std::min(graph.value(node.inputs[0]).shape.size(), graph.value(node.inputs[1]).shape.size());
  return least < 3 ? "one matrix for all images" : "";
}

Reason gemm(const Graph&, const Node& node) {
  return node.intAttr("transA", 0) != 0 ? "transA 1" : "operands computed at run time";
}

// A constant of the whole batch's shape is fine when all images get the same.
bool sameForAllImages(const Graph& graph, ValueId id, std::size_t rank) {
  const std::vector<float>* values = constantFloats(graph, id);
  const Shape& shape = graph.value(id).shape;
  if (!values || shape.size() < rank || shape.empty() || shape[0] < 2) return true;
  const auto image = static_cast<std::ptrdiff_t>(values->size()) / shape[0];
  return std::equal(values->begin() + image, values->end(), values->begin());
}

Reason elementwise(const Graph& graph, const Node& node) {
  for (ValueId input : node.inputs) {
    if (graph.value(input).dtype != DType::Float) return "operands that are no floats";
    if (!sameForAllImages(graph, input, graph.value(node.outputs[0]).shape.size()))
      return "a constant that differs between the images of a batch";
  }
  return {};
}

Reason concat(const Graph& graph, const Node& node) {
  return elementwise(graph, node);
}

Reason power(const Graph& graph, const Node& node) {
  return graph.isConstant(node.inputs[1]) ? "an exponent other than ±0.5, ±1, ±2 and ±3"
                                          : "an exponent computed at run time";
}

Reason layerNormalization(const Graph& graph, const Node& node) {
  if (node.intAttr("axis", 0) < 1) return "a mean over the batch";
  const bool constant = graph.isConstant(node.inputs[1]) && graph.isConstant(node.inputs.back());
  return constant ? "" : "scale or bias computed at run time";
}

Reason expand(const Graph&, const Node&) {
  return "a much larger result";
}

Reason choice(const Graph&, const Node&) {
  return "a comparison or choice at run time";
}

Reason pad(const Graph&, const Node& node) {
  if (node.stringAttr("mode", "constant") != "constant") return "mode " + node.stringAttr("mode", "");
  return node.inputs.size() == 1 ? "" : "pads that leave nothing, or a value computed at run time";
}

Reason slice(const Graph&, const Node& node) {
  return node.inputs.size() == 1 ? "" : "ranges as inputs";
}

Reason reshape(const Graph&, const Node& node) {
  return node.inputs.size() == 1 ? "" : "a shape as input";
}

Reason resize(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 1 || !node.has("coordinate"))
    return fmt::format("mode {}, {}, {} or other options", node.stringAttr("mode", "nearest"),
                       node.stringAttr("coordinate_transformation_mode", "half_pixel"),
                       node.stringAttr("nearest_mode", "round_prefer_floor"));
  const std::vector<float> scales = node.floatsAttr("scales");
  const std::size_t rank = graph.value(node.inputs[0]).shape.size();
  if (rank < 3 || rank > 4) return fmt::format("{} axes", rank);
  return scales[0] == 1.0f && scales[1] == 1.0f ? "" : "batch or channels resized";
}

Reason gather(const Graph& graph, const Node& node) {
  return graph.isConstant(node.inputs[1]) ? "indices that are no range" : "indices computed at run time";
}

Reason cast(const Graph&, const Node&) {
  return "a cast of computed values to another type";
}

// Of ops that are not elementwise, or have conditions.
const std::map<Op, Reason (*)(const Graph&, const Node&)>& table() {
  static const std::map<Op, Reason (*)(const Graph&, const Node&)> reasons = {
      {Op::Conv, conv},
      {Op::Dense, dense},
      {Op::Affine, fine},
      {Op::PRelu, prelu},
      {Op::Clip, clip},
      {Op::Pow, power},
      {Op::LayerNormalization, layerNormalization},
      {Op::Expand, expand},
      {Op::Where, choice},
      {Op::Equal, choice},
      {Op::Softmax, fine},
      {Op::MaxPool, pool},
      {Op::AveragePool, pool},
      {Op::Add, elementwise},
      {Op::Sub, elementwise},
      {Op::Mul, elementwise},
      {Op::Div, elementwise},
      {Op::MatMul, matMul},
      {Op::Concat, concat},
      {Op::Slice, slice},
      {Op::Pad, pad},
      {Op::Transpose, fine},
      {Op::Reshape, reshape},
      {Op::Resize, resize},
      {Op::LRN, fine},
      {Op::Gemm, gemm},
      {Op::Gather, gather},
      {Op::Cast, cast},
      {Op::GlobalAveragePool, globalPool},
      {Op::GlobalMaxPool, globalPool}};
  return reasons;
}

// Second outputs (indices of a MaxPool, a Dropout's mask) have no meaning for the engine; a Concat may have constants.
Reason operands(const Graph& graph, const Node& node, const std::set<ValueId>& read) {
  bool constant = true;
  for (ValueId input : node.inputs) constant &= input == kNoValue || graph.isConstant(input);
  if (constant) return "a result that does not depend on the input";
  for (std::size_t i = 1; i < node.outputs.size(); ++i)
    if (read.count(node.outputs[i]) != 0) return fmt::format("its output {} is read", i);
  return {};
}

Reason whyNot(const Graph& graph, const Node& node, const std::set<ValueId>& read) {
  Reason reason = operands(graph, node, read);
  if (!reason.empty()) return reason;
  const auto known = table().find(node.op);
  if (known != table().end()) return known->second(graph, node);
  return isElementwise(node.op) ? "" : "no canonical form";
}

std::set<ValueId> valuesRead(const Graph& graph) {
  std::set<ValueId> read(graph.outputs.begin(), graph.outputs.end());
  for (const Node& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  read.erase(kNoValue);
  return read;
}

}  // namespace

int checkCanonical(Graph& graph, PassContext&) {
  const std::set<ValueId> read = valuesRead(graph);
  std::string list;
  for (Node& node : graph.nodes) {
    const Reason reason = whyNot(graph, node, read);
    node.outputs.resize(1);
    if (reason.empty()) continue;
    list += (list.empty() ? "" : ", ") + describe(node) + ": " + reason;
  }
  if (!list.empty()) throw Error(ErrorCode::UnsupportedModel, "graph", "nodes that are not handled: " + list);
  for (ValueId output : graph.outputs)
    if (graph.isConstant(output))
      throw Error(ErrorCode::UnsupportedModel, "output '" + graph.value(output).name + "'", "a constant",
                  "one that depends on the input");
  return 0;
}

}  // namespace relprop
