// A Resize of the file as sizes, scales and regions, one an axis, whatever form they were given in.
#pragma once

#include "graph/graph.h"

namespace relprop {

struct ResizeGeometry {
  Shape output;
  std::vector<float> scales;      // 1 for axes that stay
  std::vector<float> start, end;  // of the region that is looked at; 0 and 1 for all of it

  // Nothing happens along the axis, which has this extent.
  bool keeps(std::size_t axis, std::int64_t extent) const {
    return output[axis] == extent && scales[axis] == 1.0f && start[axis] == 0 && end[axis] == 1;
  }
};

// Of resized axes there are extents above 0 before and after. Throws ShapeMismatch, UnsupportedModel.
ResizeGeometry resizeGeometryOf(const Graph& graph, const Node& node);

// Weights of an axis of a Resize: output place i is Σ_k weights[i·taps + k]·input place indices[i·taps + k]; where
// `outside` is 1 it is the extrapolation value instead.
struct ResizeTaps {
  std::vector<std::int64_t> indices;
  std::vector<float> weights;
  std::vector<bool> outside;
};
// How many those are a place, which a few bytes can make as many as there is no memory for: to be charged before.
std::int64_t tapsOfAPlace(const Node& node, const ResizeGeometry& geometry, std::size_t axis);
ResizeTaps resizeTapsOf(const Node& node, const ResizeGeometry& geometry, std::size_t axis, std::int64_t extent);

}  // namespace relprop
