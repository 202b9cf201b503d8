// From the file's plain structs to the graph.
#pragma once

#include <string>

#include "graph/graph.h"
#include "onnx/external_data.h"
#include "onnx/raw_model.h"

namespace relprop::onnx_import {

// `name` stands for the file in messages.
Graph buildGraph(RawModel model, ExternalData& external, const std::string& name);

}  // namespace relprop::onnx_import
