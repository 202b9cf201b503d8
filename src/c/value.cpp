#include "c/value.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "relprop/error.h"

namespace relprop::c {

void Value::refuse(const std::string& expected) const {
  constexpr std::size_t kShown = 60;
  std::string got = json_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (got.size() > kShown) got = got.substr(0, kShown) + "…";
  throw Error(ErrorCode::InvalidArgument, option_, got, expected);
}

std::string Value::text() const {
  if (!json_.is_string()) refuse("a text");
  auto text = json_.get<std::string>();
  if (text.find('\0') != std::string::npos) refuse("a text without zero bytes");
  return text;
}

bool Value::flag() const {
  if (!json_.is_boolean()) refuse("true or false");
  return json_.get<bool>();
}

std::int64_t Value::whole(std::int64_t low, std::int64_t high) const {
  const std::string expected = fmt::format("a whole number from {} to {}", low, high);
  if (!json_.is_number_integer()) refuse(expected);
  const bool beyond = json_.is_number_unsigned() &&
                      json_.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (beyond || json_.get<std::int64_t>() < low || json_.get<std::int64_t>() > high) refuse(expected);
  return json_.get<std::int64_t>();
}

double Value::number(double low, double high) const {
  const double value = json_.is_number() ? json_.get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(value >= low && value <= high)) refuse(fmt::format("a number from {} to {}", low, high));
  return value;
}

std::vector<std::string> Value::texts() const {
  std::vector<std::string> all;
  if (!json_.is_array()) return {text()};
  for (const nlohmann::json& one : json_) all.push_back(part(one).text());
  return all;
}

std::vector<std::string> Value::someTexts() const {
  if (json_.is_array() && json_.empty()) refuse("at least one; leave it out for the default");
  return texts();
}

std::vector<float> Value::floats() const {
  std::vector<float> all;
  if (!json_.is_array()) refuse("a list of numbers");
  constexpr double kMost = std::numeric_limits<float>::max();
  for (const nlohmann::json& one : json_) all.push_back(static_cast<float>(part(one).number(-kMost, kMost)));
  return all;
}

Shape Value::shape() const {
  constexpr const char* kExpected = "[H, W] or [C, H, W], e.g. [224, 224]";
  if (!json_.is_array() || (json_.size() != 2 && json_.size() != 3)) refuse(kExpected);
  Shape shape;
  for (const nlohmann::json& one : json_) shape.push_back(part(one).whole(1, 65536));
  return shape;
}

std::string Value::word() const {
  if (json_.is_number()) return json_.dump();
  if (json_.is_boolean()) return json_.get<bool>() ? "on" : "off";
  return text();
}

}  // namespace relprop::c
