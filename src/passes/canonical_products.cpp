// ConvTranspose as a Conv over its input with zeros between the elements, kernels turned round; sums of products given
// as an Einsum or a running sum as MatMul.
#include <algorithm>
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference_moves.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"
#include "passes/strided.h"

namespace relprop {

namespace {

ValueId appended(Graph& graph, const std::string& name, Op op, std::vector<ValueId> inputs, const Shape& shape,
                 std::map<std::string, Attribute> attrs = {}) {
  Node node = makeNode(name, op, std::move(inputs));
  node.attrs = std::move(attrs);
  return appendNode(graph, node, shape);
}

ValueId ints(Graph& graph, const std::string& name, Shape values) {
  Constant constant{DType::Int64, {static_cast<std::int64_t>(values.size())}, nullptr, nullptr};
  constant.ints = std::make_shared<const Shape>(std::move(values));
  return graph.addConstant(name, constant);
}

ValueId padded(Graph& graph, const std::string& name, ValueId x, const Shape& begin, const Shape& end) {
  Shape pads = begin, shape = graph.value(x).shape;
  pads.insert(pads.end(), end.begin(), end.end());
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] += begin[i] + end[i];
  return appended(graph, name, Op::Pad, {x, ints(graph, name + ".pads", pads)}, shape);
}

// x with stride − 1 zeros behind every element of each spatial axis.
ValueId spaced(Graph& graph, const std::string& name, ValueId x, const Shape& strides) {
  const Shape in = graph.value(x).shape;
  if (std::all_of(strides.begin(), strides.end(), [](std::int64_t s) { return s == 1; })) return x;
  Shape apart(in.begin(), in.begin() + 2), end(2, 0), wide = apart;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    apart.insert(apart.end(), {in[i + 2], 1});
    end.insert(end.end(), {0, strides[i] - 1});
    wide.push_back(in[i + 2] * strides[i]);
  }
  const ValueId parts = appended(graph, name + "/apart", Op::Reshape, {x}, apart);
  const ValueId zeros = padded(graph, name + "/zeros", parts, Shape(apart.size(), 0), end);
  return appended(graph, name + "/wide", Op::Reshape, {zeros}, wide);
}

// W[C, M/g, k…] of the transposed convolution as W[M, C/g, k…], every axis of the kernel backwards.
ValueId turnedWeights(Graph& graph, ValueId id, std::int64_t group) {
  const Shape from = graph.value(id).shape;
  const std::vector<float>& w = *constantFloats(graph, id);
  const std::int64_t in = from[0] / group, out = from[1], size = elementCount(Shape(from.begin() + 2, from.end()));
  Shape to = from;
  to[0] = out * group;
  to[1] = in;
  std::vector<float> result;
  result.reserve(w.size());
  for (std::int64_t m = 0; m < to[0]; ++m)
    for (std::int64_t c = 0; c < in; ++c)
      for (std::int64_t k = size; k-- > 0;)
        result.push_back(w[static_cast<std::size_t>(((m / out * in + c) * out + m % out) * size + k)]);
  return addFloatConstant(graph, graph.value(id).name, to, std::move(result));
}

bool convTranspose(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  if (!constantFloats(graph, node.inputs[1])) return false;
  const TransposedWindow t = transposedWindowOf(graph, node);
  ValueId x = spaced(graph, node.name, node.inputs[0], t.strides);
  Shape begin(2, 0), end(2, 0);
  for (std::size_t i = 0; i < t.kernel.size(); ++i) {
    const std::int64_t reach = (t.kernel[i] - 1) * t.dilations[i];
    begin.push_back(reach - t.padBegin[i]);
    end.push_back(t.output[i] + reach - begin.back() - graph.value(x).shape[i + 2]);
  }
  x = padded(graph, node.name + "/border", x, begin, end);
  const std::int64_t group = node.intAttr("group", 1);
  const ValueId weights = turnedWeights(graph, node.inputs[1], group);
  Node& conv = graph.nodes[index];
  conv.op = Op::Conv;
  conv.inputs[0] = x;
  conv.inputs[1] = weights;
  conv.attrs = {{"kernel_shape", t.kernel},
                {"strides", Shape(t.kernel.size(), 1)},
                {"dilations", t.dilations},
                {"pads", Shape(2 * t.kernel.size(), 0)},
                {"group", group}};
  return true;
}

// ---- Einsum of one or two operands

struct Operand {
  ValueId value;
  std::string axes;
};

Operand permuted(Graph& graph, const std::string& name, const Operand& x, const std::string& wanted) {
  Shape perm, shape;
  for (const char letter : wanted) {
    perm.push_back(static_cast<std::int64_t>(x.axes.find(letter)));
    shape.push_back(graph.value(x.value).shape[static_cast<std::size_t>(perm.back())]);
  }
  if (std::is_sorted(perm.begin(), perm.end())) return x;
  return {appended(graph, name, Op::Transpose, {x.value}, shape, {{"perm", perm}}), wanted};
}

// Summed over the axes that nobody else has.
Operand summed(Graph& graph, const std::string& name, const Operand& x, const std::string& kept) {
  Shape axes, shape;
  std::string left;
  for (std::size_t i = 0; i < x.axes.size(); ++i) {
    if (kept.find(x.axes[i]) == std::string::npos) {
      axes.push_back(static_cast<std::int64_t>(i));
      continue;
    }
    left += x.axes[i];
    shape.push_back(graph.value(x.value).shape[i]);
  }
  if (axes.empty()) return x;
  const ValueId along = ints(graph, name + ".axes", axes);
  return {appended(graph, name, Op::ReduceSum, {x.value, along}, shape, {{"keepdims", std::int64_t{0}}}), left};
}

std::string common(const std::string& a, const std::string& b, bool wanted, const std::string& output, bool inOutput) {
  std::string letters;
  for (const char letter : a)
    if ((b.find(letter) != std::string::npos) == wanted && (output.find(letter) != std::string::npos) == inOutput)
      letters += letter;
  return letters;
}

std::int64_t extentOf(const std::string& letters, const std::map<char, std::int64_t>& extents) {
  std::int64_t count = 1;
  for (const char letter : letters) count *= extents.at(letter);
  return count;
}

// Batch axes, then free ones, then those that are summed over: a stack of matrices.
ValueId asStack(Graph& graph, const std::string& name, const Operand& x, const std::string (&groups)[3],
                const std::map<char, std::int64_t>& extents) {
  const Operand ordered = permuted(graph, name, x, groups[0] + groups[1] + groups[2]);
  return appended(graph, name + "/stack", Op::Reshape, {ordered.value},
                  {extentOf(groups[0], extents), extentOf(groups[1], extents), extentOf(groups[2], extents)});
}

Operand multiplied(Graph& graph, const std::string& name, const Operand& a, const Operand& b,
                   const EinsumTerms& terms) {
  const std::string batch = common(a.axes, b.axes, true, terms.output, true),
                    inner = common(a.axes, b.axes, true, terms.output, false),
                    left = common(a.axes, b.axes, false, terms.output, true),
                    right = common(b.axes, a.axes, false, terms.output, true);
  const ValueId x = asStack(graph, name + "/left", a, {batch, left, inner}, terms.extents);
  const ValueId y = asStack(graph, name + "/right", b, {batch, inner, right}, terms.extents);
  const Shape stack{graph.value(x).shape[0], graph.value(x).shape[1], graph.value(y).shape[2]};
  const ValueId product = appended(graph, name + "/product", Op::MatMul, {x, y}, stack);
  Shape shape;
  for (const char letter : batch + left + right) shape.push_back(terms.extents.at(letter));
  return {appended(graph, name + "/axes", Op::Reshape, {product}, shape), batch + left + right};
}

bool hasTwice(const std::string& term) {
  std::string sorted = term;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

// Extents must be those of the letters: an axis of 1 that stands for more is not spread here.
bool isPlain(const Graph& graph, const Node& node, const EinsumTerms& terms) {
  for (std::size_t i = 0; i < terms.inputs.size(); ++i) {
    if (hasTwice(terms.inputs[i])) return false;
    for (std::size_t a = 0; a < terms.inputs[i].size(); ++a)
      if (graph.value(node.inputs[i]).shape[a] != terms.extents.at(terms.inputs[i][a])) return false;
  }
  return terms.inputs.size() <= 2;
}

bool einsum(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  const EinsumTerms terms = einsumTermsOf(graph, node);
  if (!isPlain(graph, node, terms)) return false;
  const bool two = terms.inputs.size() == 2;
  Operand result{node.inputs[0], terms.inputs[0]};
  result = summed(graph, node.name + "/sum", result, terms.output + (two ? terms.inputs[1] : ""));
  if (two) {
    Operand other{node.inputs[1], terms.inputs[1]};
    other = summed(graph, node.name + "/sum2", other, terms.output + terms.inputs[0]);
    result = multiplied(graph, node.name, result, other, terms);
  }
  result = permuted(graph, node.name + "/order", result, terms.output);
  Node& last = graph.nodes[index];
  last.op = Op::Identity;
  last.attrs.clear();
  last.inputs = {result.value};
  return true;
}

// ---- a running sum along an axis: a product with a triangle of ones
std::size_t summedAxis(const Graph& graph, const Node& node) {
  return normaliseAxis(node, wholeParameter(graph, node, 1, "axis"), graph.value(node.inputs[0]).shape.size());
}

bool cumSum(Graph& graph, std::size_t index) {
  const Node node = graph.nodes[index];
  const Shape shape = graph.value(node.inputs[0]).shape;
  const std::size_t rank = shape.size();
  const std::size_t axis = summedAxis(graph, node);
  const bool exclusive = node.intAttr("exclusive", 0) != 0, backwards = node.intAttr("reverse", 0) != 0;
  const std::int64_t extent = shape[axis];
  std::vector<float> triangle;
  for (std::int64_t from = 0; from < extent; ++from)
    for (std::int64_t to = 0; to < extent; ++to) {
      const std::int64_t ahead = backwards ? from - to : to - from;
      triangle.push_back(ahead > 0 || (ahead == 0 && !exclusive) ? 1.0f : 0.0f);
    }
  Shape perm(rank), swapped = shape;
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[axis], perm[rank - 1]);
  std::swap(swapped[axis], swapped[rank - 1]);
  const ValueId weights = addFloatConstant(graph, node.name + ".ones", {extent, extent}, std::move(triangle));
  const ValueId last = appended(graph, node.name + "/last", Op::Transpose, {node.inputs[0]}, swapped, {{"perm", perm}});
  const ValueId sums = appended(graph, node.name + "/sums", Op::MatMul, {last, weights}, swapped);
  Node& back = graph.nodes[index];
  back.op = Op::Transpose;
  back.inputs = {sums};
  back.attrs = {{"perm", perm}};
  return true;
}

}  // namespace

int canonicaliseProducts(Graph& graph, PassContext& context) {
  for (const Node& node : graph.nodes) {
    if (node.op != Op::CumSum) continue;
    const std::int64_t extent = graph.value(node.inputs[0]).shape[summedAxis(graph, node)];
    chargeConstant(node, extent * extent, context);
  }
  static const std::map<Op, Rewriter> rewriters = {
      {Op::ConvTranspose, convTranspose}, {Op::Einsum, einsum}, {Op::CumSum, cumSum}};
  return rewriteEach(graph, rewriters);
}

}  // namespace relprop
