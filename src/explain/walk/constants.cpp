// What a node adds that is no multiple of its input: c = y − ∂y/∂x·x, so that y = ∂y/∂x·x + c. Of layers with weights
// and of BatchNormalization the bias, of a sum with a constant that constant, of an activation what its tangent cuts
// off at 0: nothing for ReLU, the upper bound for ReLU6 above it. [FG] Srinivas & Fleuret, NeurIPS 2019, sections 3, 5.
#include "explain/walk/linear_layer.h"
#include "explain/walk/node_step.h"
#include "graph/op_traits.h"

namespace relprop {
namespace {

Expr layerBias(Walk& walk, const Node& node, const Rule& rule) {
  LinearLayer layer(walk, node, rule.terms);
  return layer.hasBias() ? layer.bias(BiasPart::B) : nullptr;
}

// y(k·x) = k·y(x) for k > 0.
bool homogeneous(Op op) {
  return op == Op::Relu || op == Op::LeakyRelu || op == Op::PRelu || op == Op::Abs || op == Op::Neg;
}

Expr beyondTangent(NodeStep& s, std::size_t k) {
  return s.f.value(s.node.outputs[0]) - elementwiseDerivative(s.f, s.node, k) * s.operand(k);
}

Expr addedBy(NodeStep& s) {
  if (s.node.op == Op::Affine)
    return channelConstant(*s.graph().value(s.in(2)).constant->floats, s.f.desc(s.node.outputs[0]));
  const std::size_t k = s.dynamic(0) ? 0 : 1;
  const bool scales = traitsOf(s.node.op).kind == OpKind::Product && (s.node.op == Op::Mul || k == 0);
  return scales ? nullptr : beyondTangent(s, k);
}

}  // namespace

Expr constantPart(Walk& walk, const Node& node, const Rule& rule, Relevance& r) {
  NodeStep step{walk, walk.forward(), walk.plan(), node, rule, r};
  switch (roleOf(walk.graph(), node)) {
    case Role::Linear:
      return layerBias(walk, node, rule);
    case Role::Affine:
      return addedBy(step);
    case Role::Activation:
      return homogeneous(node.op) ? nullptr : beyondTangent(step, 0);
    case Role::MaxPool:
    case Role::AveragePool:
    case Role::Residual:
    case Role::Gate:
    case Role::Lrn:
    case Role::Normalisation:
    case Role::MatMul:
    case Role::Softmax:
    case Role::Move:
      break;
  }
  return nullptr;
}

}  // namespace relprop
