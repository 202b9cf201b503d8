// Backward through what attention networks are made of: layer normalisation, products of two
// computed matrices, and softmax. [AttnLRP] Achtibat et al., ICML 2024, arXiv:2402.05602, section 3.
#include <utility>

#include "explain/walk/node_step.h"

namespace relprop {
namespace {

// An activation that a kernel reads beside relevance: plain, with the rows of relevance.
BufferView wide(NodeStep& s, const Expr& activation) {
  const BufferView plain = s.f.plain(s.f.materialise(activation, s.node.name), s.node.name);
  return s.walk.expanded(plain, s.node.name);
}

BufferView plainRelevance(NodeStep& s, Relevance& r) {
  return s.f.plain(s.walk.store(r, s.node.name + " R"), s.node.name);
}

// Runs a kernel into a new plain buffer of that shape.
Expr computed(NodeStep& s, KernelPtr kernel, const std::vector<BufferView>& in, const Shape& shape,
              std::int64_t flops) {
  const BufferView out = s.f.freshPlain(shape, s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", std::move(kernel), in, {out}, flops);
  return load(s.f.canonical(out, s.node.name));
}

// What a stack of products hands to operand k, whose leading axes may have been repeated.
void giveOperand(NodeStep& s, std::size_t k, const Shape& repeated, const Expr& e) {
  if (s.shape(k) == repeated) return s.give(k, e);
  giveBroadcast(s, k, e);
}

}  // namespace

// As a linear map, the deviation being a constant: x_i·Σ_j (∂y_j/∂x_i)·R_j/stab(y_j); the bias keeps its share.
void layerNorm(NodeStep& s) {
  if (s.rule.node == NodeRule::Pass) return s.pass(s.in());
  const bool shares = s.rule.node == NodeRule::Proportional;
  LayerNormSpec spec = layerNormOf(s.graph(), s.node);
  spec.constantDeviation = shares;
  const Expr x = s.f.value(s.in());
  Relevance sources{shares ? quotient(s, s.f.value(s.node.outputs[0])) : s.r.expr, -1, std::move(s.r.pending)};
  s.r.pending.clear();
  const BufferView wideX = wide(s, x), g = plainRelevance(s, sources);
  const Expr back = computed(s, s.plan.backend().layerNormBackward(spec), {wideX, g}, s.shape(), 0);
  s.give(0, shares ? x * back : back);
}

// O = A·B. Derivative: G·Bᵀ and Aᵀ·G. Attention: A ⊙ (Q·Bᵀ) and B ⊙ (Aᵀ·Q) with Q = R/stab(2·O).
void matMul(NodeStep& s) {
  const MatmulOperands narrow = matmulOf(s.f.graph(), s.node), o = matmulOf(s.graph(), s.node);
  const MatmulSpec& m = o.spec;
  const Expr a = s.f.broadcast(s.in(0), narrow.shapes[0]), b = s.f.broadcast(s.in(1), narrow.shapes[1]);
  const bool attention = !s.jacobian();
  const Expr numerators = attention ? quotient(s, s.f.value(s.node.outputs[0]) * 2.0f) : s.r.expr;
  Relevance sources{numerators, -1, std::move(s.r.pending)};
  s.r.pending.clear();
  const BufferView g = plainRelevance(s, sources);
  Backend& backend = s.plan.backend();
  const Expr toA =
      computed(s, backend.matmul({m.batch, m.m, m.k, m.n, false, true}), {g, wide(s, b)}, o.shapes[0], m.flops());
  const Expr toB =
      computed(s, backend.matmul({m.batch, m.k, m.n, m.m, true, false}), {wide(s, a), g}, o.shapes[1], m.flops());
  giveOperand(s, 0, o.shapes[0], attention ? a * toA : toA);
  giveOperand(s, 1, o.shapes[1], attention ? b * toB : toB);
}

namespace {

// g ↦ s ⊙ (g − Σ s g): the derivative's product with g, s the output.
Expr softmaxDerivative(NodeStep& s, const BufferView& g) {
  const SoftmaxExtents e = softmaxOf(s.graph(), s.node);
  const BufferView y = wide(s, s.f.value(s.node.outputs[0]));
  return computed(s, s.plan.backend().softmaxBackward(e.outer, e.extent, e.inner), {y, g}, s.shape(), 0);
}

// ΣR along the softmax's axis, at every element of it.
Expr lineTotals(NodeStep& s, const BufferView& r) {
  Shape one = s.shape();
  one[static_cast<std::size_t>(s.node.intAttr("axis", 1))] = 1;
  const BufferView sums = s.f.freshPlain(one, s.node.name + " sums"), all = s.f.freshPlain(s.shape(), s.node.name);
  const CopySpec spread = broadcastCopy(one, s.shape());
  Backend& backend = s.plan.backend();
  s.plan.addKernel(s.node.name + " (zero)", backend.fill(sums.desc.floats(), 0), {}, {sums});
  s.plan.addKernel(s.node.name + " (sum)", backend.copy(reversed(spread, true)), {r}, {sums});
  s.plan.addKernel(s.node.name + " (broadcast)", backend.copy(spread), {sums}, {all});
  return load(s.f.canonical(all, s.node.name));
}

// x_i·(R_i − s_i·ΣR): the first-order Taylor shares at x. What is left over belongs to the expansion's constant term.
Expr softmaxShares(NodeStep& s, const BufferView& r) {
  const Expr x = s.f.value(s.in()), y = s.f.value(s.node.outputs[0]);
  return x * (load(s.f.canonical(r, s.node.name)) - y * lineTotals(s, r));
}

}  // namespace

void softmax(NodeStep& s) {
  if (s.rule.node == NodeRule::Pass) return s.pass(s.in());
  const BufferView r = plainRelevance(s, s.r);
  if (s.jacobian()) return s.give(0, softmaxDerivative(s, r));
  const Expr shares = softmaxShares(s, r);
  s.walk.absorb(s.r, Absorbed::Bias, load(s.f.canonical(r, s.node.name)) - shares);
  s.give(0, shares);
}

}  // namespace relprop
