// Where the tokens of a network attend to one another, and where in the picture they lie.
#pragma once

#include <vector>

#include "explain/feature_maps.h"
#include "graph/graph.h"

namespace relprop {

// softmax(…)·V: weights [N, heads, queries, keys], row by row a share of each key.
struct AttentionLayer {
  int node = 0;  // the product
  ValueId weights = kNoValue;
  std::int64_t heads = 1, queries = 0, keys = 0;
  // Tokens attend to all tokens and are kept beside; else few queries gather from them (attention pooling).
  bool square() const { return queries == keys; }
};

// The token at each place of a grid over the picture, row by row. Tokens of no place (class, registers) are in none.
struct TokenPlaces {
  std::int64_t height = 0, width = 0;
  std::vector<std::int64_t> tokens;
};

struct AttentionLayers {
  std::vector<AttentionLayer> layers;  // from the input up
  TokenPlaces places;
};

// Of a canonical graph with shapes, and its maps. Throws NotSupportedByMethod where there is no attention, or where it
// is not one sequence of tokens from layer to layer: windows, tokens that are merged, batch and heads on one axis.
AttentionLayers attentionLayers(const Graph& graph, FeatureMaps maps);

}  // namespace relprop
