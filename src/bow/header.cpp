#include "bow/header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "bow/file.h"
#include "bow/limits.h"
#include "bow/setting_names.h"
#include "core/json_depth.h"
#include "image/preprocess_json.h"

namespace relprop::bow {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kFormat = "relprop bag of visual words";
constexpr const char* kMaximumName = "max";

std::string brief(const Json& value) {
  constexpr std::size_t most = 60;
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

std::vector<std::string> keysOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// One object of the header, of which exactly `keys` are there.
class Section {
 public:
  Section(const Json& object, const std::string& name, const std::vector<std::string>& keys, const Place& place)
      : object_(object), place_(place) {
    if (!object.is_object()) rejectSetting(place, name, brief(object), "an object");
    for (const auto& [key, value] : object.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        rejectSetting(place, name, "an unknown key " + brief(key), fmt::format("one of {}", fmt::join(keys, ", ")));
    for (const std::string& key : keys)
      if (!object.contains(key)) rejectSetting(place, key, "missing", "a value");
  }
  const Json& at(const std::string& key) const { return object_.at(key); }
  const std::vector<Json>& list(const std::string& key) const { return listOf(at(key), key); }
  const std::vector<Json>& listOf(const Json& value, const std::string& key) const {
    if (!value.is_array()) rejectSetting(place_, key, brief(value), "a list");
    return value.get_ref<const std::vector<Json>&>();
  }
  std::int64_t wholeOf(const Json& value, const std::string& key) const {
    constexpr std::uint64_t most = std::numeric_limits<int>::max();
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
      rejectSetting(place_, key, brief(value), fmt::format("a whole number from 0 to {}", most));
    return value.get<std::int64_t>();
  }
  std::int64_t whole(const std::string& key) const { return wholeOf(at(key), key); }
  double number(const std::string& key) const {
    if (!at(key).is_number()) rejectSetting(place_, key, brief(at(key)), "a number");
    return at(key).get<double>();
  }
  bool flag(const std::string& key) const {
    if (!at(key).is_boolean()) rejectSetting(place_, key, brief(at(key)), "true or false");
    return at(key).get<bool>();
  }
  std::string text(const std::string& key) const { return textOf(at(key), key); }
  std::string textOf(const Json& value, const std::string& key) const {
    if (!value.is_string()) rejectSetting(place_, key, brief(value), "a text");
    return value.get<std::string>();
  }
  template <class E>
  E choice(const std::string& key, const std::vector<SettingName<E>>& names) const {
    if (const E* found = at(key).is_string() ? findNamed(names, at(key).get_ref<const std::string&>()) : nullptr)
      return *found;
    rejectSetting(place_, key, brief(at(key)), listNamed(names));
  }

 private:
  const Json& object_;
  const Place& place_;
};

FeatureSettings parseFeatures(const Json& json, const Place& place) {
  const Section section(json, "features", {"places", "colour", "step", "patches", "root", "keypoints"}, place);
  FeatureSettings features;
  features.places = section.choice("places", placesNames());
  features.colour = section.choice("colour", colourNames());
  features.step = static_cast<int>(section.whole("step"));
  features.patches.clear();
  for (const Json& side : section.list("patches"))
    features.patches.push_back(static_cast<int>(section.wholeOf(side, "patches")));
  features.root = section.flag("root");
  features.keypoints = static_cast<int>(section.whole("keypoints"));
  checkFeatures(features, place);
  return features;
}

MappingSettings parseMapping(const Json& json, const Place& place) {
  const Section section(json, "mapping", {"kind", "nearest", "base", "width"}, place);
  return {section.choice("kind", mappingNames()), static_cast<int>(section.whole("nearest")), section.number("base"),
          section.number("width")};
}

PoolingSettings parsePooling(const Json& json, const Place& place) {
  const Section section(json, "pooling", {"power", "tiles", "norm"}, place);
  PoolingSettings pooling;
  pooling.power = section.at("power") == kMaximumName ? kMaximum : section.number("power");
  pooling.tiles.clear();
  for (const Json& pair : section.list("tiles")) {
    const std::vector<Json>& sides = section.listOf(pair, "tiles");
    if (sides.size() != 2) rejectSetting(place, "tiles", brief(pair), "[rows, columns]");
    pooling.tiles.push_back(
        {static_cast<int>(section.wholeOf(sides[0], "tiles")), static_cast<int>(section.wholeOf(sides[1], "tiles"))});
  }
  pooling.norm = section.choice("norm", normNames());
  return pooling;
}

std::vector<KernelTerm> parseKernels(const std::vector<Json>& list, const Place& place) {
  std::vector<KernelTerm> kernels;
  for (const Json& json : list) {
    const Section section(json, "kernels", {"kind", "gamma", "beta"}, place);
    kernels.push_back({section.choice("kind", kernelKindNames()), section.number("gamma"), section.number("beta")});
  }
  checkKernels(kernels, false, place);
  return kernels;
}

Preprocess parsePictures(const Json& json, const FeatureSettings& features, const Place& place) {
  Preprocess preprocess;
  try {
    preprocess = parsePreprocess(json.dump(), place.where + ", preprocess");
  } catch (const Error& error) {
    throw Error(place.code, error.where(), error.got(), error.expected(), error.hint());
  }
  checkPicturePreprocess(preprocess, features, place);
  return preprocess;
}

ArraySizes parseSizes(const Json& json, const Place& place) {
  const Section section(json, "sizes", {"words", "length", "supports", "dimensions", "classes"}, place);
  return {section.whole("words"), section.whole("length"), section.whole("supports"), section.whole("dimensions"),
          section.whole("classes")};
}

void requireEqual(const Place& place, const char* key, std::int64_t value, std::int64_t expected) {
  if (value != expected) rejectSetting(place, key, fmt::format("{}", value), fmt::format("{}", expected));
}

// No array is larger than kMaxArrayBytes: counts are bounded first, so that no product overflows.
void checkSizes(const Bag& bag, const ArraySizes& sizes, const Place& place) {
  constexpr std::int64_t most = kMaxArrayBytes / static_cast<std::int64_t>(sizeof(double));
  checkMapping(bag.mapping, sizes.words, place);
  checkPooling(bag.pooling, sizes.words, place);
  requireEqual(place, "length", sizes.length, descriptorLength(bag.features));
  requireEqual(place, "dimensions", sizes.dimensions, dimensions(sizes.words, bag.pooling));
  requireWithin(place, "classes", sizes.classes, 1, kMaxClasses);
  requireWithin(place, "supports", sizes.supports, 1, most / std::max(sizes.dimensions, sizes.classes));
  requireEqual(place, "class names", static_cast<std::int64_t>(bag.classes.size()), sizes.classes);
}

// What walks a JSON value does so by recursion; nothing of a header is deep.
Json parseJson(const std::string& text, const Place& place) {
  constexpr std::size_t deepest = 8;
  if (jsonDepth(text) > deepest)
    rejectSetting(place, "header", "lists within lists", fmt::format("{} at most", deepest));
  requireKeysOnce(text, place.code, place.where);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw Error(place.code, place.where, fmt::format("no JSON at byte {}", error.byte), "a JSON object");
  } catch (const Json::out_of_range&) {
    throw Error(place.code, place.where, "a number that is too large", "a JSON object");
  }
}

void checkVersion(const Json& root, const Place& place) {
  if (!root.is_object() || !root.contains("format") || root.at("format") != kFormat)
    rejectSetting(place, "format", root.is_object() && root.contains("format") ? brief(root.at("format")) : "missing",
                  fmt::format("\"{}\"", kFormat));
  if (!root.contains("version") || !root.at("version").is_number_unsigned())
    rejectSetting(place, "version", root.contains("version") ? brief(root.at("version")) : "missing", "a whole number");
  if (root.at("version") != kFileVersion)
    throw Error(ErrorCode::UnsupportedModel, place.where, fmt::format("version {}", brief(root.at("version"))),
                fmt::format("version {}", kFileVersion), "it was written by another version of relprop");
}

OrderedJson featuresJson(const FeatureSettings& features) {
  return {{"places", nameOf(placesNames(), features.places)},
          {"colour", nameOf(colourNames(), features.colour)},
          {"step", features.step},
          {"patches", features.patches},
          {"root", features.root},
          {"keypoints", features.keypoints}};
}

OrderedJson poolingJson(const PoolingSettings& pooling) {
  return {{"power", pooling.power == kMaximum ? OrderedJson(kMaximumName) : OrderedJson(pooling.power)},
          {"tiles", pooling.tiles},
          {"norm", nameOf(normNames(), pooling.norm)}};
}

OrderedJson kernelsJson(const std::vector<KernelTerm>& kernels) {
  OrderedJson list = OrderedJson::array();
  for (const KernelTerm& term : kernels)
    list.push_back({{"kind", kernelName(term.kind)}, {"gamma", term.gamma}, {"beta", term.beta}});
  return list;
}

}  // namespace

ArraySizes arraySizes(const Bag& bag) {
  return {bag.vocabulary.words(), bag.vocabulary.length, bag.machine.supports(), bag.machine.dimensions,
          bag.machine.classes()};
}

std::string headerText(const Bag& bag) {
  const ArraySizes sizes = arraySizes(bag);
  OrderedJson root = OrderedJson::object();
  root["format"] = kFormat;
  root["version"] = kFileVersion;
  root["features"] = featuresJson(bag.features);
  root["mapping"] = {{"kind", nameOf(mappingNames(), bag.mapping.kind)},
                     {"nearest", bag.mapping.nearest},
                     {"base", bag.mapping.base},
                     {"width", bag.mapping.width}};
  root["pooling"] = poolingJson(bag.pooling);
  root["scale"] = bag.vocabulary.scale;
  root["kernels"] = kernelsJson(bag.machine.kernels);
  root["sizes"] = {{"words", sizes.words},
                   {"length", sizes.length},
                   {"supports", sizes.supports},
                   {"dimensions", sizes.dimensions},
                   {"classes", sizes.classes}};
  root["classes"] = bag.classes;
  root["preprocess"] = OrderedJson::parse(toJson(bag.preprocess));
  root["about"] = bag.about;
  return root.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Header parseHeader(const std::string& text, const std::string& where) {
  const Place place{ErrorCode::MalformedModel, where};
  const Json root = parseJson(text, place);
  checkVersion(root, place);
  const Section section(root, "header",
                        {"format", "version", "features", "mapping", "pooling", "scale", "kernels", "sizes", "classes",
                         "preprocess", "about"},
                        place);
  Header header;
  Bag& bag = header.bag;
  bag.features = parseFeatures(section.at("features"), place);
  bag.mapping = parseMapping(section.at("mapping"), place);
  bag.pooling = parsePooling(section.at("pooling"), place);
  bag.vocabulary.scale = section.number("scale");
  if (!(bag.vocabulary.scale >= 0 && bag.vocabulary.scale <= kMaxValue))
    rejectSetting(place, "scale", brief(section.at("scale")), fmt::format("a number from 0 to {}", kMaxValue));
  bag.machine.kernels = parseKernels(section.list("kernels"), place);
  for (const Json& name : section.list("classes")) bag.classes.push_back(section.textOf(name, "classes"));
  bag.preprocess = parsePictures(section.at("preprocess"), bag.features, place);
  const Json& about = section.at("about");
  const Section texts(about, "about", keysOf(about), place);
  for (const std::string& key : keysOf(about)) bag.about[key] = texts.text(key);
  header.sizes = parseSizes(section.at("sizes"), place);
  checkSizes(bag, header.sizes, place);
  return header;
}

}  // namespace relprop::bow
