#include "image/preprocess_entries.h"

#include <fmt/format.h>

#include "image/preprocess_check.h"

namespace relprop {

void Entries::reject(const std::string& key, const std::string& expected) const {
  constexpr std::size_t most = 60;
  rejectPreprocess(where_, key, object_.contains(key) ? object_.at(key).dump().substr(0, most) : "missing", expected);
}

bool Entries::flag(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_boolean()) reject(key, "true or false");
  return at(key).get<bool>();
}

double Entries::number(const std::string& key, double fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_number()) reject(key, "a number");
  return at(key).get<double>();
}

std::string Entries::text(const std::string& key) const {
  return has(key) && at(key).is_string() ? at(key).get<std::string>() : "";
}

std::vector<double> Entries::numbers(const std::string& key) const {
  if (has(key) && at(key).is_number()) return {at(key).get<double>()};
  if (!has(key) || !at(key).is_array()) reject(key, "a list of numbers");
  std::vector<double> values;
  for (const Json& value : at(key)) {
    if (!value.is_number()) reject(key, "a list of numbers");
    values.push_back(value.get<double>());
  }
  return values;
}

int Entries::side(const std::string& key, const Json& value) const {
  if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > kMaxPreprocessSide)
    reject(key, fmt::format("whole numbers from 1 to {}", kMaxPreprocessSide));
  return value.get<int>();
}

double Entries::share(const std::string& key, double fallback) const {
  const double share = number(key, fallback);
  if (!(share > 0 && share <= 1)) reject(key, "a number above 0 and at most 1");
  return share;
}

int Entries::wholeOf(const std::string& key, int side, double share) const {
  const double whole = side / share;
  if (!(whole < kMaxPreprocessSide + 1.0))
    reject(key, fmt::format("a value with which {} pixels become at most {}", side, kMaxPreprocessSide));
  return static_cast<int>(whole);
}

void setSides(Preprocess& p, int height, int width) {
  p.resize = Preprocess::Resize::Warp;
  if (height == width)
    p.size = height;
  else
    p.sides = {height, width};
}

void noteFilter(Preprocess& p, const std::string& filter) {
  if (filter != "bilinear") p.notes.push_back(fmt::format("{} resizes by {}; bilinear is used here", p.name, filter));
}

}  // namespace relprop
