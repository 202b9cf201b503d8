// Products of matrices that are constants: what a value fed to the network goes through before it meets the picture.
#pragma once

#include "graph/graph.h"

namespace relprop {

// Of a Gemm or a MatMul with constant inputs whose output has that shape.
std::vector<float> constantProduct(const Graph& graph, const Node& node, const Shape& output);

}  // namespace relprop
