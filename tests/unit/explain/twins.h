// Every linear rule once more, written from its formula: explicit loops over the contributions z_ij = x_i·w_ij of one
// image, in double precision.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop::test {

// A linear node of one image as a list of weights.
struct Layer {
  struct Tap {
    std::size_t input;
    double weight;
  };
  std::size_t inputs = 0;
  std::vector<std::vector<Tap>> taps;  // by output: the inputs it sees, padding left out
  std::vector<double> bias;            // by output, or empty
  std::vector<double> low, high;       // by input, for zbox with the pixel range

  double b(std::size_t j) const { return bias.empty() ? 0 : bias[j]; }
};

// The Conv or Dense node as such a list.
Layer layerOf(const Graph& graph, const Node& node);

// Relevance of the inputs by the rule of that text ("epsilon:0.1", "zplus:bias=drop", …).
std::vector<double> twin(const std::string& rule, const Layer& layer, const std::vector<double>& x,
                         const std::vector<double>& r);
std::vector<double> outputsOf(const Layer& layer, const std::vector<double>& x);

}  // namespace relprop::test
