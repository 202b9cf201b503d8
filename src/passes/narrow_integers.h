// Computed integers of fewer than 32 bits, which are whole floats here: where they may leave their type, they are
// brought back into it as two's complement has it.
#pragma once

#include "graph/graph.h"

namespace relprop {

// Nodes still have the standard's ops. Returns the number of nodes whose results are wrapped. Throws UnsupportedModel
// where floats do not hold what is to be wrapped exactly.
int wrapNarrowIntegers(Graph& graph);

}  // namespace relprop
