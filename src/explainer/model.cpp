#include <fmt/format.h>

#include <algorithm>

#include "explainer/model_impl.h"
#include "explainer/redrawn_model.h"
#include "relprop/error.h"

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

Layout Model::layout(std::optional<Layout> asked) const {
  const InputLayout found = inputLayoutOf(impl_->imported.graph);
  const Layout own = found.channelsLast ? Layout::ChannelsLast : Layout::ChannelsFirst;
  if (!asked || *asked == own) return own;
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorCode::InvalidArgument, "layout", layoutName(*asked), expected, "leave the layout out");
  };
  if (inputShape().size() < 3) refuse("nothing: an input of shape " + toString(inputShape()) + " has no channel axis");
  if (found.certain) refuse(fmt::format("{}: {}", layoutName(own), found.reason));
  return *asked;
}

bool Model::takesBytes() const {
  const Graph& g = impl_->imported.graph;
  return g.value(g.inputs.at(0)).dtype == DType::Int64;
}

int Model::channels(const Shape& given, std::optional<Layout> asked) const {
  constexpr int kOfPictures = 3;
  const Shape shape = inputShape();
  if (shape.size() < 2) return 1;
  const bool last = layout(asked) == Layout::ChannelsLast;
  const std::int64_t fixed = last ? shape.back() : shape[1];
  if (fixed > 0) return static_cast<int>(fixed);
  if (given.size() + 1 != shape.size()) return kOfPictures;
  return static_cast<int>(last ? given.back() : given.front());
}

std::string Model::layoutReason() const {
  return inputLayoutOf(impl_->imported.graph).reason;
}

std::int64_t Model::outputClasses() const {
  const Graph& g = impl_->imported.graph;
  const Value& out = g.value(g.outputs.at(0));
  return out.hasShape && out.shape.size() > 1 ? out.shape[1] : -1;
}

std::map<std::string, std::string> Model::metadata() const {
  return impl_->imported.graph.metadata;
}

bool Model::hasBatchNormalization() const {
  const auto& nodes = impl_->imported.graph.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& n) { return n.op == Op::BatchNormalization; });
}

}  // namespace relprop
