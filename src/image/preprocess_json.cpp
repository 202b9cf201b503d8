#include "image/preprocess_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/json_depth.h"
#include "image/preprocess_check.h"
#include "image/preprocess_dialects.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Json = nlohmann::ordered_json;
using Keys = std::vector<std::string>;

// (The parser's own callback goes through a list again for every part of it.)
class DoubledKey : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::optional<std::string> found;

  bool key(std::string& name) override {
    if (!keys_.back().insert(name).second) found = name;
    return !found;
  }
  bool start_object(std::size_t) override { return keys_.emplace_back(), true; }
  bool end_object() override { return keys_.pop_back(), true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

std::string brief(const Json& value) {
  constexpr std::size_t most = 60;
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= most ? text : text.substr(0, most) + "…";
}

// One object of the side file; `prefix` leads to it in the names of keys.
class Section {
 public:
  Section(const Json& object, std::string prefix, const std::string& where)
      : object_(object), prefix_(std::move(prefix)), where_(where) {}

  [[noreturn]] void reject(const std::string& key, const std::string& expected) const {
    rejectPreprocess(where_, prefix_ + key, has(key) ? brief(object_.at(key)) : "missing", expected);
  }
  bool has(const std::string& key) const { return object_.contains(key); }
  void requireKnown(const Keys& known) const {
    for (const auto& [key, value] : object_.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw Error(ErrorCode::MalformedPreprocess, where_, "unknown key " + brief(prefix_ + key),
                    fmt::format("one of {}", fmt::join(known, ", ")));
  }
  bool isList(const std::string& key) const { return has(key) && object_.at(key).is_array(); }
  double number(const std::string& key) const {
    if (!has(key) || !object_.at(key).is_number()) reject(key, "a number");
    return object_.at(key).get<double>();
  }
  int whole(const std::string& key) const {
    if (!has(key)) reject(key, "a whole number");
    return wholeOf(object_.at(key), key);
  }
  std::array<int, 2> pair(const std::string& key) const {
    const Json& value = object_.at(key);
    if (!value.is_array() || value.size() != 2) reject(key, "[height, width]");
    return {wholeOf(value[0], key), wholeOf(value[1], key)};
  }
  std::vector<double> numbers(const std::string& key) const {
    if (!has(key) || !object_.at(key).is_array()) reject(key, "a list of numbers");
    std::vector<double> values;
    for (const Json& value : object_.at(key)) {
      if (!value.is_number()) reject(key, "a list of numbers");
      values.push_back(value.get<double>());
    }
    return values;
  }
  // The position of the key's text in `allowed`.
  std::size_t choice(const std::string& key, const Keys& allowed) const {
    const bool text = has(key) && object_.at(key).is_string();
    const auto found =
        text ? std::find(allowed.begin(), allowed.end(), object_.at(key).get<std::string>()) : allowed.end();
    if (found == allowed.end()) reject(key, fmt::format("one of {}", fmt::join(allowed, ", ")));
    return static_cast<std::size_t>(found - allowed.begin());
  }
  Section section(const std::string& key) const {
    if (!object_.at(key).is_object()) reject(key, "an object");
    return {object_.at(key), prefix_ + key + ".", where_};
  }

 private:
  // Numbers beyond int are refused here, so that the check of the range sees what the file says.
  int wholeOf(const Json& value, const std::string& key) const {
    constexpr double most = std::numeric_limits<int>::max();
    if (!value.is_number_integer() || std::abs(value.get<double>()) > most) reject(key, "whole numbers up to 16384");
    return value.get<int>();
  }

  const Json& object_;
  std::string prefix_;
  const std::string& where_;
};

void parseResize(const Section& section, Preprocess& preprocess) {
  section.requireKnown({"mode", "size", "fraction", "filter"});
  const Keys modes(std::begin(kResizeModes), std::end(kResizeModes));
  preprocess.resize = static_cast<Preprocess::Resize>(1 + section.choice("mode", modes));
  if (section.isList("size"))
    preprocess.sides = section.pair("size");
  else
    preprocess.size = section.whole("size");
  const bool central = preprocess.resize == Preprocess::Resize::CentralFraction;
  if (central) preprocess.fraction = section.number("fraction");
  if (!central && section.has("fraction")) section.reject("fraction", "nothing: it belongs to central-fraction");
  if (section.has("filter")) section.choice("filter", {"bilinear-antialias"});
}

Preprocess parseRoot(const Section& root, const std::string& where) {
  root.requireKnown({"resize", "crop", "channels", "scale", "mean", "std"});
  Preprocess preprocess;
  preprocess.name = where;
  if (root.has("resize")) parseResize(root.section("resize"), preprocess);
  if (root.has("crop")) {
    preprocess.crop = root.pair("crop");
    if (preprocess.crop == std::array{0, 0}) root.reject("crop", "whole numbers from 1 to 16384");
  }
  preprocess.bgr = root.choice("channels", {"RGB", "BGR"}) == 1;
  preprocess.scale = root.number("scale");
  preprocess.mean = root.numbers("mean");
  preprocess.std = root.numbers("std");
  return preprocess;
}

Json parseText(const std::string& text, const std::string& where) {
  requireShallowJson(text, ErrorCode::MalformedPreprocess, where);
  requireKeysOnce(text, ErrorCode::MalformedPreprocess, where);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw Error(ErrorCode::MalformedPreprocess, where, fmt::format("broken JSON at byte {}", error.byte),
                "a JSON object");
  } catch (const Json::out_of_range&) {
    throw Error(ErrorCode::MalformedPreprocess, where, "JSON with a number that is too large", "a JSON object");
  }
}

}  // namespace

void requireKeysOnce(std::string_view json, ErrorCode code, const std::string& where, const std::string& hint) {
  DoubledKey keys;
  nlohmann::json::sax_parse(json.begin(), json.end(), &keys);
  if (keys.found) throw Error(code, where, fmt::format("key '{}' twice", *keys.found), "every key once", hint);
}

Preprocess parsePreprocess(const std::string& json, const std::string& where) {
  const Json root = parseText(json, where);
  if (!root.is_object()) throw Error(ErrorCode::MalformedPreprocess, where, brief(root), "a JSON object");
  const std::optional<Preprocess> dialect = dialectPreprocess(root, where);
  const Preprocess preprocess = dialect ? *dialect : parseRoot(Section(root, "", where), where);
  checkPreprocess(preprocess);
  return preprocess;
}

std::string toJson(const Preprocess& preprocess) {
  checkPreprocess(preprocess);
  Json root = Json::object();
  if (preprocess.resize != Preprocess::Resize::None) {
    Json& resize = root["resize"] = Json::object();  // null would not survive an allocation that fails in it
    resize["mode"] = kResizeModes[static_cast<int>(preprocess.resize) - 1];
    resize["size"] = preprocess.size;
    if (preprocess.sides != std::array{0, 0}) resize["size"] = preprocess.sides;
    if (preprocess.resize == Preprocess::Resize::CentralFraction) resize["fraction"] = preprocess.fraction;
    resize["filter"] = "bilinear-antialias";
  }
  if (preprocess.crop != std::array{0, 0}) root["crop"] = preprocess.crop;
  root["channels"] = preprocess.bgr ? "BGR" : "RGB";
  root["scale"] = preprocess.scale;
  root["mean"] = preprocess.mean;
  root["std"] = preprocess.std;
  return root.dump(2);
}

}  // namespace relprop
