#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
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

constexpr const char* kGivePreprocess = "give the preprocessing with --preprocess";

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

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// ---- Ultralytics

// As Python and JSON write it: 12, '12' or "12".
std::optional<std::size_t> numberOf(std::string_view key) {
  const bool quoted = key.size() > 2 && key.front() == key.back() && (key.front() == '\'' || key.front() == '"');
  if (quoted) key = key.substr(1, key.size() - 2);
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(key.data(), key.data() + key.size(), number);
  const bool whole = failed == std::errc() && end == key.data() + key.size();
  return whole ? std::optional(number) : std::nullopt;
}

// What stands in quotes at the front of `rest`, which then goes on behind it.
std::optional<std::string> takeQuoted(std::string_view& rest) {
  if (rest.empty() || (rest.front() != '\'' && rest.front() != '"')) return std::nullopt;
  std::string name;
  std::size_t end = 1;
  for (; end < rest.size() && rest[end] != rest.front(); ++end) {
    if (rest[end] == '\\' && end + 1 < rest.size()) ++end;
    name += rest[end];
  }
  if (end >= rest.size()) return std::nullopt;
  rest.remove_prefix(end + 1);
  return name;
}

// Nothing where a number from 0 on is missing.
std::optional<std::vector<std::string>> inOrder(std::map<std::size_t, std::string> names) {
  if (names.empty() || names.rbegin()->first != names.size() - 1) return std::nullopt;
  std::vector<std::string> list;
  for (auto& [number, name] : names) list.push_back(std::move(name));
  return list;
}

// A number, a colon and a text in quotes. Whether they were there, and of a number that had none yet.
bool takeEntry(std::string_view& rest, std::map<std::size_t, std::string>& names) {
  const std::size_t colon = rest.find(':');
  if (colon == rest.npos) return false;
  const std::optional<std::size_t> number = numberOf(trimmed(rest.substr(0, colon)));
  rest = trimmed(rest.substr(colon + 1));
  std::optional<std::string> name = takeQuoted(rest);
  rest = trimmed(rest);
  return number && name && names.emplace(*number, std::move(*name)).second;
}

// A Python dict from number to text, as str() writes it: {0: 'cat', 1: "cat's"}. Nothing where the text is no such.
std::optional<std::vector<std::string>> namesOfDict(const std::string& text) {
  std::string_view rest = trimmed(text);
  if (!rest.starts_with('{')) return std::nullopt;
  std::map<std::size_t, std::string> names;
  do {
    rest.remove_prefix(1);
    if (!takeEntry(rest, names)) return std::nullopt;
  } while (rest.starts_with(','));
  return rest == "}" ? inOrder(std::move(names)) : std::nullopt;
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
                kGivePreprocess);
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

// What is found by its name may be another program's, or about another network: then what is given goes first.
template <class Read>
auto withHint(Read read) {
  try {
    return read();
  } catch (const Error& e) {
    throw Error(e.code(), e.where(), e.got(), e.expected(), e.hint().empty() ? kGivePreprocess : e.hint());
  }
}

// What tools call config.json is of many kinds; timm's has a pretrained_cfg, which other networks leave empty.
std::optional<Preprocess> preprocessOfConfig(const std::string& path) {
  const std::string text = textOf(path);
  const Json config = parsedOrNothing(text);
  const bool describes = config.is_object() && config.contains("pretrained_cfg") && !config["pretrained_cfg"].is_null();
  return describes ? std::optional(parsePreprocess(text, path)) : std::nullopt;
}

// "LABEL_0" stands for a name that nobody gave.
bool arePlaceholders(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != fmt::format("LABEL_{}", i)) return false;
  return true;
}

// timm names classes by synset, and describes them beside that.
std::vector<std::string> timmNames(const Json& config, const std::string& path) {
  std::vector<std::string> names;
  const Json descriptions = config.value("label_descriptions", Json::object());
  for (const Json& name : config["label_names"]) {
    if (!name.is_string()) throw Error(ErrorCode::InvalidArgument, path, "label_names that are no text", "names");
    const std::string key = name.get<std::string>();
    const bool described = descriptions.is_object() && descriptions.contains(key) && descriptions[key].is_string();
    names.push_back(described ? descriptions[key].get<std::string>() : key);
  }
  return names;
}

// Throws InvalidArgument where the file's names are none.
std::vector<std::string> configNames(const std::string& text, const std::string& path) {
  const Json config = parsedOrNothing(text);
  if (config.is_discarded()) throw Error(ErrorCode::InvalidArgument, path, "no JSON that can be read", "JSON");
  if (config.is_object() && config.contains("label_names") && config["label_names"].is_array())
    return timmNames(config, path);
  if (!config.is_object() || !config.contains("id2label")) return {};
  std::vector<std::string> names = parseLabels(text, path);
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

// A network works without names, so that those of a file that was found end nothing.
bool offerConfig(FoundLabels& found, const Model& model, const std::string& path) {
  try {
    return offer(found, model, configNames(textOf(path), path), path);
  } catch (const Error& e) {
    found.notes.push_back(fmt::format("the class names of {} are left aside: {}", path, e.got()));
    return false;
  }
}

void offerUltralytics(FoundLabels& found, const Model& model) {
  const char* const from = "metadata names (Ultralytics)";
  const std::optional<std::string> text = entryOf(model, "names");
  if (!text) return;
  if (const std::optional<std::vector<std::string>> names = namesOfDict(*text))
    offer(found, model, *names, from);
  else
    found.notes.push_back(
        fmt::format("the class names of {} are left aside: they do not go from 0 on, one by one", from));
}

// ---- preprocessing

Preprocess ownBytes() {
  Preprocess p;
  p.mean = {0}, p.std = {1};
  p.name = "integer input";
  p.notes = {"the network's input is of integers: it is given the picture's own bytes, 0 to 255"};
  return p;
}

bool givesWholeNumbers(const Preprocess& p) {
  const auto isWhole = [](double value) { return std::abs(value - std::round(value)) < 1e-4; };
  for (std::size_t i = 0; i < std::max(p.mean.size(), p.std.size()); ++i) {
    const double mean = p.mean[std::min(i, p.mean.size() - 1)], divisor = p.std[std::min(i, p.std.size() - 1)];
    if (!isWhole(mean / divisor) || !isWhole(p.scale / divisor)) return false;
  }
  return true;
}

// The network computes with them all the same, and gives what no program does that hands it integers.
void noteNumbersBesideBytes(Preprocess& p) {
  const PixelRange range = pixelRange(p);
  const float low = *std::min_element(range.low.begin(), range.low.end());
  const float high = *std::max_element(range.high.begin(), range.high.end());
  const bool whole = givesWholeNumbers(p);
  if (low >= 0 && high <= 255 && whole) return;
  p.notes.push_back(
      fmt::format("the network's input is of integers, and {} gives it numbers from {} to {}{}: bytes are whole "
                  "numbers from 0 to 255",
                  p.name.empty() ? "the preprocessing" : p.name, low, high, whole ? "" : ", not all of them whole"));
}

Preprocess preprocessOfMetadata(const std::string& text, const char* entry) {
  const std::string content(trimmed(text));
  try {
    return content.starts_with('{') ? parsePreprocess(content, entry) : namedPreprocess(content);
  } catch (const Error& e) {
    throw Error(e.code(), entry, e.got(), e.expected(), kGivePreprocess);
  }
}

// Nothing where none of the files of other programs lies there.
FoundPreprocess foreignPreprocess(const Model& model) {
  if (const auto path = inFolder(model, "preprocessor_config.json")) return {readPreprocess(*path), *path};
  const auto path = inFolder(model, "config.json");
  if (const auto p = path ? preprocessOfConfig(*path) : std::nullopt) return {p, *path};
  return {};
}

FoundPreprocess foundPreprocess(const Model& model, const std::string& given) {
  const char* const entry = "metadata relprop.preprocess";
  if (!given.empty()) return {readPreprocess(given), given};
  if (const auto path = besideModel(model, ".preprocess.json")) return {readPreprocess(*path), *path};
  if (const auto text = entryOf(model, "relprop.preprocess")) return {preprocessOfMetadata(*text, entry), entry};
  if (FoundPreprocess found = withHint([&] { return foreignPreprocess(model); }); found.preprocess) return found;
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
  if (model.takesBytes() && found.preprocess) noteNumbersBesideBytes(*found.preprocess);
  return found;
}

FoundLabels findLabels(const Model& model, const std::string& given) {
  FoundLabels found = certainLabels(model, given);
  requireLabelsFor(model.outputClasses(), found.names, found.from);
  if (!found.names.empty()) return found;
  const std::optional<std::string> config = inFolder(model, "config.json");
  if (!config || !offerConfig(found, model, *config)) offerUltralytics(found, model);
  return found;
}

}  // namespace relprop
