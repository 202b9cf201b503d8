// QuantizeLinear and DequantizeLinear: their scales and zero points, and what they make of constants.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Scale and zero point of every element of a tensor: one for all, one for each place of an axis, or one for each block
// along that axis.
struct Quantisation {
  std::vector<float> scales;
  std::vector<std::int64_t> zeros;
  std::size_t axis = 0;
  std::int64_t inner = 1, extent = 1, block = 1;  // elements behind the axis, places on it, places a block

  bool perTensor() const { return scales.size() == 1 && zeros.size() == 1; }
  float scale(std::size_t element) const { return scales.size() == 1 ? scales[0] : scales[place(element)]; }
  std::int64_t zero(std::size_t element) const { return zeros.size() == 1 ? zeros[0] : zeros[place(element)]; }

 private:
  std::size_t place(std::size_t element) const;
};

// Of a node whose scale and zero point are constants. Throws UnsupportedModel, ShapeMismatch, MalformedModel.
Quantisation quantisationOf(const Graph& graph, const Node& node);

// What the node makes of a constant.
Constant quantisedConstant(const Graph& graph, const Node& node);
Constant dequantisedConstant(const Graph& graph, const Node& node);

}  // namespace relprop
