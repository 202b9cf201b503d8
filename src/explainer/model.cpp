#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bow/file.h"
#include "core/names.h"
#include "explainer/bag_model.h"
#include "explainer/class_count.h"
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

std::vector<std::string> assumedOutput(const ImportedModel& network) {
  if (network.outputs.size() < 2) return {};
  std::vector<std::string> others;
  for (const std::string& name : network.outputs)
    if (name != network.output) others.push_back("'" + name + "'");
  return {"the network has " + std::to_string(network.outputs.size()) + " outputs; its scores are taken from '" +
          network.output +
          "', the first that looks most like class scores. The others, for --output: " + listedFirst(others)};
}

// What an integer type holds that does not hold all of 0 to 255; of others nothing.
const char* rangeBelowBytes(const std::string& type) {
  return type == "int8" ? "-128 to 127" : type == "uint4" ? "0 to 15" : type == "int4" ? "-8 to 7" : nullptr;
}

std::string bytesDoNotFit(const ImportedModel& network, const char* range) {
  return fmt::format(
      "input '{}' is of {}, {}: a picture's bytes, 0 to 255, do not fit, so that pictures need a "
      "--preprocess that brings them there",
      network.graph.value(network.graph.inputs.at(0)).name, network.inputType, range);
}

}  // namespace

Model ModelAccess::network(const std::string& path, ImportedModel network, bool outputGiven) {
  const Graph& graph = network.graph;
  const Value& input = graph.value(graph.inputs.at(0));
  if (input.shape.empty())
    throw Error(ErrorCode::UnsupportedModel, "input '" + input.name + "'",
                input.hasShape ? "a single number" : "no shape", "a batch, N×…",
                "export the network with a shape for its input");
  const bool normalised =
      std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.op == Op::BatchNormalization; });
  ModelAccess::Impl impl;
  impl.facts.path = path;
  impl.facts.hash = network.hash;
  impl.facts.weightFiles = network.weightFiles;
  impl.facts.outputs = network.outputs;
  impl.facts.output = network.output;
  if (!outputGiven) impl.facts.notes = assumedOutput(network);
  impl.facts.inputShape = input.shape;
  impl.facts.layout = inputLayoutOf(graph);
  impl.facts.classes = classCount(network, impl.facts.layout);
  impl.facts.metadata = graph.metadata;
  const char* const range = rangeBelowBytes(network.inputType);
  impl.facts.takesBytes = input.dtype == DType::Int64 && range == nullptr;
  if (range != nullptr) impl.facts.notes.push_back(bytesDoNotFit(network, range));
  impl.facts.hasBatchNormalization = normalised;
  impl.source = std::move(network);
  return ModelAccess::make(std::move(impl));
}

Model Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  if (isBagFile(path)) return bagModel(path.string(), readFile(path), options);
  return ModelAccess::network(path.string(), importModel(path, importOptions(options)), !options.output.empty());
}

Model Model::fromBytes(std::span<const std::byte> bytes, const ModelBytesOptions& options) {
  const std::span file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (bow::looksLikeBag(bytes)) return bagModel(options.name, file, options.options);
  return ModelAccess::network(options.name,
                              importModelFromBytes(file, options.folder, options.name, importOptions(options.options)),
                              !options.options.output.empty());
}

std::shared_ptr<const bow::Bag> ModelAccess::bag(const Model& model) {
  const auto* bag = std::get_if<std::shared_ptr<const bow::Bag>>(&of(model).source);
  return bag ? *bag : nullptr;
}

const Graph& ModelAccess::graph(const Model& model) {
  if (bag(model))
    throw Error(ErrorCode::UnsupportedModel, model.path(), "a bag of visual words", "a network",
                "this is about the layers of a network; give an ONNX file");
  return std::get<ImportedModel>(of(model).source).graph;
}

Model withRedrawnWeights(const Model& model, int layers, std::uint64_t seed) {
  ModelAccess::Impl impl = ModelAccess::of(model);
  impl.redrawnLayers = layers, impl.redrawSeed = seed;
  return ModelAccess::make(std::move(impl));
}

const std::string& Model::path() const {
  return impl_->facts.path;
}
const std::string& Model::hash() const {
  return impl_->facts.hash;
}
const std::vector<std::string>& Model::weightFiles() const {
  return impl_->facts.weightFiles;
}
const std::vector<std::string>& Model::outputs() const {
  return impl_->facts.outputs;
}
const std::string& Model::output() const {
  return impl_->facts.output;
}
std::vector<std::string> Model::notes() const {
  return impl_->facts.notes;
}
Shape Model::inputShape() const {
  return impl_->facts.inputShape;
}

Layout Model::layout(std::optional<Layout> asked) const {
  const InputLayout& found = impl_->facts.layout;
  const Layout own = found.channelsLast ? Layout::ChannelsLast : Layout::ChannelsFirst;
  if (!asked || *asked == own) return own;
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorCode::InvalidArgument, "layout", layoutName(*asked), expected, "leave the layout out");
  };
  if (inputShape().size() < 3) refuse("nothing: an input of shape " + toString(inputShape()) + " has no channel axis");
  if (found.certain) refuse(fmt::format("{}: {}", layoutName(own), found.reason));
  return *asked;
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

bool Model::takesBytes() const {
  return impl_->facts.takesBytes;
}
std::string Model::layoutReason() const {
  return impl_->facts.layout.reason;
}
std::int64_t Model::outputClasses() const {
  return impl_->facts.classes;
}
std::map<std::string, std::string> Model::metadata() const {
  return impl_->facts.metadata;
}
bool Model::hasBatchNormalization() const {
  return impl_->facts.hasBatchNormalization;
}
bool Model::isBagOfWords() const {
  return ModelAccess::bag(*this) != nullptr;
}

}  // namespace relprop
