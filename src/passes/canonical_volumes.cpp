// Convolutions and pools over three spatial axes by those over two. A convolution: the taps along the depth become
// channels, and the depths lie below one another, far enough apart that no window counts that reaches from one into the
// next. A pool: over height and width, then over depth; maxima and means are the same either way.
#include <algorithm>

#include "graph/edit.h"
#include "graph/geometry.h"
#include "graph/shape_inference.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

struct Volume {
  Shape strides, dilations, pads, kernel;  // pads: begin of each axis, then end of each
};

Volume volumeOf(const Node& node) {
  return {node.intsAttr("strides"), node.intsAttr("dilations"), node.intsAttr("pads"), node.intsAttr("kernel_shape")};
}

ValueId volumeStep(Graph& graph, const std::string& name, Op op, std::vector<ValueId> inputs, const Shape& shape,
                   std::map<std::string, Attribute> attrs = {}) {
  Node node = makeNode(name, op, std::move(inputs));
  node.attrs = std::move(attrs);
  return appendNode(graph, node, shape);
}

// Zeros around the volume; below it so many more that its height is a multiple of the stride.
ValueId borderedVolume(Graph& graph, const Node& node, const Volume& v) {
  Shape shape = graph.value(node.inputs[0]).shape, pads(10, 0);
  for (std::size_t a = 0; a < 3; ++a) {
    pads[a + 2] = v.pads[a];
    pads[a + 7] = v.pads[a + 3];
    shape[a + 2] += v.pads[a] + v.pads[a + 3];
  }
  const std::int64_t more = (v.strides[1] - shape[3] % v.strides[1]) % v.strides[1];
  pads[8] += more;
  shape[3] += more;
  return volumeStep(graph, node.name + "/border", Op::Pad, {node.inputs[0]}, shape, {{"pads", pads}, {"value", 0.0f}});
}

// N×C×D×H×W as N×(C·taps)×depths×H×W: tap t of output depth d is slice d·stride + t·dilation.
ValueId depthTaps(Graph& graph, const Node& node, const Volume& v, ValueId x, std::int64_t depths) {
  const Shape in = graph.value(x).shape;
  const Shape one{in[0], in[1], 1, depths, in[3], in[4]};
  Node all = makeNode(node.name + "/taps", Op::Concat);
  all.attrs["axis"] = std::int64_t{2};
  for (std::int64_t t = 0; t < v.kernel[0]; ++t) {
    const std::int64_t start = t * v.dilations[0];
    const SliceRange range{start, start + (depths - 1) * v.strides[0] + 1, v.strides[0]};
    const std::string name = node.name + "/tap" + std::to_string(t);
    const ValueId tap = appendNode(graph, sliceAlong(name, x, in, 2, range), {in[0], in[1], depths, in[3], in[4]});
    all.inputs.push_back(volumeStep(graph, name + "/axis", Op::Reshape, {tap}, one));
  }
  const ValueId taps = appendNode(graph, all, {in[0], in[1], v.kernel[0], depths, in[3], in[4]});
  return volumeStep(graph, node.name + "/plane", Op::Reshape, {taps},
                    {in[0], in[1] * v.kernel[0], depths * in[3], in[4]});
}

ValueId planeWeights(Graph& graph, ValueId id) {
  Constant constant = *graph.value(id).constant;
  const Shape w = constant.shape;
  constant.shape = {w[0], w[1] * w[2], w[3], w[4]};
  return graph.addConstant(graph.value(id).name, constant);
}

bool convolution(Graph& graph, std::size_t index, PassContext& context) {
  const Node node = graph.nodes[index];
  const bool volume = graph.value(node.inputs[0]).shape.size() == 5;
  if (!volume || !graph.isConstant(node.inputs[1])) return false;
  const Volume v = volumeOf(node);
  chargeNodes(node, 2 * v.kernel[0], context);
  const Shape out = graph.value(node.outputs[0]).shape;
  const ValueId x = borderedVolume(graph, node, v);
  const std::int64_t height = graph.value(x).shape[3], rows = height / v.strides[1];
  const std::int64_t reach = (v.kernel[1] - 1) * v.dilations[1] + 1;
  Node conv = makeNode(node.name + "/conv", Op::Conv, node.inputs);
  conv.inputs[0] = depthTaps(graph, node, v, x, out[2]);
  conv.inputs[1] = planeWeights(graph, node.inputs[1]);
  conv.attrs = {{"kernel_shape", Shape{v.kernel[1], v.kernel[2]}},
                {"strides", Shape{v.strides[1], v.strides[2]}},
                {"dilations", Shape{v.dilations[1], v.dilations[2]}},
                {"pads", Shape{0, 0, std::max<std::int64_t>(0, reach - v.strides[1]), 0}},
                {"group", node.intAttr("group", 1)}};
  const ValueId plane = appendNode(graph, conv, {out[0], out[1], out[2] * rows, out[4]});
  const Shape apart{out[0], out[1], out[2], rows, out[4]};
  const ValueId depths = volumeStep(graph, node.name + "/depths", Op::Reshape, {plane}, apart);
  Node& last = graph.nodes[index];
  const Node cut = sliceAlong(node.name, depths, apart, 3, {0, out[3], 1});
  last.op = cut.op;
  last.inputs = cut.inputs;
  last.attrs = cut.attrs;
  return true;
}

std::map<std::string, Attribute> poolAttributes(const Node& node, const Volume& v, bool depth) {
  const auto pair = [&](const Shape& s) { return depth ? Shape{s[0], 1} : Shape{s[1], s[2]}; };
  std::map<std::string, Attribute> attrs = node.attrs;
  attrs["kernel_shape"] = pair(v.kernel);
  attrs["strides"] = pair(v.strides);
  attrs["dilations"] = pair(v.dilations);
  attrs["pads"] = depth ? Shape{v.pads[0], 0, v.pads[3], 0} : Shape{v.pads[1], v.pads[2], v.pads[4], v.pads[5]};
  return attrs;
}

bool volumePool(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  const Shape in = graph.value(node.inputs[0]).shape, out = graph.value(node.outputs[0]).shape;
  if (in.size() != 5) return false;
  const Volume v = volumeOf(node);
  const ValueId planes =
      volumeStep(graph, node.name + "/planes", Op::Reshape, {node.inputs[0]}, {in[0], in[1] * in[2], in[3], in[4]});
  const ValueId flat = volumeStep(graph, node.name + "/plane", node.op, {planes},
                                  {in[0], in[1] * in[2], out[3], out[4]}, poolAttributes(node, v, false));
  const ValueId depths =
      volumeStep(graph, node.name + "/lines", Op::Reshape, {flat}, {in[0], in[1], in[2], out[3] * out[4]});
  const ValueId pooled = volumeStep(graph, node.name + "/depth", node.op, {depths},
                                    {in[0], in[1], out[2], out[3] * out[4]}, poolAttributes(node, v, true));
  Node& last = graph.nodes[index];
  last.op = Op::Reshape;
  last.inputs = {pooled};
  last.attrs.clear();
  return true;
}

}  // namespace

int canonicaliseVolumes(Graph& graph, PassContext& context) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const Op op = graph.nodes[i].op;
    if (op == Op::Conv) rewrites += convolution(graph, i, context);
    if (op == Op::MaxPool || op == Op::AveragePool) rewrites += volumePool(graph, i);
  }
  return rewrites;
}

}  // namespace relprop
