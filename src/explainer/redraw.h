// Weights drawn anew from the output down, for the sanity check of Adebayo et al. 2018 (cascading randomisation).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Layers with weights of a canonical graph (Conv, Dense), the one nearest to the output first.
std::vector<std::string> layersFromTheTop(const Graph& graph);

// The first `layers` of them get weights and biases drawn from a normal distribution with the mean and the deviation of
// the weights they replace, so that the scale of activations stays what it was and only what was learnt is lost.
void redrawWeights(Graph& graph, int layers, std::uint64_t seed);

}  // namespace relprop
