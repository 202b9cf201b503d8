#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "explainer/model_impl.h"
#include "explainer/prepare.h"
#include "explainer/redrawn_model.h"
#include "relprop/error.h"

namespace relprop {

namespace {

Constant constantOf(const TypedArray& array, const std::string& name) {
  const std::string where = "input '" + name + "'";
  const bool floats = array.type == TypedArray::Type::Float;
  const std::size_t count = floats ? array.floats.size() : array.integers.size();
  if (static_cast<std::int64_t>(count) != elementCount(array.shape))
    throw Error(ErrorCode::ShapeMismatch, where, std::to_string(count) + " values", toString(array.shape));
  requireFinite(array.floats.data(), static_cast<std::int64_t>(array.floats.size()), ErrorCode::NonFiniteInput,
                where.c_str(), "check the array");
  if (floats) return {DType::Float, array.shape, std::make_shared<const std::vector<float>>(array.floats), nullptr};
  return {array.type == TypedArray::Type::Boolean ? DType::Bool : DType::Int64, array.shape, nullptr,
          std::make_shared<const std::vector<std::int64_t>>(array.integers)};
}

ImportOptions importOptions(const ModelOptions& options) {
  ImportOptions result{options.output, {}};
  for (const auto& [name, value] : options.feeds) result.feeds.emplace(name, constantOf(value, name));
  return result;
}

}  // namespace

Model Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  return ModelAccess::make({path.string(), importModel(path, importOptions(options)), !options.output.empty()});
}

Model Model::fromBytes(std::span<const std::byte> bytes, const ModelBytesOptions& options) {
  const std::span file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  ImportedModel imported = importModelFromBytes(file, options.folder, options.name, importOptions(options.options));
  return ModelAccess::make({options.name, std::move(imported), !options.options.output.empty()});
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

const std::vector<std::string>& Model::outputs() const {
  return impl_->imported.outputs;
}
const std::string& Model::output() const {
  return impl_->imported.output;
}

std::vector<std::string> Model::notes() const {
  if (outputs().size() < 2 || impl_->outputGiven) return {};
  std::string others;
  for (const std::string& name : outputs())
    if (name != output()) others += (others.empty() ? "'" : ", '") + name + "'";
  return {"the network has " + std::to_string(outputs().size()) + " outputs; its scores are taken from '" + output() +
          "', the first that looks most like class scores. The others, for --output: " + others};
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

// Scores have one axis of classes; [N] is one number an image.
std::int64_t Model::outputClasses() const {
  const Shape& shape = impl_->imported.outputShape;
  if (shape.empty()) return -1;
  std::int64_t classes = 1;
  for (std::size_t k = 1; k < shape.size(); ++k) {
    if (shape[k] < 0 || (classes != 1 && shape[k] != 1)) return -1;
    classes *= shape[k];
  }
  return classes;
}

std::map<std::string, std::string> Model::metadata() const {
  return impl_->imported.graph.metadata;
}

bool Model::hasBatchNormalization() const {
  const auto& nodes = impl_->imported.graph.nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& n) { return n.op == Op::BatchNormalization; });
}

}  // namespace relprop
