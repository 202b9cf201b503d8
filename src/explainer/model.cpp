#include <algorithm>

#include "explainer/model_impl.h"
#include "explainer/redrawn_model.h"

namespace relprop {

Model Model::load(const std::filesystem::path& path) {
  Model model;
  model.impl = std::make_shared<const Impl>(Impl{path.string(), importModel(path), 0, 0});
  return model;
}

Model withRedrawnWeights(const Model& model, int layers, std::uint64_t seed) {
  Model::Impl impl = *model.impl;
  impl.redrawnLayers = layers, impl.redrawSeed = seed;
  Model redrawn;
  redrawn.impl = std::make_shared<const Model::Impl>(std::move(impl));
  return redrawn;
}

const std::string& Model::path() const {
  return impl->path;
}
const std::string& Model::hash() const {
  return impl->imported.hash;
}

Shape Model::inputShape() const {
  const Graph& g = impl->imported.graph;
  return g.value(g.inputs.at(0)).shape;
}

std::int64_t Model::outputClasses() const {
  const Graph& g = impl->imported.graph;
  const Value& out = g.value(g.outputs.at(0));
  return out.hasShape && out.shape.size() > 1 ? out.shape[1] : -1;
}

std::map<std::string, std::string> Model::metadata() const {
  return impl->imported.graph.metadata;
}

bool Model::hasBatchNormalization() const {
  const auto& nodes = impl->imported.graph.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& n) { return n.op == Op::BatchNormalization; });
}

}  // namespace relprop
