#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bow/bag.h"
#include "onnx/importer.h"
#include "passes/input_layout.h"
#include "relprop/explain.h"

namespace relprop {

struct Model::Impl {
  // What is asked about a model, whatever it is.
  struct Facts {
    std::string path, hash;
    std::vector<std::string> weightFiles;
    std::vector<std::string> outputs;
    std::string output;
    std::vector<std::string> notes;
    Shape inputShape;
    InputLayout layout;
    std::int64_t classes = -1;
    std::map<std::string, std::string> metadata;
    bool takesBytes = false, hasBatchNormalization = false;
  };
  Facts facts;
  std::variant<ImportedModel, std::shared_ptr<const bow::Bag>> source;
  // Sanity checks: so many layers from the output down get random weights once the graph is canonical.
  int redrawnLayers = 0;
  std::uint64_t redrawSeed = 0;
};

// What is behind a Model, and a Model of what was never a file.
struct ModelAccess {
  using Impl = Model::Impl;
  static const Impl& of(const Model& model) { return *model.impl_; }
  // Null of a network.
  static std::shared_ptr<const bow::Bag> bag(const Model& model);
  // Throws UnsupportedModel of a bag of visual words.
  static const Graph& graph(const Model& model);
  static Model network(const std::string& path, ImportedModel network, bool outputGiven = false);
  static Model make(Impl impl) { return Model(std::make_shared<const Impl>(std::move(impl))); }
};

}  // namespace relprop
