// Nodes that scale and shift each channel by constants, and how they fold into the linear nodes beside them.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// y = scale·x + shift by channel; in double, so that a fold rounds once.
struct ChannelMap {
  std::vector<double> scale, shift;
  // This map first, then `next`.
  void then(const ChannelMap& next);
};

// Which nodes count as channel maps.
enum class ChannelNodes { Arithmetic, ArithmeticAndBatchNorm };

// Of a BatchNormalization or Affine. Throws NonFiniteWeights when its parameters make no finite map.
ChannelMap batchNormMap(const Graph& graph, const Node& node);

bool isBatchNorm(const Node& node);

// The map by which `node` makes its output from `input`, whose channels are along `axis`; none when it is of another
// kind.
std::optional<ChannelMap> channelMapOf(const Graph& graph, const Node& node, ValueId input, std::size_t axis,
                                       ChannelNodes which);

// A Conv or Dense with constant floats as weights (and bias).
bool isLinear(const Graph& graph, const Node& node);

// Axis of the channels in the output of a linear node.
std::size_t channelAxis(const Graph& graph, const Node& node);

struct LinearValues {
  std::vector<float> weight;
  Shape weightShape;
  std::vector<double> bias;
  Shape biasShape;  // O, or O and the output's spatial extents
};

// Weights and bias with which a linear node's output becomes map(output).
LinearValues appliedToOutput(const Graph& graph, const Node& node, const ChannelMap& map);
void setLinear(Graph& graph, Node& node, LinearValues values);

// Gives a linear node new weights and bias so that it does to x what it did to map(x). Where a Conv is padded, the
// border gets less of the shift than the interior: the bias then has a value for every output position. False, and
// nothing changed, when that bias would have more than `limit` elements.
bool applyToInput(Graph& graph, Node& node, const ChannelMap& map, std::int64_t limit);

}  // namespace relprop
