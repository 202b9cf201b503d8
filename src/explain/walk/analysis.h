// What can be proved about a graph before anything runs.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "rules/table.h"

namespace relprop {

// By value id: is every element ≥ 0 (behind a ReLU, clip at 0, pools and sums of such)? Then x⁻ = 0 and x⁺ = x.
std::vector<bool> nonNegativeValues(const Graph& graph);

// Are some of the weights that it sums with negative, as of a cubic Resize? Then what comes out may lie beyond all that
// went in.
bool overshoots(const Node& node);

// By value id: is the relevance that arrives there 0 wherever the value is 0? True when all readers hand down multiples
// of it.
std::vector<bool> vanishesWithValue(const Graph& graph, const std::vector<const Rule*>& rules);

// The input of an addition that is a skip path without learned layers (0 or 1), or -1: seen from it, backwards, an
// ancestor of the other input comes before any linear node.
int identitySkipInput(const Graph& graph, const Uses& uses, const Node& addition);

}  // namespace relprop
