// Evaluates nodes all of whose inputs are constants.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "graph/shape_inference.h"

namespace relprop {

bool canEvaluate(const Node& node);

// The outputs of a node whose inputs are constants and whose output types are inferred. Payloads are shared with the
// inputs where the values stay the same (Reshape, Identity, ...).
std::vector<Constant> evaluate(const Graph& graph, const Node& node, const std::vector<ValueType>& types);

// Whether evaluating allocates nothing of the size of the output.
bool sharesPayload(const Node& node);

}  // namespace relprop
