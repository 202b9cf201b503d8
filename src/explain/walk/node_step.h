// One node without weights on the backward walk, and what the files of such nodes share.
#pragma once

#include "engine/elementwise.h"
#include "explain/walk/walk.h"

namespace relprop {

struct NodeStep {
  Walk& walk;
  Forward& f;
  Plan& plan;
  const Node& node;
  const Rule& rule;
  Relevance& r;

  // The graph with the shapes of relevance; operands of the forward pass have fewer rows where an image has several
  // targets.
  const Graph& graph() const { return walk.graph(); }
  ValueId in(std::size_t k = 0) const { return node.inputs[k]; }
  const Shape& shape(std::size_t k = 0) const { return graph().value(node.inputs[k]).shape; }
  const Shape& outputShape() const { return graph().value(node.outputs[0]).shape; }
  bool jacobian() const { return rule.node == NodeRule::Jacobian; }
  bool dynamic(std::size_t k) const { return !graph().isConstant(node.inputs[k]); }
  // Input k, broadcast to the output's shape; of the forward pass, or of another one.
  Expr operand(std::size_t k) const { return operand(k, f); }
  Expr operand(std::size_t k, Forward& of) const { return of.broadcast(in(k), f.graph().value(node.outputs[0]).shape); }
  void pass(ValueId to) { walk.give(to, r); }
  void give(std::size_t k, const Expr& e) { walk.give(in(k), walk.derived(r, e)); }
};

// Hands `e`, of the output's shape, to input k: summed over the axes along which the input was repeated.
void giveBroadcast(NodeStep& s, std::size_t k, const Expr& e);
// R/stab(z), or safe division; what is lost by either goes to the ledger.
Expr quotient(NodeStep& s, const Expr& z);
// Runs a kernel into a new buffer and hands it, times `factor` if there is one, to input 0.
void kernelBack(NodeStep& s, KernelPtr kernel, const std::vector<BufferView>& in, const Expr* factor);
// For a rule that no table puts at such a node.
[[noreturn]] void doesNotFit(const NodeStep& s);
// A pool's shape with the rows of relevance.
PoolShape withRelevanceRows(const NodeStep& s, PoolShape p);

// node_walk.cpp: the derivative of a sum, product or quotient with a constant; all to the operand that was chosen.
void affineDerivative(NodeStep& s);
void choice(NodeStep& s);

// attention_walk.cpp: nodes of attention networks.
void layerNorm(NodeStep& s);
void matMul(NodeStep& s);
void softmax(NodeStep& s);

// DeepLIFT's rescale rule at any node without weights, and what it does where one of the operands is chosen
// (deeplift_walk.cpp).
void rescale(NodeStep& s);
void rescaleChoice(NodeStep& s);

}  // namespace relprop
