#include "engine/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/forward_ops.h"
#include "graph/op_traits.h"
#include "relprop/error.h"

namespace relprop {
namespace {

void checkBatchFirst(const Graph& graph, std::int64_t rows) {
  for (const Node& node : graph.nodes)
    for (ValueId id : node.outputs) {
      const Shape& s = graph.value(id).shape;
      if (s.empty() || s[0] != rows)
        throw Error(ErrorCode::UnsupportedModel, node.name,
                    fmt::format("{} output of shape {}", opName(node.op), toString(s)),
                    fmt::format("the batch ({}) as first axis of every value", rows));
    }
}

Shape withoutRows(const Shape& shape) {
  return shape.empty() ? shape : Shape(shape.begin() + 1, shape.end());
}

bool readsImages(OpKind kind) {
  return kind == OpKind::MaxPool || kind == OpKind::AveragePool || kind == OpKind::LocalResponse;
}

// The shapes of what kernels for images read and write. All else (tokens, stacks of matrices, channels last) is read
// and written row by row.
std::set<Shape> imagesOf(const Graph& graph) {
  std::set<Shape> shapes;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::Conv && !readsImages(traitsOf(node.op).kind)) continue;
    for (const ValueId id : {node.inputs[0], node.outputs[0]}) shapes.insert(withoutRows(graph.value(id).shape));
  }
  return shapes;
}

}  // namespace

std::optional<float> cutOf(const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (node.op == Op::Relu) return kInfinity;
  if (node.op != Op::Clip || node.floatAttr("min", -kInfinity) != 0) return std::nullopt;
  const float most = node.floatAttr("max", kInfinity);
  return most > 0 ? std::optional(most) : std::nullopt;
}

Forward::Forward(const Graph& graph, Plan& plan, const std::function<bool(int)>& fuse)
    : graph_(graph), plan_(plan), fuse_(fuse), uses_(usesOf(graph)), images_(imagesOf(graph)) {}

TensorDesc Forward::descOf(const Shape& shape) const {
  const bool image = images_.count(withoutRows(shape)) != 0;
  return image ? plan_.backend().activation(shape) : TensorDesc{shape, 1};
}

void Forward::build(const std::function<void(const Node&)>& after) {
  checkBatchFirst(graph_, plan_.rows());
  const ValueId in = graph_.inputs.at(0);
  const Shape& shape = graph_.value(in).shape;
  input_ = freshPlain(shape, "input");
  plan_.pin(input_.buffer);
  values_[in] = load(canonical(input_, "input"));
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const NodeScope scope(plan_, graph_.nodes[i].name);
    emit(static_cast<int>(i));
    if (after) after(graph_.nodes[i]);
  }
}

Forward Forward::forWalk(const std::function<bool(int)>& fuse) const {
  Forward own = *this;
  own.fuse_ = fuse;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (!cutOf(node) || !fuse(static_cast<int>(i)) || !own.fused_.insert(node.inputs[0]).second) continue;
    own.values_[node.inputs[0]] = own.values_.at(node.outputs[0]);
    own.otherType_.erase(node.inputs[0]);
  }
  return own;
}

void Forward::keep(ValueId id) {
  if (values_.count(id) == 0) return;  // a constant
  const BufferView view = buffer(id);
  plan_.pin(view.buffer);
  values_[id] = load(view);
}

Forward Forward::resumedAt(ValueId from) {
  std::set<ValueId> changed = {from};
  std::vector<int> again;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    const auto isChanged = [&](ValueId id) { return changed.count(id) != 0; };
    if (isChanged(node.outputs[0]) || std::none_of(node.inputs.begin(), node.inputs.end(), isChanged)) continue;
    changed.insert(node.outputs.begin(), node.outputs.end());
    again.push_back(static_cast<int>(i));
  }
  for (const int i : again)
    for (const ValueId id : graph_.nodes[static_cast<std::size_t>(i)].inputs)
      if (changed.count(id) == 0) keep(id);
  plan_.beginBackward();
  Forward own = *this;
  own.otherType_.clear();
  own.input_ = freshPlain(graph_.value(from).shape, graph_.value(from).name + " (put in)");
  plan_.pin(own.input_.buffer);
  own.values_[from] = load(canonical(own.input_, graph_.value(from).name));
  for (const int i : again) {
    const NodeScope scope(plan_, graph_.nodes[static_cast<std::size_t>(i)].name);
    own.emit(i);
  }
  return own;
}

void Forward::emit(int index) {
  const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
  const ValueId out = node.outputs.at(0);
  if (cutOf(node) && fuse_(index)) {  // the convolution before has applied it already
    fused_.insert(node.inputs[0]);
    values_[out] = values_.at(node.inputs[0]);
    return;
  }
  const auto& readers = uses_.consumers[static_cast<std::size_t>(out)];
  const bool cut = node.op == Op::Conv && readers.size() == 1 && fuse_(readers[0]);
  const Expr value =
      forwardOp(*this, node, cut ? cutOf(graph_.nodes[static_cast<std::size_t>(readers[0])]) : std::nullopt);
  values_[out] = isLong(value) ? load(materialise(value, graph_.value(out).name)) : value;
}

Expr Forward::value(ValueId id) {
  const auto found = values_.find(id);
  if (found != values_.end()) return found->second;
  const Value& v = graph_.value(id);
  const bool image = v.constant && v.constant->floats && !v.shape.empty() && v.shape[0] == plan_.rows();
  if (image) return values_[id] = imageOperand(*v.constant, v.shape);
  throw Error(ErrorCode::UnsupportedModel, v.name, "a constant where a computed value is needed",
              "constants as weights or as operands of Add, Sub, Mul and Div");
}

BufferView Forward::buffer(ValueId id) {
  return bufferOf(id, Element::Float32);
}

BufferView Forward::operand(ValueId id) {
  return bufferOf(id, plan_.backend().operand());
}

BufferView Forward::bufferOf(ValueId id, Element element) {
  const Expr e = value(id);
  if (isLoad(e) && e->view.desc.element == element) return e->view;
  if (const auto found = otherType_.find(id); found != otherType_.end()) return found->second;
  const BufferView to = stored(e, element, graph_.value(id).name);
  if (isLoad(e))
    otherType_[id] = to;
  else
    values_[id] = load(to);
  return to;
}

BufferView Forward::stored(const Expr& e, Element element, const std::string& name) {
  if (isLoad(e) && e->view.rowStride == 0 && e->view.desc.element == element) return e->view;
  const TensorDesc desc = e->desc.as(element);
  const BufferView to{plan_.addBuffer(desc, name), desc};
  plan_.addProgram(name, {{{e, to}}, {}});
  return to;
}

BufferView Forward::materialise(const Expr& e, const std::string& name) {
  return stored(e, Element::Float32, name);
}

BufferView Forward::materialiseOperand(const Expr& e, const std::string& name) {
  return stored(e, plan_.backend().operand(), name);
}

BufferView Forward::inLayout(const BufferView& view, int block, const std::string& name) {
  if (view.desc.block == block) return view;
  const TensorDesc to{view.desc.shape, block, view.desc.element};
  const bool sameBytes =
      view.desc.spatial() == 1 && !TensorDesc{view.desc.shape, std::max(block, view.desc.block)}.padded();
  if (sameBytes) return view.reshaped(to);
  const BufferView out{plan_.addBuffer(to, name), to};
  plan_.addKernel(name + " (layout)", plan_.backend().reorder(view.desc, to), {view}, {out});
  return out;
}

BufferView Forward::canonical(const BufferView& view, const std::string& name) {
  return inLayout(view, descOf(view.desc.shape).block, name);
}

BufferView Forward::fresh(const Shape& shape, const std::string& name) {
  const TensorDesc d = descOf(shape);
  return {plan_.addBuffer(d, name), d};
}

BufferView Forward::freshPlain(const Shape& shape, const std::string& name) {
  const TensorDesc d{shape, 1};
  return {plan_.addBuffer(d, name), d};
}

namespace {

std::vector<float> biasOf(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return {};
  return *graph.value(node.inputs[2]).constant->floats;
}

LinearShape convShape(const ConvGeometry& g) {
  LinearShape s;
  s.n = g.N, s.ic = g.C, s.ih = g.H, s.iw = g.W, s.oc = g.O, s.oh = g.OH, s.ow = g.OW;
  s.kh = g.KH, s.kw = g.KW, s.sh = g.SH, s.sw = g.SW, s.dh = g.DH, s.dw = g.DW;
  s.pt = g.padTop, s.pl = g.padLeft, s.pb = g.padBottom, s.pr = g.padRight, s.groups = g.groups;
  return s;
}

// A dense layer over the last axis: all leading axes are rows.
LinearShape denseShape(const Shape& in, const Shape& out) {
  LinearShape s;
  s.dense = true;
  s.ic = in.back(), s.oc = out.back(), s.n = elementCount(in) / std::max<std::int64_t>(1, in.back());
  return s;
}

}  // namespace

LinearNode Forward::linear(const Node& node) const {
  LinearNode l;
  l.input = node.inputs[0], l.output = node.outputs[0];
  l.shape = node.op == Op::Conv ? convShape(geometryOf(graph_, node))
                                : denseShape(graph_.value(l.input).shape, graph_.value(l.output).shape);
  l.weights = graph_.value(node.inputs[1]).constant->floats;
  std::vector<float> bias = biasOf(graph_, node);
  (bias.size() > static_cast<std::size_t>(l.shape.oc) ? l.biasImage : l.bias) = std::move(bias);
  return l;
}

PoolShape Forward::pool(const Node& node) const {
  const ConvGeometry g = geometryOf(graph_, node);
  PoolShape p;
  p.n = g.N, p.c = g.C, p.ih = g.H, p.iw = g.W, p.oh = g.OH, p.ow = g.OW;
  p.kh = g.KH, p.kw = g.KW, p.sh = g.SH, p.sw = g.SW, p.dh = g.DH, p.dw = g.DW;
  p.pt = g.padTop, p.pl = g.padLeft, p.pb = g.countedBottom, p.pr = g.countedRight;
  p.countPadding = g.countIncludePad;
  p.block = desc(node.inputs[0]).block;
  return p;
}

}  // namespace relprop
