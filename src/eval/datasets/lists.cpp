#include "eval/datasets/lists.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <sstream>
#include <string_view>

#include "eval/datasets/files.h"
#include "relprop/image.h"

namespace relprop::eval {

namespace {

std::vector<std::string> fieldsOf(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> fields;
  for (std::string field; stream >> field;) fields.push_back(std::move(field));
  return fields;
}

std::string placeOf(const std::filesystem::path& list, std::size_t line) {
  return fmt::format("{}, line {}", list.string(), line);
}

// Long lines of something that is no list at all are not repeated in full.
std::string shown(const std::vector<std::string>& fields) {
  const std::string text = fmt::format("{}", fmt::join(fields, " "));
  return text.size() <= 60 ? text : text.substr(0, 60) + "…";
}

}  // namespace

std::string ListLine::where() const {
  return placeOf(list_, line_);
}

const std::string& ListLine::name(std::size_t field) const {
  return nameWithin(fields_.at(field), where());
}

void ListLine::requireFresh(std::set<std::string>& seen, const std::string& picture) const {
  requireFreshName(seen, picture, where());
}

int ListLine::whole(std::size_t field, int low) const {
  const std::string& text = fields_.at(field);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low)
    malformed(where(), fmt::format("'{}'", text), fmt::format("a whole number from {} on", low));
  return value;
}

double ListLine::number(std::size_t field) const {
  const std::optional<double> value = asNumber(fields_.at(field));
  if (!value) malformed(where(), fmt::format("'{}'", fields_.at(field)), "a number");
  return *value;
}

std::string readText(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(regularFile(path));
  std::string text(bytes.begin(), bytes.end());
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (text.starts_with(mark)) text.erase(0, mark.size());
  return text;
}

void readList(const std::filesystem::path& path, std::size_t least, std::size_t most, const std::string& expected,
              const std::function<void(const ListLine&)>& take) {
  std::istringstream stream(readText(path));
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::vector<std::string> fields = fieldsOf(line);
    if (fields.empty()) continue;
    if (fields.size() < least || fields.size() > most)
      malformed(placeOf(path, number), fmt::format("'{}'", shown(fields)), fmt::format("'{}'", expected));
    take(ListLine(path, number, std::move(fields)));
  }
}

std::optional<double> asNumber(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace relprop::eval
