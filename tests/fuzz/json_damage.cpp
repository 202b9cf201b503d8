#include "fuzz/json_damage.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/dice.h"
#include "fuzz/harness.h"

namespace relprop::fuzz {

namespace {

using Json = nlohmann::ordered_json;

const std::vector<Json>& oddValues() {
  static const std::vector<Json> values = {nullptr,
                                           true,
                                           false,
                                           0,
                                           1,
                                           -1,
                                           2,
                                           3,
                                           224,
                                           65536,
                                           2147483647,
                                           1ll << 31,
                                           INT64_MAX,
                                           INT64_MIN,
                                           UINT64_MAX,
                                           0.5,
                                           1e-300,
                                           1e300,
                                           -0.0,
                                           "",
                                           "0",
                                           "a",
                                           "1e9",
                                           "nan",
                                           "../a.png",
                                           "/etc/passwd",
                                           "RGB",
                                           "center",
                                           std::string(300, 'x'),
                                           "\x1b[31m",
                                           "\xc3\xa4",
                                           Json::array(),
                                           Json::object(),
                                           Json::array({1, 2}),
                                           Json::array({0.5, 0.5, 0.5}),
                                           Json({{"height", 8}, {"width", 8}})};
  return values;
}

class JsonDamage : Dice {
 public:
  JsonDamage(Json& json, std::mt19937& random) : Dice(random) { collect(json); }

  // One value of any depth: another, gone, twice, or under another name.
  void once() {
    Json& value = *oneOf(values_);
    if (value.is_structured() && !value.empty() && below(2) == 0)
      value.is_object() ? member(value) : element(value);
    else
      value = below(4) == 0 ? *oneOf(values_) : oneOf(oddValues());
  }

 private:
  void collect(Json& json) {
    values_.push_back(&json);
    if (json.is_structured())
      for (Json& value : json) collect(value);
  }
  std::string anyKey() {
    std::vector<std::string> keys = {"", "0", "1", "id", "x", "size", "scale", "mean"};
    for (const Json* value : values_)
      if (value->is_object())
        for (const auto& [key, ignored] : value->items()) keys.push_back(key);
    return oneOf(keys);
  }
  void member(Json& object) {
    const std::string key = std::next(object.begin(), static_cast<std::ptrdiff_t>(below(object.size()))).key();
    const Json value = object[key];
    if (below(2)) object[anyKey()] = value;
    if (below(2)) object.erase(key);
  }
  void element(Json& list) {
    const auto at = static_cast<std::ptrdiff_t>(below(list.size()));
    const Json value = list[static_cast<std::size_t>(at)];
    if (below(2))
      list.erase(list.begin() + at);
    else
      list.insert(list.begin() + at, value);
  }

  std::vector<Json*> values_;
};

}  // namespace

std::optional<std::vector<std::uint8_t>> damagedJson(Bytes bytes, std::mt19937& random) {
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_structured()) return {};
  for (std::size_t times = 1 + random() % 3; times > 0; --times) JsonDamage(json, random).once();
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return std::vector<std::uint8_t>(text.begin(), text.end());
}

std::optional<std::vector<std::uint8_t>> damagedJsonPart(Bytes bytes, std::mt19937& random) {
  const std::vector<Part> parts = partsOf(bytes);
  const std::size_t first = random();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Bytes part = parts[(first + i) % parts.size()].bytes;
    const std::optional<std::vector<std::uint8_t>> damaged = damagedJson(part, random);
    if (!damaged) continue;
    return withPart(bytes, part, *damaged);
  }
  return {};
}

}  // namespace relprop::fuzz
