#include "passes/narrow_integers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// Whole numbers up to here are floats.
constexpr double kExactFloats = 1 << 24;

// The least and the greatest that a value may be.
struct WholeSpan {
  double low = 0, high = 0;

  double size() const { return std::max(std::abs(low), std::abs(high)); }
  bool within(const WholeSpan& outer) const { return low >= outer.low && high <= outer.high; }
};

WholeSpan spanOfAll(std::initializer_list<double> values) {
  return {std::min(values), std::max(values)};
}

WholeSpan spanOfBoth(const WholeSpan& a, const WholeSpan& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

// All that the type holds. Wider ones are taken to be what floats hold, with room for the low end of a narrow one.
WholeSpan endsOf(IntegerKind kind) {
  if (kind.bits >= 32) return {kind.isSigned ? -kExactFloats / 2 : 0, kExactFloats / 2};
  const double half = std::ldexp(1.0, kind.bits - 1);
  return kind.isSigned ? WholeSpan{-half, half - 1} : WholeSpan{0, 2 * half - 1};
}

template <class T>
WholeSpan spanOfValues(const std::vector<T>& values) {
  if (values.empty()) return {};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {static_cast<double>(*least), static_cast<double>(*most)};
}

// Each element of the result is one of the first operand's, or of any operand's.
bool choosesOfFirst(Op op) {
  static const std::set<Op> ops = {Op::Identity, Op::Dropout, Op::Reshape,   Op::Flatten,     Op::Squeeze,
                                   Op::Slice,    Op::Split,   Op::Transpose, Op::Gather,      Op::GatherElements,
                                   Op::Expand,   Op::Tile,    Op::Unsqueeze, Op::ReduceMax,   Op::ReduceMin,
                                   Op::GatherND, Op::TopK,    Op::MaxPool,   Op::DepthToSpace};
  return ops.count(op) != 0;
}
bool choosesOfAll(Op op) {
  return op == Op::Concat || op == Op::Max || op == Op::Min;
}

class NarrowIntegers {
 public:
  explicit NarrowIntegers(Graph& graph) : graph_(graph) {}

  int run() {
    int wrapped = 0;
    for (std::size_t i = 0, count = graph_.nodes.size(); i < count; ++i) wrapped += visit(i);
    return wrapped;
  }

 private:
  bool visit(std::size_t index) {
    const ValueId out = graph_.nodes[index].outputs.at(0);
    if (!isNarrow(out)) return false;
    const Node node = graph_.nodes[index];
    const WholeSpan ends = endsOf(graph_.value(out).integers), result = spanOfResult(node, ends);
    const bool fits = result.within(ends);
    for (const ValueId id : node.outputs)
      if (isNarrow(id)) spans_[id] = fits ? result : ends;
    if (!fits) wrap(index, result, ends);
    return !fits;
  }

  bool isNarrow(ValueId id) const {
    if (id == kNoValue) return false;
    const Value& value = graph_.value(id);
    return value.dtype == DType::Int64 && !value.constant && value.integers.bits < 32;
  }

  // y = x − n·⌊(x − low)/n⌋, of n numbers from the low end on. n is a power of two, so that floats have all of it.
  void wrap(std::size_t index, const WholeSpan& result, const WholeSpan& ends) {
    const std::string name = graph_.nodes[index].name;
    if (result.size() - ends.low > kExactFloats)
      throw Error(ErrorCode::UnsupportedModel, describe(graph_.nodes[index]),
                  fmt::format("computed integers of {} bits, up to {} before they wrap around",
                              graph_.value(graph_.nodes[index].outputs[0]).integers.bits, result.size()),
                  "2^24 at most", "let the network compute with floats or with integers of 32 bits");
    const double count = ends.high - ends.low + 1;
    const Shape shape = graph_.value(graph_.nodes[index].outputs[0]).shape;
    spliceAfter(graph_, index, makeNode(name + "/wrapped", Op::Sub), shape);
    const std::size_t last = graph_.nodes.size() - 1;
    ValueId x = graph_.nodes[index].outputs[0];
    if (ends.low != 0) x = append(name, "/from-low", Op::Add, {x, number(name, "low", -ends.low)}, shape);
    x = append(name, "/turns", Op::Mul, {x, number(name, "inverse", 1 / count)}, shape);
    x = append(name, "/whole-turns", Op::Floor, {x}, shape);
    x = append(name, "/turned", Op::Mul, {x, number(name, "count", count)}, shape);
    graph_.nodes[last].inputs.push_back(x);
  }

  ValueId append(const std::string& name, const char* part, Op op, std::vector<ValueId> inputs, const Shape& shape) {
    return appendNode(graph_, makeNode(name + part, op, std::move(inputs)), shape);
  }

  ValueId number(const std::string& name, const char* what, double value) {
    return addFloatConstant(graph_, name + "." + what, {}, {static_cast<float>(value)});
  }

  WholeSpan spanOf(ValueId id) {
    const auto known = spans_.find(id);
    if (known != spans_.end()) return known->second;
    const Value& value = graph_.value(id);
    WholeSpan span = value.dtype == DType::Bool ? WholeSpan{0, 1} : endsOf(value.integers);
    if (value.constant)
      span = value.constant->ints ? spanOfValues(*value.constant->ints) : spanOfValues(*value.constant->floats);
    return spans_[id] = span;
  }

  // Without a rule of its own a result is within its type.
  WholeSpan spanOfResult(const Node& node, const WholeSpan& ends) {
    if (choosesOfFirst(node.op)) return spanOf(node.inputs[0]);
    if (node.op == Op::Where) return spanOfBoth(spanOf(node.inputs[1]), spanOf(node.inputs[2]));
    if (choosesOfAll(node.op)) return spanOfChoice(node);
    // Of floats outside of the type the standard says nothing.
    if (node.op == Op::Cast) return graph_.value(node.inputs[0]).dtype == DType::Float ? ends : spanOf(node.inputs[0]);
    if (node.inputs.size() == 1 || node.op == Op::CumSum) return spanOfOne(node, spanOf(node.inputs[0]), ends);
    if (node.op == Op::ReduceSum || node.op == Op::ReduceProd) return spanOfOne(node, spanOf(node.inputs[0]), ends);
    if (node.inputs.size() == 2) return spanOfTwo(node.op, spanOf(node.inputs[0]), spanOf(node.inputs[1]), ends);
    return ends;
  }

  WholeSpan spanOfChoice(const Node& node) {
    WholeSpan span = spanOf(node.inputs[0]);
    for (const ValueId id : node.inputs) span = spanOfBoth(span, spanOf(id));
    return span;
  }

  WholeSpan spanOfOne(const Node& node, const WholeSpan& x, const WholeSpan& ends) const {
    const auto elements = static_cast<double>(elementCount(graph_.value(node.inputs[0]).shape));
    const WholeSpan sum{std::min(0.0, x.low) * elements, std::max(0.0, x.high) * elements};
    switch (node.op) {
      case Op::Neg:
        return {-x.high, -x.low};
      case Op::Abs:
        return {0, x.size()};
      case Op::ReduceSum:
      case Op::CumSum:
        return sum;
      case Op::ReduceProd:
        return powerOf(x, elements);
      default:
        return ends;
    }
  }

  static WholeSpan powerOf(const WholeSpan& base, double exponent) {
    const double size = std::max(1.0, std::pow(base.size(), std::max(0.0, exponent)));
    return {base.low < 0 ? -size : 0, size};
  }

  static WholeSpan spanOfTwo(Op op, const WholeSpan& a, const WholeSpan& b, const WholeSpan& ends) {
    switch (op) {
      case Op::Add:
        return {a.low + b.low, a.high + b.high};
      case Op::Sub:
        return {a.low - b.high, a.high - b.low};
      case Op::Mul:
        return spanOfAll({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
      case Op::Div:  // −128 / −1
        return {a.low < 0 || b.low < 0 ? -a.size() : 0, a.size()};
      case Op::Pow:
        return powerOf(a, b.high);
      default:
        return ends;
    }
  }

  Graph& graph_;
  std::map<ValueId, WholeSpan> spans_;
};

}  // namespace

int wrapNarrowIntegers(Graph& graph) {
  return NarrowIntegers(graph).run();
}

}  // namespace relprop
