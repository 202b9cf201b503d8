// Windows of convolutions and pools, decoded from attributes.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace relprop {

// Attributes of a Conv or pool with every default filled in and auto_pad resolved; one entry a spatial axis.
struct Window {
  Shape kernel, strides, dilations, padBegin, padEnd;
  Shape output;  // how many windows there are along each axis
};

// What a convolution may be padded with on one side; of real ones the widest kernels take a few thousand.
inline constexpr std::int64_t kMostConvPads = std::int64_t{1} << 16;

// `input` is N×C×spatial..., `kernel` the spatial kernel. Throws ShapeMismatch for attributes that do not fit.
Window windowOf(const Node& node, const Shape& input, const Shape& kernel);

// A Conv, MaxPool or AveragePool of a graph with shapes, as numbers of the 2-D case; 1-D ones have H = OH = KH = 1.
// Window (oh, ow), tap (kh, kw) reads input row oh·SH − padTop + kh·DH and column ow·SW − padLeft + kw·DW.
// padBottom and padRight reach as far as the last window does: with ceil_mode more than the file says. What
// count_include_pad counts are the pads the file says: countedBottom, countedRight.
struct ConvGeometry {
  std::int64_t N = 0, C = 0, H = 0, W = 0;
  std::int64_t O = 0, OH = 0, OW = 0;  // pools: O = C
  std::int64_t KH = 1, KW = 1, SH = 1, SW = 1, DH = 1, DW = 1;
  std::int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  std::int64_t countedBottom = 0, countedRight = 0;
  std::int64_t groups = 1;  // pools: C
  bool countIncludePad = false;

  bool padded() const { return padTop > 0 || padLeft > 0 || padBottom > 0 || padRight > 0; }
};

ConvGeometry geometryOf(const Graph& graph, const Node& node);

}  // namespace relprop
