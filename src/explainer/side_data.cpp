#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "bow/limits.h"
#include "core/json_depth.h"
#include "core/limits.h"
#include "explainer/model_impl.h"
#include "image/preprocess_check.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::optional<std::string> entryOf(const Model& model, const std::string& key) {
  const std::map<std::string, std::string> metadata = model.metadata();
  const auto entry = metadata.find(key);
  if (entry == metadata.end() || entry->second.empty()) return std::nullopt;
  return entry->second;
}

std::optional<std::string> existing(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? std::optional(path.string()) : std::nullopt;
}

// A bag has all of its own: what has its stem is a network's that lies beside it.
std::optional<std::string> besideModel(const Model& model, const std::string& extension) {
  if (ModelAccess::bag(model)) return std::nullopt;
  return existing(fs::path(model.path()).replace_extension(extension));
}

// Exporters put the network of REPOSITORY into REPOSITORY/onnx.
std::optional<std::string> inFolder(const Model& model, const std::string& name) {
  const fs::path folder = fs::path(model.path()).parent_path();
  if (auto path = existing(folder / name)) return path;
  return folder.filename() == "onnx" ? existing(folder.parent_path() / name) : std::nullopt;
}

std::string textOf(const std::string& path) {
  const std::vector<std::uint8_t> bytes = readFile(path);
  return {bytes.begin(), bytes.end()};
}

// ---- Ultralytics

// A Python dict from number to text, as str() writes it: {0: 'cat', 1: "cat's"}. Nothing where the text is no such.
std::optional<std::vector<std::string>> namesOfDict(const std::string& text) {
  std::vector<std::string> names;
  std::size_t at = text.find('{');
  while (at != std::string::npos && ++at < text.size()) {
    const std::size_t colon = text.find(':', at), quote = text.find_first_of("'\"", colon);
    if (colon == std::string::npos || quote == std::string::npos) return std::nullopt;
    const std::string key = text.substr(at, colon - at);
    if (key.find(std::to_string(names.size())) == std::string::npos) return std::nullopt;
    std::string name;
    std::size_t end = quote + 1;
    for (; end < text.size() && text[end] != text[quote]; ++end) {
      if (text[end] == '\\' && end + 1 < text.size()) ++end;
      name += text[end];
    }
    if (end >= text.size()) return std::nullopt;
    names.push_back(std::move(name));
    at = text.find_first_of(",}", end);
    if (at == std::string::npos || text[at] == '}') break;
  }
  return names.empty() ? std::nullopt : std::optional(names);
}

// Discarded where the text is no JSON, or deeper than any that is of use.
Json parsedOrNothing(const std::string& text) {
  return Json::parse(jsonDepth(text) > limits::kJsonDepth ? "" : text, nullptr, false);
}

// Their classifiers take the centre of a picture whose shorter side was brought to the network's size, in 0…1.
std::optional<Preprocess> ultralytics(const Model& model) {
  const auto size = entryOf(model, "imgsz"), task = entryOf(model, "task");
  if (!size || !entryOf(model, "names") || (task && *task != "classify")) return std::nullopt;
  const Json sides = parsedOrNothing(*size);
  const bool two =
      sides.is_array() && sides.size() == 2 && sides[0].is_number_integer() && sides[1].is_number_integer();
  if (!two || sides[0] != sides[1] || sides[0] < 1 || sides[0] > std::numeric_limits<int>::max())
    throw Error(ErrorCode::MalformedModel, "metadata imgsz", *size, "two equal whole numbers, such as [224, 224]",
                "give the preprocessing with --preprocess");
  Preprocess p;
  p.resize = Preprocess::Resize::ShorterSide, p.size = sides[0].get<int>();
  p.crop = {p.size, p.size};
  p.scale = 1.0 / 255;
  p.name = "metadata imgsz (Ultralytics)";
  p.notes.push_back(
      fmt::format("a network of Ultralytics for {} pixels: the shorter side is brought to them, the centre "
                  "cut out, and pixels are divided by 255",
                  p.size));
  checkPreprocess(p);
  return p;
}

// ---- Hugging Face and timm

// What tools call config.json is of many kinds, and not every one is about this network.
std::optional<Json> configOf(const Model& model, std::string& path) {
  const auto found = inFolder(model, "config.json");
  if (!found) return std::nullopt;
  path = *found;
  Json json = parsedOrNothing(textOf(path));
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

// "LABEL_0" stands for a name that nobody gave.
bool arePlaceholders(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != fmt::format("LABEL_{}", i)) return false;
  return true;
}

// timm names classes by synset, and describes them beside that.
std::vector<std::string> timmNames(const Json& config) {
  std::vector<std::string> names;
  const Json descriptions = config.value("label_descriptions", Json::object());
  for (const Json& name : config["label_names"]) {
    if (!name.is_string()) return {};
    const std::string key = name.get<std::string>();
    const bool described = descriptions.is_object() && descriptions.contains(key) && descriptions[key].is_string();
    names.push_back(described ? descriptions[key].get<std::string>() : key);
  }
  return names;
}

std::vector<std::string> configNames(const Json& config, const std::string& path) {
  if (config.contains("label_names") && config["label_names"].is_array()) return timmNames(config);
  if (!config.contains("id2label")) return {};
  std::vector<std::string> names = parseLabels(config.dump(), path);
  return arePlaceholders(names) ? std::vector<std::string>() : names;
}

// What a model says of itself is no argument of the call.
std::vector<std::string> labelsFromMetadata(const std::string& text, const char* where) {
  try {
    return parseLabels(text, where);
  } catch (const Error& e) {
    throw Error(ErrorCode::MalformedModel, where, e.got(), e.expected(), "give the class names with --labels");
  }
}

// What was found by looking may belong to another network.
bool offer(FoundLabels& found, const Model& model, std::vector<std::string> names, const std::string& from) {
  const std::int64_t classes = model.outputClasses();
  if (names.empty()) return false;
  if (classes >= 0 && names.size() != static_cast<std::size_t>(classes)) {
    found.notes.push_back(fmt::format("the {} class names of {} are left aside: the network has {} classes",
                                      names.size(), from, classes));
    return false;
  }
  found.names = std::move(names), found.from = from;
  return true;
}

FoundLabels certainLabels(const Model& model, const std::string& given) {
  const char* const entry = "metadata relprop.labels";
  if (!given.empty()) return {readLabels(given), given, {}};
  if (const auto path = besideModel(model, ".labels.txt")) return {readLabels(*path), *path, {}};
  if (const auto text = entryOf(model, "relprop.labels")) return {labelsFromMetadata(*text, entry), entry, {}};
  return {};
}

Preprocess ownBytes() {
  Preprocess p;
  p.mean = {0}, p.std = {1};
  p.name = "integer input";
  p.notes = {"the network's input is of integers: it is given the picture's own bytes, 0 to 255"};
  return p;
}

FoundPreprocess foundPreprocess(const Model& model, const std::string& given) {
  const char* const entry = "metadata relprop.preprocess";
  if (!given.empty()) return {readPreprocess(given), given};
  if (const auto path = besideModel(model, ".preprocess.json")) return {readPreprocess(*path), *path};
  if (const auto text = entryOf(model, "relprop.preprocess"))
    return {text->front() == '{' ? parsePreprocess(*text, entry) : namedPreprocess(*text), entry};
  if (const auto path = inFolder(model, "preprocessor_config.json")) return {readPreprocess(*path), *path};
  std::string path;
  const auto config = configOf(model, path);
  if (config && config->contains("pretrained_cfg")) return {readPreprocess(path), path};
  if (const auto p = ultralytics(model)) return {p, p->name};
  if (model.takesBytes()) return {ownBytes(), "integer input"};
  return {};
}

}  // namespace

FoundPreprocess findPreprocess(const Model& model, const std::string& given) {
  FoundPreprocess found = foundPreprocess(model, given);
  const std::shared_ptr<const bow::Bag> bag = ModelAccess::bag(model);
  if (bag && found.preprocess)
    bow::checkPicturePreprocess(*found.preprocess, bag->features, {ErrorCode::InvalidArgument, found.from});
  return found;
}

FoundLabels findLabels(const Model& model, const std::string& given) {
  FoundLabels found = certainLabels(model, given);
  requireLabelsFor(model.outputClasses(), found.names, found.from);
  if (!found.names.empty()) return found;
  std::string path;
  const auto config = configOf(model, path);
  if (config && offer(found, model, configNames(*config, path), path)) return found;
  const auto names = entryOf(model, "names");
  if (const auto list = names ? namesOfDict(*names) : std::nullopt)
    offer(found, model, *list, "metadata names (Ultralytics)");
  return found;
}

}  // namespace relprop
