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
  // One row's; 1×C×1… where all elements of a channel have the same, as after what normalises pictures.
  struct Interval {
    std::vector<double> low, high;
    Shape shape;
  };
  // Networks may be as deep as they like before the first layer: operands are computed one after the other, each before
  // what is made of it.
  const Interval& interval(ValueId value);
  std::vector<ValueId> operandsOf(ValueId value) const;
  Interval made(ValueId value) const;
  Interval whole(ValueId value) const;
  Interval input() const;
  Interval output(const Node& node) const;
  Interval moved(const Node& node) const;
  Interval taken(const Node& node) const;
  Interval computed(const Node& node) const;
  Interval scaled(const Node& node) const;
  Interval spread(const Node& node) const;
  bool fitsChannels(const Node& node, std::size_t operand) const;
  std::vector<double> constant(ValueId id, const Shape& to) const;
  std::size_t count(ValueId id) const;
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  Graph graph_;  // of one row
  Uses uses_;
  InputBounds bounds_;
  std::map<ValueId, Interval> known_;
};

}  // namespace relprop
