// What the lowest and highest value of a pixel become on the way to the layer where a rule asks for them: normalisation
// inside the network, channels that are turned round or taken apart, transposes.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Lowest and highest value of the network's input, by channel.
struct InputBounds {
  std::vector<float> low, high;
};

class InputRanges {
 public:
  // Of a canonical graph, whose rows do not matter.
  InputRanges(const Graph& graph, InputBounds bounds);

  struct Range {
    Constant low, high;  // 1×C×1…, or one image where elements of a channel differ
  };
  // Throws NotSupportedByMethod where the bounds are for another number of channels, or nothing is known of what a node
  // on the way makes of them.
  Range of(ValueId value);

 private:
  // Of every element of one image.
  struct Interval {
    std::vector<double> low, high;
  };
  const Interval& interval(ValueId value);
  Interval input() const;
  Interval output(const Node& node);
  Interval moved(const Node& node);
  Interval taken(const Node& node);
  Interval computed(const Node& node, std::size_t operand);
  Interval scaled(const Node& node);
  Interval spread(const Node& node);
  std::vector<double> constant(ValueId id, const Shape& to) const;
  std::size_t count(ValueId id) const;
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  Graph graph_;  // of one row
  Uses uses_;
  InputBounds bounds_;
  std::map<ValueId, Interval> known_;
};

}  // namespace relprop
