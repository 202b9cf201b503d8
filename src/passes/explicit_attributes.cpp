// Writes defaults, auto_pad and axes counted from the end out as plain attributes.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "graph/geometry.h"
#include "graph/shape_inference.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

void writeWindow(const Graph& graph, Node& node, const Shape& kernel) {
  const Window window = windowOf(node, inputShape(graph, node), kernel);
  Shape pads = window.padBegin;
  pads.insert(pads.end(), window.padEnd.begin(), window.padEnd.end());
  node.attrs["strides"] = window.strides;
  node.attrs["dilations"] = window.dilations;
  node.attrs["pads"] = pads;
  node.attrs.erase("auto_pad");
  if (node.intAttr("ceil_mode", 0) == 0) node.attrs.erase("ceil_mode");
}

void conv(const Graph& graph, Node& node) {
  const Shape& weight = graph.value(node.inputs[1]).shape;
  const Shape kernel(weight.begin() + 2, weight.end());
  writeWindow(graph, node, kernel);
  node.attrs["kernel_shape"] = kernel;
  node.attrs["group"] = node.intAttr("group", 1);
  if (node.inputs.size() > 2 && node.inputs[2] == kNoValue) node.inputs.resize(2);
}

void pool(const Graph& graph, Node& node) {
  writeWindow(graph, node, node.intsAttr("kernel_shape"));
  if (node.op == Op::AveragePool) node.attrs["count_include_pad"] = node.intAttr("count_include_pad", 0);
  node.attrs.erase("storage_order");
}

void axis(const Graph& graph, Node& node, std::int64_t fallback) {
  const std::size_t rank = inputShape(graph, node).size();
  node.attrs["axis"] = static_cast<std::int64_t>(normaliseAxis(node, node.intAttr("axis", fallback), rank));
}

void concat(const Graph& graph, Node& node) {
  axis(graph, node, 1);
}

void softmax(const Graph& graph, Node& node) {
  axis(graph, node, node.intAttr("flatten", 0) != 0 ? 1 : -1);
}

void transpose(const Graph& graph, Node& node) {
  Shape perm(inputShape(graph, node).size());
  std::iota(perm.rbegin(), perm.rend(), 0);
  perm = node.intsAttr("perm", perm);
  for (std::int64_t& entry : perm) entry = static_cast<std::int64_t>(normaliseAxis(node, entry, perm.size()));
  node.attrs["perm"] = perm;
}

void clip(const Graph& graph, Node& node) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float low = node.floatAttr("min", -infinity), high = node.floatAttr("max", infinity);
  if (!floatParameter(graph, node, 1, low) || !floatParameter(graph, node, 2, high)) return;
  if (low == std::numeric_limits<float>::lowest()) low = -infinity;
  if (high == std::numeric_limits<float>::max()) high = infinity;
  node.inputs.resize(1);
  node.attrs["min"] = low;
  node.attrs["max"] = high;
  if (low != 0.0f || high != infinity) return;
  node.op = Op::Relu;
  node.attrs.clear();
}

void leakyRelu(const Graph&, Node& node) {
  node.attrs["alpha"] = node.floatAttr("alpha", 0.01f);
}

void elu(const Graph&, Node& node) {
  node.attrs["alpha"] = node.floatAttr("alpha", 1.0f);
}

void hardSigmoid(const Graph&, Node& node) {
  node.attrs["alpha"] = node.floatAttr("alpha", 0.2f);
  node.attrs["beta"] = node.floatAttr("beta", 0.5f);
}

void lrn(const Graph&, Node& node) {
  node.attrs["alpha"] = node.floatAttr("alpha", 1e-4f);
  node.attrs["beta"] = node.floatAttr("beta", 0.75f);
  node.attrs["bias"] = node.floatAttr("bias", 1.0f);
}

void layerNormalization(const Graph& graph, Node& node) {
  axis(graph, node, -1);
  node.attrs["epsilon"] = node.floatAttr("epsilon", 1e-5f);
}

void gelu(const Graph&, Node& node) {
  node.attrs["approximate"] = node.stringAttr("approximate", "none");
}

using Write = void (*)(const Graph&, Node&);

const std::map<Op, Write>& writers() {
  static const std::map<Op, Write> writers = {
      {Op::Conv, conv},
      {Op::MaxPool, pool},
      {Op::AveragePool, pool},
      {Op::Concat, concat},
      {Op::Softmax, softmax},
      {Op::LogSoftmax, softmax},
      {Op::Transpose, transpose},
      {Op::Clip, clip},
      {Op::LeakyRelu, leakyRelu},
      {Op::Elu, elu},
      {Op::HardSigmoid, hardSigmoid},
      {Op::LRN, lrn},
      {Op::LayerNormalization, layerNormalization},
      {Op::Gelu, gelu},
  };
  return writers;
}

}  // namespace

int makeAttributesExplicit(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (Node& node : graph.nodes) {
    const auto writer = writers().find(node.op);
    if (writer == writers().end()) continue;
    const auto before = node.attrs.size();
    const Op op = node.op;
    writer->second(graph, node);
    rewrites += node.attrs.size() != before || node.op != op;
  }
  return rewrites;
}

}  // namespace relprop
