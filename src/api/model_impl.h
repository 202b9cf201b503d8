#pragma once

#include "onnx/importer.h"
#include "relprop/explain.h"

namespace relprop {

struct Model::Impl {
  std::string path;
  ImportedModel imported;
};

}  // namespace relprop
