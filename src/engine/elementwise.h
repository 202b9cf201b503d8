// Elementwise ops as expressions, by the formulas of graph/elementwise.h.
#pragma once

#include "engine/forward.h"

namespace relprop {

Expr elementwiseValue(Forward& forward, const Node& node);
// By operand `by`; all operands and the output as the forward pass has them.
Expr elementwiseDerivative(Forward& forward, const Node& node, std::size_t by = 0);

}  // namespace relprop
