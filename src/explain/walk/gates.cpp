#include "explain/walk/gates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/op_table.h"

namespace relprop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr ValueRange kAnything = {-kInfinity, kInfinity};

// A hard sigmoid is a clip, to 0…1; what is cut to 0…6 and divided by 6 is one as well.
constexpr double kGateWidth = 1 + 1e-5;

// ∞ − ∞ and the like say nothing.
ValueRange between(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return kAnything;
  return {std::min(a, b), std::max(a, b)};
}

ValueRange hull(const ValueRange& a, const ValueRange& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

// 0·∞ is 0: a factor that is always 0.
double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

ValueRange product(const ValueRange& a, const ValueRange& b) {
  const auto [low, high] =
      std::minmax({times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high)});
  return between(low, high);
}

ValueRange inverse(const ValueRange& x) {
  if (x.low < 0 && x.high > 0) return kAnything;
  return x.high <= 0 ? between(x.high == 0 ? -kInfinity : 1 / x.high, 1 / x.low)
                     : between(1 / x.high, x.low == 0 ? kInfinity : 1 / x.low);
}

ValueRange rangeOf(const Constant& c) {
  if (!c.floats || c.floats->empty()) return kAnything;
  const auto [low, high] = std::minmax_element(c.floats->begin(), c.floats->end());
  return between(*low, *high);
}

double formulaAt(const Node& n, double x) {
  return rowOf<double>(n.op).formula.value({n, [x](std::size_t) { return x; }});
}

// Functions that grow, or fall, everywhere: what lies between is what the ends become.
constexpr Op kMonotone[] = {Op::Relu, Op::LeakyRelu, Op::Elu,      Op::Clip, Op::Sigmoid, Op::HardSigmoid,
                            Op::Tanh, Op::Erf,       Op::Softplus, Op::Sqrt, Op::Neg,     Op::Exp,
                            Op::Log,  Op::Sign,      Op::Floor,    Op::Ceil, Op::Round};

ValueRange activation(const Node& n, const ValueRange& x) {
  if ((n.op == Op::LeakyRelu || n.op == Op::Elu) && n.floatAttr("alpha", 1) < 0) return kAnything;  // falls, then grows
  if (std::find(std::begin(kMonotone), std::end(kMonotone), n.op) != std::end(kMonotone))
    return between(formulaAt(n, x.low), formulaAt(n, x.high));
  if (n.op == Op::FakeQuantize) return x;  // rounds; that it also cuts off says nothing of what the value is for
  if (n.op == Op::Reciprocal) return inverse(x);
  if (n.op == Op::Softsign || n.op == Op::Sin || n.op == Op::Cos) return {-1, 1};
  if (n.op == Op::Abs) return {std::max({0.0, x.low, -x.high}), std::max(-x.low, x.high)};
  return traitsOf(n.op).sign == Sign::NonNegative ? ValueRange{0, kInfinity} : kAnything;
}

class Ranges {
 public:
  explicit Ranges(const Graph& graph) : graph_(graph), all_(graph.values.size(), kAnything) {
    for (const Node& n : graph.nodes) all_[static_cast<std::size_t>(n.outputs[0])] = result(n);
  }
  std::vector<ValueRange> take() { return std::move(all_); }

 private:
  ValueRange in(const Node& n, std::size_t k) const {
    const Value& v = graph_.value(n.inputs[k]);
    return v.constant ? rangeOf(*v.constant) : all_[static_cast<std::size_t>(n.inputs[k])];
  }

  ValueRange hullOf(const Node& n, std::size_t first = 0) const {
    ValueRange all = in(n, first);
    for (std::size_t k = first + 1; k < n.inputs.size(); ++k) all = hull(all, in(n, k));
    return all;
  }

  ValueRange sum(const Node& n) const {
    const ValueRange a = in(n, 0), b = in(n, 1);
    return n.op == Op::Sub ? between(a.low - b.high, a.high - b.low) : between(a.low + b.low, a.high + b.high);
  }

  ValueRange choice(const Node& n) const {
    if (n.op == Op::Where) return hullOf(n, 1);
    const ValueRange a = in(n, 0), b = in(n, 1);
    return n.op == Op::Max ? between(std::max(a.low, b.low), std::max(a.high, b.high))
                           : between(std::min(a.low, b.low), std::min(a.high, b.high));
  }

  ValueRange affine(const Node& n) const {
    const auto &scale = *graph_.value(n.inputs[1]).constant->floats,
               &shift = *graph_.value(n.inputs[2]).constant->floats;
    ValueRange all = {kInfinity, -kInfinity};
    for (std::size_t c = 0; c < scale.size(); ++c) {
      const ValueRange scaled = product(in(n, 0), {scale[c], scale[c]});
      all = hull(all, between(scaled.low + shift[c], scaled.high + shift[c]));
    }
    return all;
  }

  ValueRange matMul(const Node& n) const {
    const auto terms = static_cast<double>(graph_.value(n.inputs[0]).shape.back());
    return product(product(in(n, 0), in(n, 1)), {terms, terms});
  }

  // Sums along an axis with weights of their own; each output has as many.
  ValueRange weighted(const Node& n) const {
    const std::vector<float> weights = n.floatsAttr("weights");
    const auto outputs =
        static_cast<std::size_t>(graph_.value(n.outputs[0]).shape[static_cast<std::size_t>(n.intAttr("axis", 1))]);
    const std::size_t taps = weights.size() / outputs;
    ValueRange all = {kInfinity, -kInfinity};
    for (std::size_t o = 0; o < outputs; ++o) {
      ValueRange total = {0, 0};
      for (std::size_t k = 0; k < taps; ++k) {
        const double w = weights[o * taps + k];
        const ValueRange part = product(in(n, 0), {w, w});
        total = between(total.low + part.low, total.high + part.high);
      }
      all = hull(all, total);
    }
    return all;
  }

  // What is filled in, or counted in at a border, besides the input.
  ValueRange withFilling(const Node& n) const {
    const double value = n.floatAttr("value", 0);
    return hull(in(n, 0), {value, value});
  }

  ValueRange arithmetic(const Node& n) const {
    switch (traitsOf(n.op).kind) {
      case OpKind::Activation:
        return activation(n, in(n, 0));
      case OpKind::Sum:
        return sum(n);
      case OpKind::Product:
        return product(in(n, 0), n.op == Op::Div ? inverse(in(n, 1)) : in(n, 1));
      case OpKind::Choice:
        return choice(n);
      case OpKind::Comparison:
      case OpKind::Softmax:
        return {0, 1};
      case OpKind::Affine:
        return affine(n);
      case OpKind::MatMul:
        return matMul(n);
      case OpKind::MaxPool:
      case OpKind::Reshape:
        return in(n, 0);
      case OpKind::Resize:
        return n.has("axis") ? weighted(n) : in(n, 0);
      case OpKind::AveragePool:
        return withFilling(n);
      case OpKind::Move:
        return n.op == Op::Pad || n.op == Op::Take ? withFilling(n) : hullOf(n);
      case OpKind::Linear:
      case OpKind::LocalResponse:
      case OpKind::LayerNorm:
      case OpKind::Rewritten:
      case OpKind::Unsaid:
        break;
    }
    return kAnything;
  }

  // Is an operand that had no bounds, or was cut off, squashed here?
  bool squashes(const Node& n) const { return traitsOf(n.op).gate == Gate::Yes && n.op != Op::Clip; }

  bool isCut(const Node& n) const {
    if (squashes(n)) return false;
    bool cut = false, open = false;
    for (std::size_t k = 0; k < n.inputs.size(); ++k) {
      if (n.inputs[k] == kNoValue || graph_.isConstant(n.inputs[k])) continue;
      cut = cut || in(n, k).cut;
      open = open || !in(n, k).bounded();
    }
    return cut || (open && (n.op == Op::Clip || traitsOf(n.op).kind == OpKind::Choice));
  }

  ValueRange result(const Node& n) const {
    ValueRange r = arithmetic(n);
    r.cut = r.bounded() && isCut(n) && r.high - r.low > kGateWidth;
    return r;
  }

  const Graph& graph_;
  std::vector<ValueRange> all_;
};

bool isWeighting(const ValueRange& r) {
  return r.bounded() && !r.cut && (r.low >= 0 || r.high <= 0);
}

int boundedness(const ValueRange& r) {
  if (!r.bounded()) return 0;
  return r.cut ? 1 : 2;
}

}  // namespace

bool ValueRange::bounded() const {
  return std::isfinite(low) && std::isfinite(high);
}

std::vector<ValueRange> valueRanges(const Graph& graph) {
  return Ranges(graph).take();
}

Signal signalOf(const Graph& graph, const std::vector<ValueRange>& ranges, const Node& product) {
  if (product.op == Op::Div) return Signal::First;
  const auto range = [&](std::size_t k) { return ranges[static_cast<std::size_t>(product.inputs[k])]; };
  const auto full = [&](std::size_t k) {
    return graph.value(product.inputs[k]).shape == graph.value(product.outputs[0]).shape;
  };
  const auto gateIs = [](bool first) { return first ? Signal::Second : Signal::First; };
  if (isWeighting(range(0)) != isWeighting(range(1))) return gateIs(isWeighting(range(0)));
  if (full(0) != full(1)) return gateIs(full(1));
  if (boundedness(range(0)) != boundedness(range(1))) return gateIs(boundedness(range(0)) > boundedness(range(1)));
  return Signal::Both;
}

std::vector<Signal> signalsOf(const Graph& graph) {
  const std::vector<ValueRange> ranges = valueRanges(graph);
  std::vector<Signal> all(graph.nodes.size(), Signal::First);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& n = graph.nodes[i];
    const bool constant = std::any_of(n.inputs.begin(), n.inputs.end(),
                                      [&](ValueId id) { return id != kNoValue && graph.isConstant(id); });
    if (traitsOf(n.op).kind == OpKind::Product && !constant) all[i] = signalOf(graph, ranges, n);
  }
  return all;
}

}  // namespace relprop
