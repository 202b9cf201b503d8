// What a rule does to the relevance of a linear node's whole input once all messages are in.
#pragma once

#include "explain/walk/walk.h"

namespace relprop {

// raw: R̄ of the input, as the messages give it, from the relevance `arrived` at the node's output. Relevance that grew
// beyond 2^64 is divided by a power of two, which goes into arrived.scale.
Expr afterStep(Walk& walk, const Node& node, After after, const Expr& raw, Relevance& arrived);

}  // namespace relprop
