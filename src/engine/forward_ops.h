// op → formula or steps of its forward pass. To add an op: one function and one row in forward_ops.cpp.
#pragma once

#include "engine/forward.h"

namespace relprop {

// relu: max(0, ·) inside the kernel (Conv only).
Expr forwardOp(Forward& forward, const Node& node, bool relu);
bool isForwardOp(Op op);

}  // namespace relprop
