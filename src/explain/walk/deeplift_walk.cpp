// The rescale rule: multipliers m, with m_i = m_j·Δy_j/Δx_i at a node y = f(x), Δ the difference to the network at the
// baseline; then Σ m_i Δx_i = m_j Δy_j, so that all contributions sum to f(x) − f(x′). [DL] Shrikumar et al., 2017,
// section 3.5.1.
#include <fmt/format.h>

#include "explain/walk/node_step.h"
#include "relprop/error.h"

namespace relprop {
namespace {

constexpr float kNear = 1e-6f;  // |Δx| below it: the quotient is rounding, the derivative stands in

Forward& baseline(const NodeStep& s) {
  return *s.walk.options().baseline;
}

Expr difference(const NodeStep& s, ValueId id) {
  return s.f.value(id) - baseline(s).value(id);
}

Expr isFar(const Expr& dx) {
  return isPositive(absolute(dx) + -kNear);
}

// What a FakeQuantize cuts off. Its rounding counts as passing values on: over a small Δx the quotient would be noise.
Expr cutOff(const NodeStep& s, Forward& f) {
  const Node& n = s.node;
  const float scale = n.floatAttr("scale", 1), zero = n.floatAttr("zero_point", 0);
  return clamp(f.value(s.in()), (n.floatAttr("low", 0) - zero) * scale, (n.floatAttr("high", 0) - zero) * scale);
}

Expr change(const NodeStep& s) {
  if (s.node.op != Op::FakeQuantize) return difference(s, s.node.outputs[0]);
  return cutOff(s, s.f) - cutOff(s, baseline(s));
}

// Activations.
void elementwise(NodeStep& s) {
  const Expr dx = difference(s, s.in()), far = isFar(dx);
  const Expr secant = safeDivide(change(s), dx);
  // Chosen, not weighed: where one is taken the other may be infinite.
  s.give(0, s.r.expr * (keptWhere(secant, far) + keptWhere(elementwiseDerivative(s.f, s.node), far * -1.0f + 1.0f)));
}

// Local response normalisation y = x·f(x's window) by the rule for products below (Backend::lrnSecant).
void normalisation(NodeStep& s) {
  const BufferView x = s.walk.expanded(s.f.buffer(s.in()), s.node.name);
  const BufferView x0 = s.walk.expanded(baseline(s).buffer(s.in()), s.node.name);
  kernelBack(s, s.plan.backend().lrnSecant(lrnOf(s.node, x.desc)), {x, x0, s.walk.store(s.r, s.node.name + " R")},
             nullptr);
}

// c/x of a constant c: Δ(c/x) = −c/(x·x′)·Δx. Other sums, products and quotients with a constant are linear.
void withConstant(NodeStep& s) {
  if (s.node.op != Op::Div || s.dynamic(0)) return affineDerivative(s);
  const Expr slope = divide(s.operand(0) * -1.0f, s.operand(1) * s.operand(1, baseline(s)));
  giveBroadcast(s, 1, s.r.expr * slope);
}

// Where the maximum grew (Δy > 0), m·Δy goes to the winner under x, where it shrank to the winner under x′, over the
// Δx found there: an element that is a winner moved at least as far as the maximum did, so the quotient is at most m.
void maxPoolOfDifferences(NodeStep& s) {
  const PoolShape p = s.f.pool(s.node), wide = withRelevanceRows(s, p);
  const Expr dy = difference(s, s.node.outputs[0]);
  const auto scattered = [&](Forward& f, const Expr& gain) {
    Relevance part{s.r.expr * gain, -1, {}};
    const BufferView x = s.walk.expanded(f.buffer(s.in()), s.node.name), r = s.walk.store(part, s.node.name + " gain");
    const BufferView out = s.f.fresh(s.shape(), s.node.name + " back");
    s.plan.addKernel(s.node.name + " back", s.plan.backend().maxPoolBackward(wide), {x, r}, {out});
    return load(out);
  };
  s.walk.store(s.r, s.node.name + " R");
  const Expr gained = scattered(s.f, positive(dy)), lost = scattered(baseline(s), negative(dy));
  s.give(0, safeDivide(gained + lost, difference(s, s.in())));
}

// Δ(ab) = Δa·(b + b′)/2 + Δb·(a + a′)/2; a/b is a·(1/b) with Δ(1/b) = −Δb/(b·b′).
void product(NodeStep& s) {
  Forward& base = baseline(s);
  const Expr a = s.operand(0) + s.operand(0, base), b = s.operand(1), b0 = s.operand(1, base);
  if (s.node.op == Op::Mul) {
    giveBroadcast(s, 0, s.r.expr * ((b + b0) * 0.5f));
    return giveBroadcast(s, 1, s.r.expr * (a * 0.5f));
  }
  giveBroadcast(s, 0, s.r.expr * divide((b + b0) * 0.5f, b * b0));
  giveBroadcast(s, 1, s.r.expr * divide(a * -0.5f, b * b0));
}

// Where the larger one of several grew (Δy > 0), m·Δy goes to the winner under x, and else to the winner under x′, over
// the Δ found there, as at max pools; of the smaller one the other way round.
void extremeOfSeveral(NodeStep& s) {
  const float sign = s.node.op == Op::Max ? 1.0f : -1.0f;
  const Expr dy = difference(s, s.node.outputs[0]) * sign;
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k) {
    if (!s.dynamic(k)) continue;
    const Expr gained = positive(dy) * elementwiseDerivative(s.f, s.node, k);
    const Expr lost = negative(dy) * elementwiseDerivative(baseline(s), s.node, k);
    const Expr dx = s.operand(k) - s.operand(k, baseline(s));
    giveBroadcast(s, k, s.r.expr * safeDivide((gained + lost) * sign, dx));
  }
}

}  // namespace

void rescaleChoice(NodeStep& s) {
  if (s.node.op != Op::Where) return extremeOfSeveral(s);
  if (s.dynamic(0))
    throw Error(ErrorCode::NotSupportedByMethod, s.node.name, "Where with a computed condition under DeepLIFT",
                "a network without it", "use integrated-gradients, which is complete for every network");
  choice(s);
}

void rescale(NodeStep& s) {
  switch (roleOf(s.graph(), s.node)) {
    case Role::Activation:
      return elementwise(s);
    case Role::Lrn:
      return normalisation(s);
    case Role::Affine:
      return withConstant(s);
    case Role::MaxPool:
      return maxPoolOfDifferences(s);
    case Role::Gate:
      return product(s);
    case Role::Linear:
    case Role::AveragePool:
    case Role::Residual:
    case Role::Normalisation:
    case Role::MatMul:
    case Role::Softmax:
    case Role::Move:
      break;
  }
  throw Error(ErrorCode::NotSupportedByMethod, s.node.name, fmt::format("{} under DeepLIFT", opName(s.node.op)),
              "a network without it", "use integrated-gradients, which is complete for every network");
}

}  // namespace relprop
