#include "graph/shape_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "graph/edit.h"
#include "graph/geometry.h"
#include "graph/op_traits.h"
#include "graph/resize_geometry.h"
#include "graph/shape_inference_moves.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// One node with short names for what the functions of the table look at.
struct Call {
  const Graph& graph;
  const Node& node;

  [[noreturn]] void mismatch(const std::string& got, const std::string& expected) const {
    throw Error(ErrorCode::ShapeMismatch, describe(node), got, expected);
  }
  bool has(std::size_t i) const { return i < node.inputs.size() && node.inputs[i] != kNoValue; }
  const Value& input(std::size_t i) const {
    if (!has(i)) throw Error(ErrorCode::MalformedModel, describe(node), fmt::format("input {} is missing", i));
    const Value& value = graph.value(node.inputs[i]);
    if (!value.hasShape)
      throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("value '{}' without a shape", value.name));
    return value;
  }
  const Shape& shape(std::size_t i = 0) const { return input(i).shape; }
  std::size_t rank() const { return shape().size(); }
  ValueType like(Shape s) const { return {input(0).dtype, std::move(s)}; }
  // The shape that a canonical node's output already has.
  const Shape& recorded() const {
    const Value& output = graph.value(node.outputs.at(0));
    if (!output.hasShape) throw Error(ErrorCode::MalformedModel, describe(node), "no shape to take over");
    return output.shape;
  }
};

using Types = std::vector<ValueType>;

Types same(const Call& call) {
  return {call.like(call.shape())};
}

// Operands of a file before opset 7, which may differ in the batch that is asked for. What has a shape went through
// this already: passes make one number of constants that are the same everywhere.
void requireAlike(const Call& call) {
  if (call.node.intAttr("broadcast", 1) != 0 || call.graph.value(call.node.outputs.at(0)).hasShape) return;
  Shape a = call.shape(0), b = call.shape(1);
  if (!a.empty() && a.size() == b.size()) a[0] = b[0];
  if (a != b)
    call.mismatch(fmt::format("operands {} and {}", toString(call.shape(0)), toString(call.shape(1))),
                  "equal shapes, as there is no attribute broadcast=1");
}

Types elementwise(const Call& call) {
  requireAlike(call);
  Shape shape = broadcastShapes(call.node, call.shape(0), call.shape(1));
  const bool flags = traitsOf(call.node.op).kind == OpKind::Comparison;
  return {{flags ? DType::Bool : call.input(0).dtype, std::move(shape)}};
}

void checkBias(const Call& call, std::size_t index, std::int64_t channels, const Shape& full) {
  if (!call.has(index)) return;
  const Shape& bias = call.shape(index);
  if (bias != Shape{channels} && bias != full) call.mismatch("bias " + toString(bias), toString(Shape{channels}));
}

Types conv(const Call& call) {
  const Shape &x = call.shape(0), &w = call.shape(1);
  const std::int64_t group = call.node.intAttr("group", 1);
  if (x.size() < 3 || w.size() != x.size())
    call.mismatch(fmt::format("input {} with weights {}", toString(x), toString(w)),
                  "the same number of axes, at least 3");
  if (group < 1 || group > w[0] || w[0] % group != 0 || x[1] % group != 0)
    call.mismatch(fmt::format("{} input and {} output channels in {} groups", x[1], w[0], group),
                  "groups that divide both");
  if (x[1] / group != w[1])
    call.mismatch(fmt::format("{} input channels", x[1]), fmt::format("{} for weights {}", w[1] * group, toString(w)));
  const Shape kernel(w.begin() + 2, w.end());
  if (call.node.intsAttr("kernel_shape", kernel) != kernel)
    call.mismatch("kernel_shape " + toString(call.node.intsAttr("kernel_shape")),
                  toString(kernel) + " as the weights have");
  Shape out = windowOf(call.node, x, kernel).output;
  out.insert(out.begin(), w[0]);
  checkBias(call, 2, w[0], out);
  out.insert(out.begin(), x[0]);
  return {call.like(out)};
}

Types pool(const Call& call) {
  Shape out = windowOf(call.node, call.shape(), call.node.intsAttr("kernel_shape")).output;
  out.insert(out.begin(), {call.shape()[0], call.shape()[1]});
  return {call.like(out)};
}

Types globalPool(const Call& call) {
  if (call.rank() < 2) call.mismatch("input " + toString(call.shape()), "N×C×spatial");
  Shape out(call.rank(), 1);
  std::copy_n(call.shape().begin(), 2, out.begin());
  return {call.like(out)};
}

Types perChannel(const Call& call) {
  if (call.rank() < 2) call.mismatch("input " + toString(call.shape()), "N×C×spatial");
  const Shape channels{call.shape()[1]};
  for (std::size_t i = 1; i < call.node.inputs.size(); ++i)
    if (call.shape(i) != channels)
      call.mismatch(fmt::format("parameter {} of {} values", i, toString(call.shape(i))), toString(channels));
  return {call.like(call.shape())};
}

Types prelu(const Call& call) {
  if (broadcastShapes(call.node, call.shape(0), call.shape(1)) != call.shape(0))
    call.mismatch("slope " + toString(call.shape(1)), "one that broadcasts to " + toString(call.shape(0)));
  return same(call);
}

Types gemm(const Call& call) {
  Shape a = call.shape(0), b = call.shape(1);
  if (a.size() != 2 || b.size() != 2) call.mismatch(toString(a) + " and " + toString(b), "two matrices");
  if (call.node.intAttr("transA", 0) != 0) std::swap(a[0], a[1]);
  if (call.node.intAttr("transB", 0) != 0) std::swap(b[0], b[1]);
  if (a[1] != b[0]) call.mismatch(fmt::format("{} input features", a[1]), fmt::format("{} as the weights have", b[0]));
  const Shape out{a[0], b[1]};
  if (call.has(2) && broadcastShapes(call.node, out, call.shape(2)) != out)
    call.mismatch("bias " + toString(call.shape(2)), "one that broadcasts to " + toString(out));
  return {call.like(out)};
}

Types dense(const Call& call) {
  const Shape &x = call.shape(0), &w = call.shape(1);
  if (x.empty() || w.size() != 2) call.mismatch(toString(x) + " with weights " + toString(w), "a matrix of weights");
  if (x.back() != w[1])
    call.mismatch(fmt::format("{} input features", x.back()), fmt::format("{} as the weights have", w[1]));
  checkBias(call, 2, w[0], {w[0]});
  Shape out = x;
  out.back() = w[0];
  return {call.like(out)};
}

// numpy's rules: a vector counts as a row on the left and as a column on the right, and the added axis goes again.
Types matMul(const Call& call) {
  Shape a = call.shape(0), b = call.shape(1);
  if (a.empty() || b.empty()) call.mismatch("a scalar operand", "at least one axis");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.back() != b[b.size() - 2])
    call.mismatch(fmt::format("operands {} and {}", toString(call.shape(0)), toString(call.shape(1))),
                  "equal inner extents");
  Shape out = broadcastShapes(call.node, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!row) out.push_back(a[a.size() - 2]);
  if (!column) out.push_back(b.back());
  return {call.like(out)};
}

Types softmax(const Call& call) {
  normaliseAxis(call.node, call.node.intAttr("axis", -1), call.rank());
  return same(call);
}

// A constant of one row stands beside computed values of any number of them: it is the same for all images.
Types concat(const Call& call) {
  const auto& inputs = call.node.inputs;
  const auto computed =
      std::find_if(inputs.begin(), inputs.end(), [&](ValueId id) { return !call.graph.isConstant(id); });
  const std::size_t first = computed == inputs.end() ? 0 : static_cast<std::size_t>(computed - inputs.begin());
  Shape out = call.shape(first);
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", 1), out.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Shape other = call.shape(i);
    if (i == first) continue;
    if (other.size() != out.size()) call.mismatch("operand " + toString(other), fmt::format("{} axes", out.size()));
    if (call.graph.isConstant(inputs[i]) && axis > 0 && other[0] == 1) other[0] = out[0];
    const std::int64_t extent = std::exchange(other[axis], out[axis]);
    if (other != out)
      call.mismatch(fmt::format("operand {}", toString(call.shape(i))),
                    fmt::format("{} but for axis {}", toString(out), axis));
    if (__builtin_add_overflow(out[axis], extent, &out[axis])) call.mismatch("extents that overflow", "2^31 at most");
  }
  return {call.like(out)};
}

Types split(const Call& call) {
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", 0), call.rank());
  Types types;
  for (std::int64_t extent : splitExtents(call.graph, call.node)) {
    Shape part = call.shape();
    part[axis] = extent;
    types.push_back(call.like(part));
  }
  return types;
}

Types slice(const Call& call) {
  Shape out;
  for (const SliceRange& range : sliceRanges(call.graph, call.node)) out.push_back(range.count());
  return {call.like(out)};
}

Types pad(const Call& call) {
  const Shape amounts = padAmounts(call.graph, call.node);
  Shape out = call.shape();
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::int64_t amount : {amounts[i], amounts[i + out.size()]})
      if (amount > kMaxElements || amount < -kMaxElements)
        call.mismatch("pads " + numbersText(amounts), "at most 2^31");
    out[i] += amounts[i] + amounts[i + out.size()];
    if (out[i] < 0)
      call.mismatch(fmt::format("pads {} on {}", numbersText(amounts), toString(call.shape())), "a positive extent");
  }
  return {call.like(out)};
}

Types flatten(const Call& call) {
  const std::int64_t rank = static_cast<std::int64_t>(call.rank()), axis = call.node.intAttr("axis", 1);
  if (axis < -rank || axis > rank)
    call.mismatch(fmt::format("axis {}", axis), fmt::format("an axis of {} dimensions", rank));
  const auto middle = call.shape().begin() + (axis < 0 ? axis + rank : axis);
  return {
      call.like({elementCount(Shape(call.shape().begin(), middle)), elementCount(Shape(middle, call.shape().end()))})};
}

// 0 copies the extent of the input, -1 takes what is left.
Shape resolveReshape(const Call& call, Shape target) {
  const Shape& x = call.shape();
  const bool zeroIsZero = call.node.intAttr("allowzero", 0) != 0;
  auto open = target.end();
  for (auto it = target.begin(); it != target.end(); ++it) {
    const std::size_t i = static_cast<std::size_t>(it - target.begin());
    if (*it == 0 && !zeroIsZero && i < x.size()) *it = x[i];
    if (*it < -1 || (*it == -1 && open != target.end()))
      call.mismatch("shape " + numbersText(target), "one -1 at most");
    if (*it == -1) open = it;
  }
  if (open == target.end()) return target;
  *open = 1;
  const std::int64_t rest = elementCount(target);
  *open = rest == 0 ? 0 : elementCount(x) / rest;
  return target;
}

Types reshape(const Call& call) {
  const Shape out =
      call.has(1) ? resolveReshape(call, *intsParameter(call.graph, call.node, 1, "shape")) : call.recorded();
  if (elementCount(out) != elementCount(call.shape()))
    call.mismatch(fmt::format("{} reshaped to {}", toString(call.shape()), toString(out)),
                  fmt::format("{} elements", elementCount(call.shape())));
  return {call.like(out)};
}

Types transpose(const Call& call) {
  Shape perm(call.rank());
  std::iota(perm.rbegin(), perm.rend(), 0);
  perm = call.node.intsAttr("perm", perm);
  if (perm.size() != call.rank()) call.mismatch("perm " + numbersText(perm), fmt::format("{} axes", call.rank()));
  Shape out;
  for (std::size_t axis : normaliseAxes(call.node, perm, call.rank())) out.push_back(call.shape()[axis]);
  return {call.like(out)};
}

Types squeeze(const Call& call) {
  const std::optional<Shape> given = intsParameter(call.graph, call.node, 1, "axes");
  std::vector<char> drop(call.rank(), 0);
  for (std::size_t i = 0; i < call.rank(); ++i) drop[i] = !given && call.shape()[i] == 1;
  if (given)
    for (std::size_t axis : normaliseAxes(call.node, *given, call.rank())) {
      if (call.shape()[axis] != 1)
        call.mismatch(fmt::format("axis {} of {}", axis, toString(call.shape())), "extent 1");
      drop[axis] = 1;
    }
  Shape out;
  for (std::size_t i = 0; i < call.rank(); ++i)
    if (!drop[i]) out.push_back(call.shape()[i]);
  return {call.like(out)};
}

Types unsqueeze(const Call& call) {
  const Shape given = intsParameter(call.graph, call.node, 1, "axes").value_or(Shape{});
  Shape out(call.rank() + given.size(), 0);
  for (std::size_t axis : normaliseAxes(call.node, given, out.size())) out[axis] = -1;
  auto next = call.shape().begin();
  for (std::int64_t& extent : out) extent = extent == -1 ? 1 : *next++;
  return {call.like(out)};
}

Types lrn(const Call& call) {
  if (call.node.intAttr("size", 0) < 1)
    call.mismatch(fmt::format("size {}", call.node.intAttr("size", 0)), "at least 1");
  if (call.rank() < 2) call.mismatch("input " + toString(call.shape()), "N×C×spatial");
  return same(call);
}

Types layerNormalization(const Call& call) {
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", -1), call.rank());
  const Shape normalised(call.shape().begin() + static_cast<std::ptrdiff_t>(axis), call.shape().end());
  for (std::size_t i = 1; i < 3; ++i)
    if (call.has(i) && broadcastShapes(call.node, normalised, call.shape(i)) != normalised)
      call.mismatch(fmt::format("parameter {} of {}", i, toString(call.shape(i))), toString(normalised));
  return same(call);
}

Types where(const Call& call) {
  const Shape chosen = broadcastShapes(call.node, call.shape(1), call.shape(2));
  return {{call.input(1).dtype, broadcastShapes(call.node, call.shape(0), chosen)}};
}

Types expand(const Call& call) {
  return {call.like(broadcastShapes(call.node, call.shape(), *intsParameter(call.graph, call.node, 1, "shape")))};
}

Types constant(const Call& call) {
  const auto it = call.node.attrs.find("value");
  if (it == call.node.attrs.end() || !std::holds_alternative<Constant>(it->second))
    throw Error(ErrorCode::UnsupportedModel, describe(call.node), "no value that is handled", "a tensor");
  const Constant& value = std::get<Constant>(it->second);
  return {{value.dtype, value.shape}};
}

Types constantOfShape(const Call& call) {
  const auto it = call.node.attrs.find("value");
  const bool given = it != call.node.attrs.end() && std::holds_alternative<Constant>(it->second);
  call.input(0);
  return {
      {given ? std::get<Constant>(it->second).dtype : DType::Float, *intsParameter(call.graph, call.node, 0, "shape")}};
}

Types shapeOf(const Call& call) {
  const std::int64_t rank = static_cast<std::int64_t>(call.rank());
  auto position = [&](const char* name, std::int64_t fallback) {
    const std::int64_t at = call.node.intAttr(name, fallback);
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  return {{DType::Int64, {std::max<std::int64_t>(0, position("end", rank) - position("start", 0))}}};
}

Types gather(const Call& call) {
  const std::size_t axis = normaliseAxis(call.node, call.node.intAttr("axis", 0), call.rank());
  Shape out = call.shape();
  const Shape& indices = call.shape(1);
  const auto at = out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(at, indices.begin(), indices.end());
  return {call.like(out)};
}

// TensorProto's numbers of element types.
Types cast(const Call& call) {
  static const std::map<std::int64_t, DType> types = {
      {1, DType::Float}, {10, DType::Float}, {11, DType::Float}, {16, DType::Float}, {2, DType::Int64},
      {3, DType::Int64}, {4, DType::Int64},  {5, DType::Int64},  {6, DType::Int64},  {7, DType::Int64},
      {9, DType::Bool},  {12, DType::Int64}, {13, DType::Int64}};
  const auto it = types.find(call.node.intAttr("to", 1));
  if (it == types.end())
    throw Error(ErrorCode::UnsupportedModel, describe(call.node),
                fmt::format("cast to type {}", call.node.intAttr("to", 1)));
  return {{it->second, call.shape()}};
}

Types resize(const Call& call) {
  if (call.node.op == Op::Resize && call.node.inputs.size() == 1) return {call.like(call.recorded())};
  return {call.like(resizeGeometryOf(call.graph, call.node).output)};
}

// Quantised values are represented by the real numbers that they stand for; only constants are integers.
Types quantised(const Call& call) {
  const bool constant = call.node.op == Op::QuantizeLinear && call.input(0).constant != nullptr;
  return {{constant ? DType::Int64 : DType::Float, call.shape()}};
}

Types dynamicallyQuantised(const Call& call) {
  return {call.like(call.shape()), call.like({}), call.like({})};
}

using Infer = Types (*)(const Call&);

// Of ops that are not elementwise, or not like most of those.
const std::map<Op, Infer>& table() {
  static const std::map<Op, Infer> functions = {
      {Op::Conv, conv},
      {Op::Gemm, gemm},
      {Op::MatMul, matMul},
      {Op::Dense, dense},
      {Op::BatchNormalization, perChannel},
      {Op::Affine, perChannel},
      {Op::PRelu, prelu},
      {Op::Mish, same},
      {Op::Softmax, softmax},
      {Op::LogSoftmax, softmax},
      {Op::MaxPool, pool},
      {Op::AveragePool, pool},
      {Op::GlobalAveragePool, globalPool},
      {Op::GlobalMaxPool, globalPool},
      {Op::Concat, concat},
      {Op::Split, split},
      {Op::Slice, slice},
      {Op::Pad, pad},
      {Op::Flatten, flatten},
      {Op::Reshape, reshape},
      {Op::Transpose, transpose},
      {Op::Squeeze, squeeze},
      {Op::Unsqueeze, unsqueeze},
      {Op::Identity, same},
      {Op::Dropout, same},
      {Op::LRN, lrn},
      {Op::LayerNormalization, layerNormalization},
      {Op::Constant, constant},
      {Op::ConstantOfShape, constantOfShape},
      {Op::Shape, shapeOf},
      {Op::Gather, gather},
      {Op::Cast, cast},
      {Op::Where, where},
      {Op::Expand, expand},
      {Op::Resize, resize},
      {Op::Upsample, resize},
      {Op::QuantizeLinear, quantised},
      {Op::DequantizeLinear, quantised},
      {Op::DynamicQuantizeLinear, dynamicallyQuantised},
      {Op::DynamicFakeQuantize, same},
  };
  return functions;
}

// A Clip has bounds as further inputs, which are numbers, and either may be missing.
Infer elementwiseShape(const Node& node) {
  return node.inputs.size() == 1 || node.op == Op::Clip ? same : elementwise;
}

Infer inferenceOf(const Node& node) {
  if (const auto own = table().find(node.op); own != table().end()) return own->second;
  if (isElementwise(node.op)) return elementwiseShape(node);
  throw Error(ErrorCode::UnsupportedModel, describe(node), "no shape inference");
}

// elementCount alone would let 0 × 2^40 through.
void checkSize(const Node& node, const Shape& shape) {
  if (shape.size() > kMaxRank)
    throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("an output of {} axes", shape.size()),
                fmt::format("{} at most", kMaxRank));
  std::int64_t count = 1;
  for (std::int64_t extent : shape) {
    if (extent < 0) mismatch(node, "an output of " + numbersText(shape), "extents of 0 or more");
    if (extent > kMaxElements || (count *= std::max<std::int64_t>(1, extent)) > kMaxElements)
      throw Error(ErrorCode::ShapeMismatch, describe(node), "an output of " + numbersText(shape),
                  "2^31 elements at most");
  }
}

}  // namespace

std::vector<ValueType> inferNode(const Graph& graph, const Node& node) {
  const auto move = inferenceOfMoves().find(node.op);
  const std::vector<ValueType> types =
      move != inferenceOfMoves().end() ? move->second(graph, node) : inferenceOf(node)({graph, node});
  for (const ValueType& type : types) checkSize(node, type.shape);
  return types;
}

void setTypes(Graph& graph, const Node& node, const std::vector<ValueType>& types) {
  for (std::size_t i = 0; i < types.size() && i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    Value& value = graph.value(node.outputs[i]);
    value.dtype = types[i].dtype;
    value.shape = types[i].shape;
    value.hasShape = true;
  }
}

void inferShapes(Graph& graph) {
  for (const Node& node : graph.nodes) setTypes(graph, node, inferNode(graph, node));
}

}  // namespace relprop
