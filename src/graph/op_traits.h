// What the code asks about ops, apart from their formulas: the columns of the table in op_table.h. A column that a row
// leaves out is `Unsaid`, which a test refuses.
#pragma once

#include "graph/graph.h"

namespace relprop {

enum class OpKind {
  Unsaid,
  Linear,
  Activation,  // elementwise, of one computed operand
  Sum,         // elementwise, of two operands: Add, Sub
  Product,     // elementwise, of two operands: Mul, Div
  Choice,      // elementwise: one of the operands, which the values decide
  Comparison,  // elementwise: 0 or 1
  Affine,      // by channel
  MaxPool,
  AveragePool,
  LocalResponse,
  LayerNorm,
  MatMul,
  Softmax,
  Move,  // copies of strided boxes
  Reshape,
  Resize,
  Rewritten  // passes compute it or write it as others: the canonical form has none
};

// Of the output's elements.
enum class Sign {
  Unsaid,
  Any,
  NonNegative,
  AsFirst,   // not negative where the first input is not
  AsAll,     // not negative where no input is
  ByBounds,  // Clip: as its bounds say
  ByFilling  // Pad: not negative where neither the first input is, nor the value that is filled in
};

// Does the output, squashed into an interval, gate what it is multiplied by?
enum class Gate { Unsaid, No, Yes };

// Where the batch may lie when it is not the first axis (passes/batch_first.cpp).
enum class Batch {
  Unsaid,
  First,      // nowhere else
  Anywhere,   // elementwise
  Leading,    // before the axes that weights or parameters belong to
  OffAxis,    // on any axis but that of the attribute
  Stack,      // before the two axes of the matrices
  Permuted,   // where the permutation takes it
  Regrouped,  // where the new shape has its elements
  Sliced,     // on any axis that stays whole
  Joined      // on any axis but that of the concatenation
};

struct OpTraits {
  OpKind kind = OpKind::Unsaid;
  Sign sign = Sign::Unsaid;
  Gate gate = Gate::Unsaid;
  Batch batch = Batch::Unsaid;
};

const OpTraits& traitsOf(Op op);

constexpr bool isElementwise(OpKind kind) {
  return kind == OpKind::Activation || kind == OpKind::Sum || kind == OpKind::Product || kind == OpKind::Choice ||
         kind == OpKind::Comparison;
}
inline bool isElementwise(Op op) {
  return isElementwise(traitsOf(op).kind);
}

}  // namespace relprop
