// Refuses what no pass could bring to the canonical form, all at once.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "graph/shape_inference.h"
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
    if (input != kNoValue && graph.isConstant(input) && !constantFloats(graph, input))
      return "operands that are no floats";
    if (!sameForAllImages(graph, input, graph.value(node.outputs[0]).shape.size()))
      return "a constant that differs between the images of a batch";
  }
  return {};
}

Reason concat(const Graph& graph, const Node& node) {
  return elementwise(graph, node);
}

Reason prelu(const Graph& graph, const Node& node) {
  return graph.isConstant(node.inputs[1]) ? elementwise(graph, node) : "a slope computed at run time";
}

Reason power(const Graph& graph, const Node& node) {
  return graph.isConstant(node.inputs[1]) ? elementwise(graph, node) : "an exponent computed at run time";
}

Reason layerNormalization(const Graph& graph, const Node& node) {
  if (node.intAttr("axis", 0) < 1) return "a mean over the batch";
  const bool constant = graph.isConstant(node.inputs[1]) && graph.isConstant(node.inputs.back());
  return constant ? "" : "scale or bias computed at run time";
}

Reason expand(const Graph&, const Node&) {
  return "a much larger result";
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
  if (node.has("axis")) return {};
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
  return graph.isConstant(node.inputs[1]) ? "indices into other images" : "indices computed at run time";
}

Reason cast(const Graph&, const Node&) {
  return "a cast of computed values to another type";
}

// Of ops that are not elementwise, or have conditions.
const std::map<Op, Reason (*)(const Graph&, const Node&)>& reasons() {
  static const std::map<Op, Reason (*)(const Graph&, const Node&)> reasons = {
      {Op::Conv, conv},
      {Op::Dense, dense},
      {Op::Affine, fine},
      {Op::PRelu, prelu},
      {Op::Clip, clip},
      {Op::Pow, power},
      {Op::LayerNormalization, layerNormalization},
      {Op::Expand, expand},
      {Op::Take, fine},
      {Op::DynamicFakeQuantize, fine},
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
  const OpKind kind = traitsOf(node.op).kind;
  if (kind == OpKind::Choice || kind == OpKind::Comparison) return elementwise(graph, node);
  const auto known = reasons().find(node.op);
  if (known != reasons().end()) return known->second(graph, node);
  return isElementwise(node.op) ? "" : "no canonical form";
}

// ---- what one image of a batch would see of the others

bool behindBatch(const Node& node, std::int64_t fallback) {
  return node.intAttr("axis", fallback) >= 1;
}

bool cutsBatch(const Graph& graph, const Node& node) {
  const std::vector<SliceRange> ranges = sliceRanges(graph, node);
  return ranges.empty() || ranges[0].start != 0 || ranges[0].step != 1 ||
         ranges[0].count() != graph.value(node.inputs[0]).shape[0];
}

bool padsBatch(const Graph& graph, const Node& node) {
  const Shape amounts = padAmounts(graph, node);
  return amounts.empty() || amounts[0] != 0 || amounts[amounts.size() / 2] != 0;
}

// Does the node, all of whose values have the batch in front, look along it?
bool looksAlongBatch(const Graph& graph, const Node& node) {
  switch (traitsOf(node.op).batch) {
    case Batch::Unsaid:
    case Batch::Anywhere:
    case Batch::Stack:
    case Batch::Regrouped:
      return false;
    case Batch::First:
      return (node.op == Op::Pad && padsBatch(graph, node)) ||
             (node.op == Op::Resize && node.has("axis") && !behindBatch(node, 1));
    case Batch::Leading:
      return node.op == Op::LayerNormalization ? !behindBatch(node, 0) : graph.value(node.inputs[0]).shape.size() < 2;
    case Batch::OffAxis:
    case Batch::Joined:
      return !behindBatch(node, 0);
    case Batch::Permuted:
      return node.intsAttr("perm", {0})[0] != 0;
    case Batch::Sliced:
      return cutsBatch(graph, node);
  }
  return false;
}

bool hasBatchInFront(const Graph& graph, ValueId id, std::int64_t batch) {
  const Shape& shape = graph.value(id).shape;
  return id == kNoValue || graph.isConstant(id) || (!shape.empty() && shape[0] == batch);
}

bool mixes(const Graph& graph, const Node& node, std::int64_t batch) {
  const bool inFront = std::all_of(node.inputs.begin(), node.inputs.end(),
                                   [&](ValueId id) { return hasBatchInFront(graph, id, batch); });
  return !inFront || !hasBatchInFront(graph, node.outputs[0], batch) || looksAlongBatch(graph, node);
}

// Where the batch is open, one image at a time is tried instead, so this is of a first axis that the model fixes. With
// fewer axes than pictures have, it is more likely to be channels or features than a batch; the file does not say.
[[noreturn]] void refuseMixing(const Value& input, const std::string& node) {
  const Shape& shape = input.shape;
  const std::string one = toString(Shape(shape.begin() + 1, shape.end())), whole = toString(shape);
  constexpr std::size_t kPictures = 4;
  if (shape.size() >= kPictures)
    throw Error(ErrorCode::UnsupportedModel, "node '" + node + "'", "mixes the images of a batch",
                "images that know nothing of one another",
                fmt::format("export the network with its batch left open, or for one image: 1×{}", one));
  const std::string single = shape.size() < 2 ? "1" : "1×" + one;
  throw Error(ErrorCode::UnsupportedModel, "input '" + input.name + "'",
              fmt::format("{} has no batch axis: node '{}' mixes what lies along the first one", whole, node),
              "N×" + whole,
              fmt::format("export the network with a batch axis in front (N×C×H×W for pictures), or, if {} is a batch, "
                          "for one image: {}",
                          shape[0], single));
}

std::set<ValueId> valuesRead(const Graph& graph) {
  std::set<ValueId> read(graph.outputs.begin(), graph.outputs.end());
  for (const Node& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  read.erase(kNoValue);
  return read;
}

}  // namespace

int checkCanonical(Graph& graph, PassContext& context) {
  constexpr std::int64_t kShown = 10;
  const std::set<ValueId> read = valuesRead(graph);
  const Shape& input = graph.value(graph.inputs[0]).shape;
  const std::int64_t batch = input.empty() ? 1 : input[0];
  std::string list;
  std::int64_t refused = 0;
  for (Node& node : graph.nodes) {
    const Reason reason = whyNot(graph, node, read);
    node.outputs.resize(1);
    if (reason.empty() && mixes(graph, node, batch)) context.mixing.push_back(node.name);
    if (reason.empty() || ++refused > kShown) continue;
    list += (list.empty() ? "" : ", ") + describe(node) + ": " + reason;
  }
  if (refused > kShown) list += fmt::format(" and {} more", refused - kShown);
  if (refused > 0) throw Error(ErrorCode::UnsupportedModel, "graph", "nodes that are not handled: " + list);
  if (batch > 1 && !context.mixing.empty()) refuseMixing(graph.value(graph.inputs[0]), context.mixing.front());
  for (ValueId output : graph.outputs)
    if (graph.isConstant(output))
      throw Error(ErrorCode::UnsupportedModel, "output '" + graph.value(output).name + "'", "a constant",
                  "one that depends on the input");
  return 0;
}

}  // namespace relprop
