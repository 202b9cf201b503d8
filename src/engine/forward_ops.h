// op → formula or steps of its forward pass. To add an op: one function and one row in forward_ops.cpp.
#pragma once

#include <optional>

#include "engine/forward.h"

namespace relprop {

// cut: min(max(0, ·), *cut) inside the kernel (Conv only).
Expr forwardOp(Forward& forward, const Node& node, std::optional<float> cut);
bool isForwardOp(Op op);

}  // namespace relprop
