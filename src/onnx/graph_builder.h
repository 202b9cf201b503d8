// From the file's plain structs to the graph.
#pragma once

#include <string>

#include "graph/graph.h"
#include "onnx/external_data.h"
#include "onnx/importer.h"
#include "onnx/raw_model.h"

namespace relprop::onnx_import {

// All but the hash. `name` stands for the file in messages.
ImportedModel buildGraph(RawModel model, ExternalData& external, const std::string& name, const ImportOptions& options);

}  // namespace relprop::onnx_import
