// What a rule does to the relevance of a linear node's whole input once all messages are in.
#pragma once

#include "explain/walk/walk.h"

namespace relprop {

// raw: R̄ of the input, as the messages give it. arrived: ΣR at the node's output.
Expr afterStep(Walk& walk, const Node& node, After after, const Expr& raw, ScalarId arrived);

}  // namespace relprop
