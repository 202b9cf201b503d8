#include "engine/elementwise.h"

#include "graph/op_table.h"

namespace relprop {

template <>
Expr number<Expr>(float value) {
  return number(value);
}

namespace {

Point<Expr> pointOf(Forward& f, const Node& node) {
  const bool activation = traitsOf(node.op).kind == OpKind::Activation;
  const auto operand = [&f, &node, activation](std::size_t k) {
    const ValueId id = node.inputs[k], out = node.outputs[0];
    return activation && k == 0 ? f.value(id) : f.broadcast(id, f.graph().value(out).shape);
  };
  return {node, operand};
}

}  // namespace

Expr elementwiseValue(Forward& f, const Node& node) {
  return rowOf<Expr>(node.op).formula.value(pointOf(f, node));
}

Expr elementwiseDerivative(Forward& f, const Node& node, std::size_t by) {
  Point<Expr> point = pointOf(f, node);
  point.output = [&f, &node] { return f.value(node.outputs[0]); };
  point.by = by;
  return rowOf<Expr>(node.op).formula.derivative(point);
}

}  // namespace relprop
