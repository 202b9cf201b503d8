// A Resize of the file as sizes, scales and regions, one an axis, whatever form they were given in.
#pragma once

#include "graph/graph.h"

namespace relprop {

struct ResizeGeometry {
  Shape output;
  std::vector<float> scales;      // 1 for axes that stay
  std::vector<float> start, end;  // of the region that is looked at; 0 and 1 for all of it
};

// Throws ShapeMismatch, UnsupportedModel.
ResizeGeometry resizeGeometryOf(const Graph& graph, const Node& node);

// Weights of an axis of a Resize: output place i is Σ_k weights[i·taps + k]·input place indices[i·taps + k]; where
// `outside` is 1 it is the extrapolation value instead.
struct ResizeTaps {
  std::vector<std::int64_t> indices;
  std::vector<float> weights;
  std::vector<bool> outside;
};
ResizeTaps resizeTapsOf(const Node& node, const ResizeGeometry& geometry, std::size_t axis, std::int64_t extent);

}  // namespace relprop
