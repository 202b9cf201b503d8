// Backward through everything without weights. To add an op that is not elementwise: one function and one case. What
// compares with a baseline stands in deeplift_walk.cpp, what attention networks are made of in attention_walk.cpp.
#include <fmt/format.h>

#include <limits>

#include "explain/walk/node_step.h"
#include "graph/op_traits.h"
#include "relprop/error.h"

namespace relprop {

// Relevance of an operand that was broadcast: summed over the axes along which it was repeated.
void giveBroadcast(NodeStep& s, std::size_t k, const Expr& e) {
  if (s.shape(k) == s.outputShape()) return s.give(k, e);
  const BufferView from = s.f.plain(s.f.materialise(e, s.node.name), s.node.name);
  const BufferView to = s.f.freshPlain(s.shape(k), s.node.name);
  s.plan.addKernel(s.node.name + " (zero)", s.plan.backend().fill(to.desc.floats(), 0), {}, {to});
  const CopySpec back = reversed(broadcastCopy(s.shape(k), from.desc.shape), true);
  s.plan.addKernel(s.node.name + " (sum)", s.plan.backend().copy(back), {from}, {to});
  s.give(k, load(s.f.canonical(to, s.node.name)));
}

void kernelBack(NodeStep& s, KernelPtr kernel, const std::vector<BufferView>& in, const Expr* factor) {
  const BufferView out = s.f.fresh(s.shape(), s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", std::move(kernel), in, {out});
  s.give(0, factor ? *factor * load(out) : load(out));
}

Expr quotient(NodeStep& s, const Expr& z) {
  if (s.rule.epsilon == 0) {
    const Expr q = safeDivide(s.r.expr, z);
    s.walk.absorb(s.r, Absorbed::ZeroDenominator, s.r.expr * (nonZero(q) * -1.0f + 1.0f));
    return q;
  }
  const Expr stable = stabilise(z, s.rule.epsilon), q = divide(s.r.expr, stable);
  s.walk.absorb(s.r, Absorbed::Stabiliser, q * (stable - z));
  return q;
}

void doesNotFit(const NodeStep& s) {
  throw Error(ErrorCode::Internal, s.node.name, fmt::format("rule '{}' at {}", s.rule.text, opName(s.node.op)));
}

PoolShape withRelevanceRows(const NodeStep& s, PoolShape p) {
  p.n *= s.walk.targets();
  return p;
}

namespace {

void passTo(NodeStep& s, std::size_t k) {
  if (s.shape(k) == s.outputShape()) return s.pass(s.in(k));
  giveBroadcast(s, k, s.r.expr);
}

// ---- activations
// Rounding is no nonlinearity of the network, whose methods that rectify leave it alone.
Expr rectified(const NodeStep& s) {
  return s.node.op == Op::FakeQuantize ? s.r.expr : positive(s.r.expr);
}

// A Clip is the difference of two ReLUs, one for each of its bounds.
Expr softplusDerivative(NodeStep& s) {
  if (s.node.op != Op::Relu && s.node.op != Op::Clip) return elementwiseDerivative(s.f, s.node);
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const bool clip = s.node.op == Op::Clip;
  const float low = clip ? s.node.floatAttr("min", -kNone) : 0, high = clip ? s.node.floatAttr("max", kNone) : kNone;
  const Expr x = s.f.value(s.in());
  const auto step = [&](float at) { return sigmoid((x + -at) * s.rule.beta); };
  if (low > -kNone && high < kNone) return step(low) - step(high);
  if (low > -kNone) return step(low);
  return high < kNone ? step(high) * -1.0f + 1.0f : elementwiseDerivative(s.f, s.node);
}

void activation(NodeStep& s) {
  switch (s.rule.node) {
    case NodeRule::Pass:
      return s.pass(s.in());
    case NodeRule::Jacobian:
      return s.give(0, s.r.expr * elementwiseDerivative(s.f, s.node));
    case NodeRule::Guided:
      return s.give(0, rectified(s) * elementwiseDerivative(s.f, s.node));
    case NodeRule::Deconv:
      return s.give(0, rectified(s));
    case NodeRule::Smooth:
      return s.give(0, s.r.expr * softplusDerivative(s));
    case NodeRule::Winner:
    case NodeRule::Average:
    case NodeRule::Proportional:
    case NodeRule::Ratio:
    case NodeRule::Symmetric:
    case NodeRule::Agreeing:
    case NodeRule::Gate:
    case NodeRule::Rescale:
    case NodeRule::Attention:
      break;
  }
  doesNotFit(s);
}

// ---- products and sums with a constant, batch normalisation that stayed
std::size_t computedOperand(const NodeStep& s) {
  return s.dynamic(0) ? 0 : 1;
}

Expr factorOf(const NodeStep& s, std::size_t k) {
  if (s.node.op == Op::Affine) return channelConstant(*s.graph().value(s.in(1)).constant->floats, s.f.desc(s.in()));
  return elementwiseDerivative(s.f, s.node, k);
}

void affine(NodeStep& s) {
  if (s.jacobian()) return affineDerivative(s);
  const std::size_t k = computedOperand(s);
  const bool scales = traitsOf(s.node.op).kind == OpKind::Product;
  if (s.rule.node == NodeRule::Proportional && !scales) {  // a sum with a constant, which keeps its share
    const Expr z = s.f.value(s.node.outputs[0]), q = quotient(s, z), own = factorOf(s, k) * s.operand(k);
    s.walk.absorb(s.r, Absorbed::Bias, q * (z - own));
    return giveBroadcast(s, k, q * own);
  }
  passTo(s, k);
}

// ---- pools
// R_i = x_i · Σ_j (share of i in j) · R_j/z_j with z the average over the window.
void shares(NodeStep& s, const PoolShape& p, const BufferView& z) {
  const Expr q = quotient(s, load(z));
  Relevance sources{q, -1, std::move(s.r.pending)};
  s.r.pending.clear();
  const BufferView stored = s.walk.store(sources, s.node.name + " s");
  const Expr x = load(s.f.buffer(s.in()));
  kernelBack(s, s.plan.backend().averagePoolBackward(withRelevanceRows(s, p)), {stored}, &x);
}

void maxPoolBack(NodeStep& s, const PoolShape& p, const BufferView& x) {
  const BufferView r = s.walk.store(s.r, s.node.name + " R");
  kernelBack(s, s.plan.backend().maxPoolBackward(withRelevanceRows(s, p)), {s.walk.expanded(x, s.node.name), r},
             nullptr);
}

void averagePool(NodeStep& s) {
  const PoolShape p = s.f.pool(s.node);
  if (!s.jacobian()) return shares(s, p, s.f.buffer(s.node.outputs[0]));
  kernelBack(s, s.plan.backend().averagePoolBackward(withRelevanceRows(s, p)), {s.walk.store(s.r, s.node.name + " R")},
             nullptr);
}

PoolShape averagingWindow(const NodeStep& s) {
  PoolShape p = s.f.pool(s.node);
  if (s.rule.node != NodeRule::Average || s.rule.window == 0) return p;
  p.kh = p.ih == 1 ? 1 : s.rule.window, p.kw = s.rule.window;  // a signal has one row
  p.dh = p.dw = 1;
  p.pt = p.pl = p.pb = p.pr = 0;
  const auto outputs = [&](std::int64_t in, std::int64_t stride) { return in < p.kh ? 0 : (in - p.kh) / stride + 1; };
  if (outputs(p.ih, p.sh) != p.oh || outputs(p.iw, p.sw) != p.ow)
    throw Error(ErrorCode::NotSupportedByMethod, s.node.name,
                fmt::format("a window of {}×{} gives another size than the pool", p.kh, p.kw),
                fmt::format("{}×{} outputs", p.oh, p.ow), "use maxpool=average");
  return p;
}

void maxPool(NodeStep& s) {
  const PoolShape p = averagingWindow(s);
  const BufferView x = s.f.buffer(s.in());
  if (s.jacobian() || s.rule.node == NodeRule::Winner) return maxPoolBack(s, p, x);
  const BufferView z = s.f.fresh(s.f.graph().value(s.node.outputs[0]).shape, s.node.name + " average");
  s.plan.addKernel(s.node.name + " average", s.plan.backend().averagePool(p), {x}, {z});
  shares(s, p, z);
}

// ---- additions
std::pair<Expr, Expr> proportionalShares(const NodeStep& s, const Expr& a, const Expr& b) {
  const Expr z = a + b;
  const auto share = [&](const Expr& h) {
    return s.rule.epsilon == 0 ? safeDivide(h, z) : divide(h, stabilise(z, s.rule.epsilon));
  };
  return {share(a), share(b)};
}

// c_s/(c_s + c_m), 0 where that is 0/0. Which sign h and the sum have is asked of each: their product may underflow.
std::pair<Expr, Expr> agreeingShares(const NodeStep& s, const Expr& a, const Expr& b) {
  const Expr z = a + b;
  const auto weighed = [&](const Expr& h) {
    const Expr agrees = isPositive(h) * isPositive(z) + isPositive(h * -1.0f) * isPositive(z * -1.0f);
    return h + h * agrees * s.rule.gamma;
  };
  const Expr first = weighed(a), second = weighed(b), sum = first + second;
  return {safeDivide(first, sum), safeDivide(second, sum)};
}

std::pair<Expr, Expr> residualShares(const NodeStep& s, const Expr& a, const Expr& b) {
  switch (s.rule.node) {
    case NodeRule::Symmetric:
      return {number(0.5f), number(0.5f)};
    case NodeRule::Ratio:
      return {magnitudeShare(a, b), magnitudeShare(b, a)};
    case NodeRule::Proportional:
      return proportionalShares(s, a, b);
    case NodeRule::Agreeing:
      return agreeingShares(s, a, b);
    case NodeRule::Pass:
    case NodeRule::Jacobian:
    case NodeRule::Winner:
    case NodeRule::Average:
    case NodeRule::Gate:
    case NodeRule::Guided:
    case NodeRule::Deconv:
    case NodeRule::Smooth:
    case NodeRule::Rescale:
    case NodeRule::Attention:
      break;
  }
  doesNotFit(s);
}

// What the shares leave over: `proportional` and `residual-gamma` do not send everything on.
void recordLoss(NodeStep& s, const Expr& a, const Expr& b, const std::pair<Expr, Expr>& shares) {
  const bool proportional = s.rule.node == NodeRule::Proportional;
  if (!proportional && s.rule.node != NodeRule::Agreeing) return;
  if (!proportional || s.rule.epsilon == 0) {
    const Expr sent = absolute(shares.first) + absolute(shares.second);
    return s.walk.absorb(s.r, Absorbed::ZeroDenominator, s.r.expr * (nonZero(sent) * -1.0f + 1.0f));
  }
  const Expr z = a + b, stable = stabilise(z, s.rule.epsilon);
  s.walk.absorb(s.r, Absorbed::Stabiliser, divide(s.r.expr, stable) * (stable - z));
}

void residual(NodeStep& s) {
  const float sign = s.node.op == Op::Sub ? -1.0f : 1.0f;
  if (s.jacobian()) {
    giveBroadcast(s, 0, s.r.expr);
    return giveBroadcast(s, 1, s.r.expr * sign);
  }
  const int skip = s.rule.identitySkip ? -1 : identitySkipInput(s.graph(), s.f.uses(), s.node);
  if (skip >= 0) return passTo(s, static_cast<std::size_t>(1 - skip));
  const Expr a = s.operand(0), b = s.operand(1) * sign;
  const std::pair<Expr, Expr> shares = residualShares(s, a, b);
  recordLoss(s, a, b, shares);
  giveBroadcast(s, 0, s.r.expr * shares.first);
  giveBroadcast(s, 1, s.r.expr * shares.second);
}

// ---- products of two computed values
// All to the signal. R/2 to each of two equals keeps ΣR, as their shares in a product are the same: a·∂(ab)/∂a =
// b·∂(ab)/∂b.
void toSignal(NodeStep& s) {
  switch (s.walk.signal(s.node)) {
    case Signal::First:
      return passTo(s, 0);
    case Signal::Second:
      return passTo(s, 1);
    case Signal::Both:
      giveBroadcast(s, 0, s.r.expr * 0.5f);
      return giveBroadcast(s, 1, s.r.expr * 0.5f);
  }
}

void gate(NodeStep& s) {
  if (!s.jacobian()) return toSignal(s);
  const Expr a = s.operand(0), b = s.operand(1);
  if (s.node.op == Op::Mul) {
    giveBroadcast(s, 0, s.r.expr * b);
    return giveBroadcast(s, 1, s.r.expr * a);
  }
  giveBroadcast(s, 0, divide(s.r.expr, b));
  giveBroadcast(s, 1, divide(s.r.expr * a * -1.0f, b * b));
}

// ---- normalisation
void lrn(NodeStep& s) {
  if (!s.jacobian()) return s.pass(s.in());
  const BufferView x = s.walk.expanded(s.f.buffer(s.in()), s.node.name);
  kernelBack(s, s.plan.backend().lrnBackward(lrnOf(s.node, x.desc)), {x, s.walk.store(s.r, s.node.name + " R")},
             nullptr);
}

// ---- data movement: the copy in reverse, for all methods
void moveBack(NodeStep& s, const Move& m, const BufferView& from) {
  const auto k = static_cast<std::size_t>(m.input);
  const BufferView to = s.f.freshPlain(s.shape(k), s.node.name + " back");
  // Elements that were not read (Slice) get nothing.
  if (s.node.op == Op::Slice)
    s.plan.addKernel(s.node.name + " (zero)", s.plan.backend().fill(to.desc.floats(), 0), {}, {to});
  CopySpec back = reversed(m.copy, false);
  s.plan.addKernel(s.node.name + " back", s.plan.backend().copy(back), {from}, {to});
  s.give(k, load(s.f.canonical(to, s.node.name)));
}

// A concatenation along whole channel blocks: each part is a slice of the stored relevance, nothing is copied.
bool sliceBlocks(NodeStep& s) {
  const TensorDesc d = s.walk.desc(s.node.outputs[0]);
  if (s.node.op != Op::Concat || s.node.intAttr("axis", 1) != 1 || d.block == 1) return false;
  for (ValueId id : s.node.inputs)
    if (s.walk.desc(id).block != d.block || s.walk.desc(id).padded()) return false;
  const BufferView r = s.walk.store(s.r, s.node.name + " R");
  std::int64_t offset = 0;
  for (ValueId id : s.node.inputs) {
    const TensorDesc part = s.walk.desc(id);
    if (!s.graph().isConstant(id))
      s.walk.give(id, s.walk.derived(s.r, load({r.buffer, part, r.offset + offset, d.rowFloats()})));
    offset += part.rowFloats();
  }
  return true;
}

// Channels last: each part is a column of every position.
void takeColumns(NodeStep& s) {
  const BufferView from = s.walk.store(s.r, s.node.name + " R");
  std::int64_t first = 0;
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k) {
    const TensorDesc part = s.walk.desc(s.in(k));
    if (s.dynamic(k)) {
      const BufferView to = s.f.fresh(s.shape(k), s.node.name + " back");
      const CopySpec back = reversed(columnsCopy(part, from.desc, first), false);
      s.plan.addKernel(s.node.name + " back", s.plan.backend().copy(back), {from}, {to});
      s.give(k, load(to));
    }
    first += part.channels();
  }
}

void move(NodeStep& s) {
  if (concatenatesColumns(s.f, s.node)) return takeColumns(s);
  if (sliceBlocks(s)) return;
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  for (const Move& m : movesOf(s.graph(), s.node))
    if (s.dynamic(static_cast<std::size_t>(m.input))) moveBack(s, m, from);
}

void reshape(NodeStep& s) {
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  Relevance back{load(s.f.canonical(from.reshaped({s.shape(), 1}), s.node.name)), s.r.sum, {}, s.r.scale};
  s.walk.give(s.in(), std::move(back));
}

void resize(NodeStep& s) {
  const ResizeAxes a = resizeAxesOf(s.graph(), s.node);
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  const BufferView to = s.f.freshPlain(s.shape(), s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", s.plan.backend().resizeBackward(a.planes, a.h, a.w), {from}, {to});
  s.give(0, load(s.f.canonical(to, s.node.name)));
}

// A step function is a constant where it does not jump: what arrives stays there.
void comparison(NodeStep& s) {
  s.walk.absorb(s.r, Absorbed::Bias, s.r.expr);
}

// ---- one case a role
void moveOf(NodeStep& s) {
  const OpKind kind = traitsOf(s.node.op).kind;
  if (kind == OpKind::Choice) return s.walk.options().baseline ? rescaleChoice(s) : choice(s);
  if (kind == OpKind::Comparison) return comparison(s);
  if (s.node.op == Op::DynamicFakeQuantize) return s.pass(s.in());
  if (kind == OpKind::Reshape) return reshape(s);
  return kind == OpKind::Resize || s.node.op == Op::Take ? resize(s) : move(s);
}

void backward(NodeStep& s) {
  switch (roleOf(s.graph(), s.node)) {
    case Role::Activation:
      return activation(s);
    case Role::Affine:
      return affine(s);
    case Role::MaxPool:
      return maxPool(s);
    case Role::AveragePool:
      return averagePool(s);
    case Role::Residual:
      return residual(s);
    case Role::Gate:
      return gate(s);
    case Role::Lrn:
      return lrn(s);
    case Role::Normalisation:
      return layerNorm(s);
    case Role::MatMul:
      return matMul(s);
    case Role::Softmax:
      return softmax(s);
    case Role::Move:
      return moveOf(s);
    case Role::Linear:  // linear_walk.cpp
      break;
  }
  doesNotFit(s);
}

}  // namespace

void affineDerivative(NodeStep& s) {
  const std::size_t k = computedOperand(s);
  giveBroadcast(s, k, s.r.expr * factorOf(s, k));
}

// All to the operand that was chosen, for all methods but DeepLIFT.
void choice(NodeStep& s) {
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k)
    if (s.dynamic(k)) giveBroadcast(s, k, s.r.expr * elementwiseDerivative(s.f, s.node, k));
}

void walkNode(Walk& walk, const Node& node, const Rule& rule, Relevance r) {
  NodeStep step{walk, walk.forward(), walk.plan(), node, rule, r};
  if (rule.node == NodeRule::Rescale) return rescale(step);
  backward(step);
}

}  // namespace relprop
