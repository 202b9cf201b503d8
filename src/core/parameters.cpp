#include "core/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/names.h"
#include "core/number.h"

namespace relprop {
namespace {

// The shortest text that reads as the same number; fixed from 1e-4 to 1e16, as people write numbers. −0 is 0.
template <class Number>
std::string shortest(Number value) {
  if (value == 0) return "0";
  char text[64];
  const auto written = [&](std::chars_format format) {
    return std::string(text, std::to_chars(text, text + sizeof text, value, format).ptr);
  };
  const std::string scientific = written(std::chars_format::scientific);
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  return exponent >= -4 && exponent < 16 ? written(std::chars_format::fixed) : scientific;
}

}  // namespace

Parameters::Parameters(ErrorCode code, std::string subject, std::map<std::string, std::string> given)
    : code_(code), subject_(std::move(subject)), given_(std::move(given)) {}

const std::string& Parameters::take(const std::string& key, const std::string& fallback, const std::string& choices) {
  if (!hasAsked(key)) asked_.push_back({key, fallback, choices});
  const auto found = given_.find(key);
  return values_[key] = found == given_.end() ? fallback : found->second;
}

float Parameters::asGiven(const std::string& key, float fallback) {
  const std::string& text = take(key, shortest(fallback), "a number");
  const std::optional<float> value = numberIn<float>(text);
  if (!value || !std::isfinite(*value)) throw Error(code_, subject_ + ", " + key, "'" + text + "'", "a finite number");
  return *value == 0 ? 0 : *value;
}

float Parameters::number(const std::string& key, float fallback) {
  const float value = asGiven(key, fallback);
  values_[key] = shortest(value);
  return value;
}

float Parameters::numberFrom(const std::string& key, float fallback, float low, float high) {
  const float value = asGiven(key, fallback);
  if (!(value >= low && value <= high))
    throw Error(code_, subject_ + ", " + key, "'" + values_[key] + "'",
                "a number from " + shortest(low) + " to " + shortest(high));
  values_[key] = shortest(value);
  return value;
}

std::string Parameters::word(const std::string& key, const std::string& fallback,
                             const std::vector<std::string>& choices) {
  const std::string& value = take(key, fallback, listed(choices));
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    unknownName(code_, subject_ + ", " + key, value, choices);
  return value;
}

std::string Parameters::text(const std::string& key, const std::string& fallback, const std::string& choices) {
  return take(key, fallback, choices);
}

int Parameters::whole(const std::string& key, int fallback, int low, int high) {
  const float value = asGiven(key, static_cast<float>(fallback));
  if (value < static_cast<float>(low) || value > static_cast<float>(high) || value != std::floor(value))
    throw Error(code_, subject_ + ", " + key, "'" + values_[key] + "'",
                "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  values_[key] = shortest(value);
  return static_cast<int>(value);
}

void Parameters::spell(const std::string& key, double value) {
  values_.at(key) = shortest(value);
}

std::string Parameters::optional(const std::string& key, const std::string& choices, const std::string& fallback) {
  optional_.insert(key);
  return take(key, fallback, choices);
}

bool Parameters::hasAsked(const std::string& key) const {
  return std::any_of(asked_.begin(), asked_.end(), [&](const ParameterInfo& p) { return p.key == key; });
}

void Parameters::finish() const {
  std::vector<std::string> keys;
  for (const ParameterInfo& p : asked_) keys.push_back(p.key);
  for (const auto& [key, value] : given_) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    if (keys.empty()) throw Error(code_, subject_, "unknown key '" + key + "'", "no parameters");
    unknownName(code_, subject_ + ", key", key, keys);
  }
}

bool Parameters::isShown(const ParameterInfo& p) const {
  return !optional_.contains(p.key) || (isGiven(p.key) && values_.at(p.key) != p.fallback);
}

std::string Parameters::complete(const std::string& name) const {
  std::string text;
  for (const ParameterInfo& p : asked_)
    if (isShown(p)) text += (text.empty() ? ":" : ",") + p.key + "=" + values_.at(p.key);
  return name + text;
}

std::map<std::string, std::string> parseKeyValues(const std::string& text, const std::string& positional,
                                                  ErrorCode code, const std::string& subject) {
  std::map<std::string, std::string> values;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, comma - at);
    const std::size_t equals = item.find('=');
    const bool lone = equals == std::string::npos;
    const std::string key = lone ? positional : item.substr(0, equals);
    if (key.empty() || item.empty()) throw Error(code, subject, "'" + text + "'", "name:key=value,key=value");
    if (!values.emplace(key, lone ? item : item.substr(equals + 1)).second)
      throw Error(code, subject, "'" + key + "' given twice", "each key once");
    at = comma + 1;
  }
  return values;
}

}  // namespace relprop
