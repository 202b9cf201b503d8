#include "explainer/bag_model.h"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bow/file.h"
#include "explainer/model_impl.h"
#include "onnx/file_hash.h"
#include "relprop/error.h"

namespace relprop {
namespace {

void refuse(const std::string& option, const std::string& got) {
  throw Error(ErrorCode::InvalidArgument, option, got, "nothing: a bag of visual words has one input and one output",
              "leave it out");
}

// For findPreprocess and findLabels, as exporters leave it in the metadata of a network.
std::map<std::string, std::string> metadataOf(const bow::Bag& bag) {
  std::map<std::string, std::string> all = bag.about;
  all["relprop.preprocess"] = toJson(bag.preprocess);
  if (!bag.classes.empty()) all["relprop.labels"] = nlohmann::json(bag.classes).dump();
  return all;
}

}  // namespace

bool isBagFile(const std::filesystem::path& path) {
  std::array<char, 4> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  return file.good() && bow::looksLikeBag(std::as_bytes(std::span(start)));
}

Model bagModel(const std::string& name, std::span<const std::uint8_t> bytes, const ModelOptions& options) {
  if (!options.output.empty()) refuse("output", options.output);
  if (!options.feeds.empty()) refuse("feed", options.feeds.begin()->first);
  const std::shared_ptr<const bow::Bag> bag = bow::readBag(std::as_bytes(bytes), name);
  FileHash hash;
  hash.add(bytes);
  ModelAccess::Impl impl;
  impl.facts.path = name;
  impl.facts.hash = hash.text();
  impl.facts.outputs = {"scores"};
  impl.facts.output = "scores";
  impl.facts.inputShape = {-1, 3, -1, -1};
  impl.facts.layout = {false, true, "a bag of visual words takes N×C×H×W"};
  impl.facts.classes = bag->machine.classes();
  impl.facts.metadata = metadataOf(*bag);
  impl.source = bag;
  return ModelAccess::make(std::move(impl));
}

}  // namespace relprop
