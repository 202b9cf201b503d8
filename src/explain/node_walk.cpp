// Backward through everything without weights. To add an op: one function and one row.
#include <fmt/format.h>

#include <map>

#include "explain/walk.h"
#include "relprop/error.h"

namespace relprop {
namespace {

struct Step {
  Walk& walk;
  Forward& f;
  Plan& plan;
  const Node& node;
  const Rule& rule;
  Relevance& r;

  const Graph& graph() const { return walk.graph(); }
  ValueId in(std::size_t k = 0) const { return node.inputs[k]; }
  Expr x(std::size_t k = 0) const { return f.value(node.inputs[k]); }
  const Shape& shape(std::size_t k = 0) const { return graph().value(node.inputs[k]).shape; }
  bool jacobian() const { return rule.node == NodeRule::Jacobian; }
  bool dynamic(std::size_t k) const { return !graph().isConstant(node.inputs[k]); }
  void pass(ValueId to) { walk.give(to, r); }
  void give(std::size_t k, const Expr& e) { walk.give(in(k), walk.derived(r, e)); }
};

// ---- activations: derivative as a formula of input x and output y
Expr derivative(const Step& s) {
  const Expr x = s.f.value(s.in()), y = s.f.value(s.node.outputs[0]);
  constexpr float inf = std::numeric_limits<float>::infinity();
  switch (s.node.op) {
    case Op::Relu:
      return isPositive(y);
    case Op::LeakyRelu: {
      const float a = s.node.floatAttr("alpha", 0.01f);
      return isPositive(x) * (1 - a) + a;
    }
    case Op::PRelu: {
      const Expr slope = s.f.broadcast(s.in(1), s.shape()), up = isPositive(x);
      return up + slope * (up * -1.0f + 1.0f);
    }
    case Op::Elu: {
      const Expr up = isPositive(x);
      return up + (up * -1.0f + 1.0f) * unary(Elt::Exp, negative(x)) * s.node.floatAttr("alpha", 1.0f);
    }
    case Op::Clip: {
      const float low = s.node.floatAttr("min", -inf), high = s.node.floatAttr("max", inf);
      Expr inside = x * 0.0f + 1.0f;
      if (low > -inf) inside = inside * isPositive(x + -low);
      if (high < inf) inside = inside * isPositive(x * -1.0f + high);
      return inside;
    }
    case Op::Sigmoid:
      return y * (y * -1.0f + 1.0f);
    case Op::Tanh:
      return y * y * -1.0f + 1.0f;
    case Op::HardSigmoid:
      return isPositive(y) * isPositive(y * -1.0f + 1.0f) * s.node.floatAttr("alpha", 0.2f);
    default: {  // HardSwish: 0 below −3, 1 above 3, x/3 + 1/2 between
      const Expr between = isPositive(x + 3.0f) * (isPositive(x + -3.0f) * -1.0f + 1.0f);
      return between * (x * (1.0f / 3.0f) + 0.5f) + (isPositive(x + -3.0f));
    }
  }
}

void activation(Step& s) {
  if (!s.jacobian()) return s.pass(s.in());
  s.give(0, s.r.expr * derivative(s));
}

// Relevance of an operand that was broadcast: summed over the axes along which it was repeated.
void giveBroadcast(Step& s, std::size_t k, const Expr& e) {
  if (s.shape(k) == s.graph().value(s.node.outputs[0]).shape) return s.give(k, e);
  const BufferView from = s.f.plain(s.f.materialise(e, s.node.name), s.node.name);
  const BufferView to = s.f.freshPlain(s.shape(k), s.node.name);
  s.plan.addKernel(s.node.name + " (zero)", s.plan.backend().fill(to.desc.floats(), 0), {}, {to});
  const CopySpec back = reversed(broadcastCopy(s.shape(k), from.desc.shape), true);
  s.plan.addKernel(s.node.name + " (sum)", s.plan.backend().copy(back), {from}, {to});
  s.give(k, load(s.f.canonical(to, s.node.name)));
}

// ---- products and sums with a constant, batch normalisation that stayed
Expr affineDerivative(const Step& s, std::size_t k) {
  if (s.node.op == Op::Affine) return channelConstant(*s.graph().value(s.in(1)).constant->floats, s.f.desc(s.in()));
  const Shape& shape = s.graph().value(s.node.outputs[0]).shape;
  switch (s.node.op) {
    case Op::Mul:
      return s.f.broadcast(s.in(1 - k), shape);
    case Op::Div: {
      const Expr constant = s.f.broadcast(s.in(1 - k), shape);
      if (k == 0) return divide(number(1.0f), constant);
      const Expr x = s.f.broadcast(s.in(1), shape);
      return divide(constant * -1.0f, x * x);
    }
    default:
      return number(s.node.op == Op::Sub && k == 1 ? -1.0f : 1.0f);
  }
}

void affine(Step& s) {
  const std::size_t k = s.dynamic(0) ? 0 : 1;
  if (s.jacobian()) return giveBroadcast(s, k, s.r.expr * affineDerivative(s, k));
  if (s.shape(k) == s.graph().value(s.node.outputs[0]).shape) return s.pass(s.in(k));
  giveBroadcast(s, k, s.r.expr);
}

// ---- pools
void kernelBack(Step& s, KernelPtr kernel, const std::vector<BufferView>& in, const Expr* factor) {
  const BufferView out = s.f.fresh(s.shape(), s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", std::move(kernel), in, {out});
  s.give(0, factor ? *factor * load(out) : load(out));
}

// R_i = x_i · Σ_j (share of i in j) · R_j/z_j with z the average over the window.
void shares(Step& s, PoolShape p, const BufferView& z) {
  const Expr d = load(z);
  Relevance q = s.r;
  q.expr = s.rule.epsilon == 0 ? safeDivide(s.r.expr, d) : divide(s.r.expr, stabilise(d, s.rule.epsilon));
  const BufferView sources = s.walk.store(q, s.node.name + " s");
  const Expr x = load(s.f.buffer(s.in()));
  kernelBack(s, s.plan.backend().averagePoolBackward(p), {sources}, &x);
}

void averagePool(Step& s) {
  const PoolShape p = s.f.pool(s.node);
  if (!s.jacobian()) return shares(s, p, s.f.buffer(s.node.outputs[0]));
  kernelBack(s, s.plan.backend().averagePoolBackward(p), {s.walk.store(s.r, s.node.name + " R")}, nullptr);
}

PoolShape averagingWindow(const Step& s) {
  PoolShape p = s.f.pool(s.node);
  if (s.rule.node != NodeRule::Average || s.rule.window == 0) return p;
  p.kh = p.kw = s.rule.window;
  p.pt = p.pl = p.pb = p.pr = 0;
  const auto outputs = [&](std::int64_t in, std::int64_t stride) { return in < p.kh ? 0 : (in - p.kh) / stride + 1; };
  if (outputs(p.ih, p.sh) != p.oh || outputs(p.iw, p.sw) != p.ow)
    throw Error(ErrorCode::NotSupportedByMethod, s.node.name,
                fmt::format("a window of {0}×{0} gives another size than the pool", p.kh),
                fmt::format("{}×{} outputs", p.oh, p.ow), "use maxpool=average");
  return p;
}

void maxPool(Step& s) {
  const PoolShape p = averagingWindow(s);
  const BufferView x = s.f.buffer(s.in());
  if (s.jacobian() || s.rule.node == NodeRule::Winner)
    return kernelBack(s, s.plan.backend().maxPoolBackward(p), {x, s.walk.store(s.r, s.node.name + " R")}, nullptr);
  const BufferView z = s.f.fresh(s.graph().value(s.node.outputs[0]).shape, s.node.name + " average");
  s.plan.addKernel(s.node.name + " average", s.plan.backend().averagePool(p), {x}, {z});
  shares(s, p, z);
}

// ---- additions
std::pair<Expr, Expr> residualShares(const Step& s, const Expr& a, const Expr& b) {
  switch (s.rule.node) {
    case NodeRule::Symmetric:
      return {number(0.5f), number(0.5f)};
    case NodeRule::Ratio:
      return {magnitudeShare(a, b), magnitudeShare(b, a)};
    default: {
      const Expr z = a + b;
      const auto share = [&](const Expr& h) {
        return s.rule.epsilon == 0 ? safeDivide(h, z) : divide(h, stabilise(z, s.rule.epsilon));
      };
      return {share(a), share(b)};
    }
  }
}

void residual(Step& s) {
  const float sign = s.node.op == Op::Sub ? -1.0f : 1.0f;
  if (s.jacobian()) {
    giveBroadcast(s, 0, s.r.expr);
    return giveBroadcast(s, 1, s.r.expr * sign);
  }
  const int skip = s.rule.identitySkip ? -1 : identitySkipInput(s.graph(), s.f.uses(), s.node);
  if (skip >= 0) return s.pass(s.in(static_cast<std::size_t>(1 - skip)));
  const Shape& shape = s.graph().value(s.node.outputs[0]).shape;
  const Expr a = s.f.broadcast(s.in(0), shape), b = s.f.broadcast(s.in(1), shape) * sign;
  const auto [shareA, shareB] = residualShares(s, a, b);
  giveBroadcast(s, 0, s.r.expr * shareA);
  giveBroadcast(s, 1, s.r.expr * shareB);
}

// ---- products of two computed values
bool isGateOp(Op op) {
  return op == Op::Sigmoid || op == Op::HardSigmoid || op == Op::Softmax || op == Op::Clip || op == Op::Tanh;
}

// The signal is the operand of full size; between equals, the one that is not a squashing function's output.
std::size_t signalOf(const Step& s) {
  const Shape& shape = s.graph().value(s.node.outputs[0]).shape;
  if (s.shape(0) != shape) return 1;
  if (s.shape(1) != shape || s.node.op == Op::Div) return 0;
  const int producer = s.f.uses().producer[static_cast<std::size_t>(s.in(0))];
  return producer >= 0 && isGateOp(s.graph().nodes[static_cast<std::size_t>(producer)].op) ? 1 : 0;
}

void gate(Step& s) {
  if (!s.jacobian()) return s.pass(s.in(signalOf(s)));
  const Shape& shape = s.graph().value(s.node.outputs[0]).shape;
  const Expr a = s.f.broadcast(s.in(0), shape), b = s.f.broadcast(s.in(1), shape);
  if (s.node.op == Op::Mul) {
    giveBroadcast(s, 0, s.r.expr * b);
    return giveBroadcast(s, 1, s.r.expr * a);
  }
  giveBroadcast(s, 0, divide(s.r.expr, b));
  giveBroadcast(s, 1, divide(s.r.expr * a * -1.0f, b * b));
}

// ---- normalisation, softmax
void lrn(Step& s) {
  if (!s.jacobian()) return s.pass(s.in());
  const BufferView x = s.f.buffer(s.in());
  kernelBack(s, s.plan.backend().lrnBackward(lrnOf(s.node, x.desc)), {x, s.walk.store(s.r, s.node.name + " R")},
             nullptr);
}

void softmax(Step& s) {
  if (!s.jacobian()) return s.pass(s.in());
  const SoftmaxExtents e = softmaxOf(s.graph(), s.node);
  const BufferView y = s.f.plain(s.f.buffer(s.node.outputs[0]), s.node.name);
  const BufferView g = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  const BufferView out = s.f.freshPlain(y.desc.shape, s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", s.plan.backend().softmaxBackward(e.outer, e.extent, e.inner), {y, g}, {out});
  s.give(0, load(s.f.canonical(out, s.node.name)));
}

// ---- data movement: the copy in reverse, for all methods
void moveBack(Step& s, const Move& m, const BufferView& from) {
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
bool sliceBlocks(Step& s) {
  const TensorDesc d = s.f.desc(s.node.outputs[0]);
  if (s.node.op != Op::Concat || s.node.intAttr("axis", 1) != 1 || d.block == 1) return false;
  for (ValueId id : s.node.inputs)
    if (s.f.desc(id).block != d.block || s.f.desc(id).padded()) return false;
  const BufferView r = s.walk.store(s.r, s.node.name + " R");
  std::int64_t offset = 0;
  for (ValueId id : s.node.inputs) {
    const TensorDesc part = s.f.desc(id);
    s.walk.give(id, s.walk.derived(s.r, load({r.buffer, part, r.offset + offset, d.rowFloats()})));
    offset += part.rowFloats();
  }
  return true;
}

void move(Step& s) {
  if (sliceBlocks(s)) return;
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  for (const Move& m : movesOf(s.graph(), s.node)) moveBack(s, m, from);
}

void reshape(Step& s) {
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  Relevance back{load(s.f.canonical(from.reshaped({s.shape(), 1}), s.node.name)), s.r.sum, {}};
  s.walk.give(s.in(), std::move(back));
}

void resize(Step& s) {
  const ResizeAxes a = resizeAxesOf(s.graph(), s.node);
  const BufferView from = s.f.plain(s.walk.store(s.r, s.node.name + " R"), s.node.name);
  const BufferView to = s.f.freshPlain(s.shape(), s.node.name + " back");
  s.plan.addKernel(s.node.name + " back", s.plan.backend().resizeBackward(a.planes, a.h, a.w), {from}, {to});
  s.give(0, load(s.f.canonical(to, s.node.name)));
}

using Backward = void (*)(Step&);

Backward backwardOf(const Step& s) {
  static const std::map<Role, Backward> rows = {{Role::Activation, activation},
                                                {Role::Affine, affine},
                                                {Role::MaxPool, maxPool},
                                                {Role::AveragePool, averagePool},
                                                {Role::Residual, residual},
                                                {Role::Gate, gate},
                                                {Role::Lrn, lrn},
                                                {Role::Softmax, softmax}};
  static const std::map<Op, Backward> moves = {{Op::Reshape, reshape}, {Op::Resize, resize}, {Op::Slice, move},
                                               {Op::Pad, move},        {Op::Concat, move},   {Op::Transpose, move}};
  const auto role = rows.find(roleOf(s.graph(), s.node));
  if (role != rows.end()) return role->second;
  const auto op = moves.find(s.node.op);
  if (op != moves.end()) return op->second;
  throw Error(ErrorCode::NotSupportedByMethod, s.node.name, opName(s.node.op), "an op with a backward rule");
}

}  // namespace

void walkNode(Walk& walk, const Node& node, const Rule& rule, Relevance r) {
  Step step{walk, walk.forward(), walk.plan(), node, rule, r};
  backwardOf(step)(step);
}

}  // namespace relprop
