#include "explainer/redraw.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace relprop {
namespace {

std::vector<std::size_t> nodesFromTheTop(const Graph& graph) {
  std::vector<std::size_t> nodes;
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    if (graph.nodes[i].op == Op::Conv || graph.nodes[i].op == Op::Dense) nodes.push_back(i);
  return nodes;
}

struct Spread {
  double mean = 0, deviation = 0;
};

Spread spreadOf(const std::vector<float>& values) {
  Spread s;
  if (values.empty()) return s;
  for (const float v : values) s.mean += v;
  s.mean /= static_cast<double>(values.size());
  for (const float v : values) s.deviation += (v - s.mean) * (v - s.mean);
  s.deviation = std::sqrt(s.deviation / static_cast<double>(values.size()));
  return s;
}

// Box and Muller's transform: unlike std::normal_distribution the same on every platform.
double normal(std::mt19937_64& random) {
  const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::shared_ptr<const Constant> redrawn(const Constant& constant, std::mt19937_64& random) {
  const Spread spread = spreadOf(*constant.floats);
  std::vector<float> values(constant.floats->size());
  for (float& v : values) v = static_cast<float>(spread.mean + spread.deviation * normal(random));
  Constant fresh = constant;
  fresh.floats = std::make_shared<const std::vector<float>>(std::move(values));
  return std::make_shared<const Constant>(std::move(fresh));
}

// Other nodes may share the constant; they keep the one they have.
void redrawInput(Graph& graph, std::size_t node, std::size_t input, std::mt19937_64& random) {
  if (graph.nodes[node].inputs.size() <= input) return;
  const ValueId old = graph.nodes[node].inputs[input];
  if (!graph.isConstant(old)) return;
  Value value = graph.value(old);
  value.constant = redrawn(*value.constant, random);
  value.name += "/redrawn";
  graph.nodes[node].inputs[input] = graph.addValue(std::move(value));
}

}  // namespace

std::vector<std::string> layersFromTheTop(const Graph& graph) {
  std::vector<std::string> names;
  for (const std::size_t node : nodesFromTheTop(graph)) names.push_back(graph.nodes[node].name);
  return names;
}

void redrawWeights(Graph& graph, int layers, std::uint64_t seed) {
  const std::vector<std::size_t> nodes = nodesFromTheTop(graph);
  for (std::size_t k = 0; k < std::min(nodes.size(), static_cast<std::size_t>(std::max(0, layers))); ++k) {
    std::mt19937_64 random(seed * 1000003u + k);  // a layer's weights do not depend on how many are drawn
    redrawInput(graph, nodes[k], 1, random);
    redrawInput(graph, nodes[k], 2, random);
  }
}

}  // namespace relprop
