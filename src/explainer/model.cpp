#include <algorithm>

#include "explainer/model_impl.h"
#include "explainer/redrawn_model.h"

namespace relprop {

Model Model::load(const std::filesystem::path& path) {
  return ModelAccess::make({path.string(), importModel(path)});
}

Model Model::fromBytes(std::span<const std::byte> bytes, const ModelBytesOptions& options) {
  const std::span file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return ModelAccess::make({options.name, importModelFromBytes(file, options.folder, options.name)});
}

Model withRedrawnWeights(const Model& model, int layers, std::uint64_t seed) {
  ModelAccess::Impl impl = ModelAccess::of(model);
  impl.redrawnLayers = layers, impl.redrawSeed = seed;
  return ModelAccess::make(std::move(impl));
}

const std::string& Model::path() const {
  return impl_->path;
}
const std::string& Model::hash() const {
  return impl_->imported.hash;
}

Shape Model::inputShape() const {
  const Graph& g = impl_->imported.graph;
  return g.value(g.inputs.at(0)).shape;
}

std::int64_t Model::outputClasses() const {
  const Graph& g = impl_->imported.graph;
  const Value& out = g.value(g.outputs.at(0));
  if (!out.hasShape || out.shape.empty()) return -1;
  return out.shape.size() > 1 ? out.shape[1] : 1;
}

std::map<std::string, std::string> Model::metadata() const {
  return impl_->imported.graph.metadata;
}

bool Model::hasBatchNormalization() const {
  const auto& nodes = impl_->imported.graph.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& n) { return n.op == Op::BatchNormalization; });
}

}  // namespace relprop
