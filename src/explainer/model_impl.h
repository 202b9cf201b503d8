#pragma once

#include "onnx/importer.h"
#include "relprop/explain.h"

namespace relprop {

struct Model::Impl {
  std::string path;
  ImportedModel imported;
  // Sanity checks: so many layers from the output down get random weights once the graph is canonical.
  int redrawnLayers = 0;
  std::uint64_t redrawSeed = 0;
};

}  // namespace relprop
