#pragma once

#include <memory>
#include <utility>

#include "onnx/importer.h"
#include "passes/input_layout.h"
#include "relprop/explain.h"

namespace relprop {

struct Model::Impl {
  std::string path;
  ImportedModel imported;
  bool outputGiven = false;
  // Sanity checks: so many layers from the output down get random weights once the graph is canonical.
  int redrawnLayers = 0;
  std::uint64_t redrawSeed = 0;
};

// What is behind a Model, and a Model of what was never a file.
struct ModelAccess {
  using Impl = Model::Impl;
  static const Impl& of(const Model& model) { return *model.impl_; }
  static const Graph& graph(const Model& model) { return model.impl_->imported.graph; }
  static Model make(Impl impl) { return Model(std::make_shared<const Impl>(std::move(impl))); }
};

}  // namespace relprop
