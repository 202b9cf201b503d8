// A graph in the importer's form as the bytes of an ONNX file.
#pragma once

#include <string>

#include "graph/graph.h"

namespace relprop::test {

std::string onnxBytes(const Graph& graph, std::int64_t opset = 17);

}  // namespace relprop::test
