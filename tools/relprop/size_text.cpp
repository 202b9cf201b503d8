#include "size_text.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace relprop::cli {
namespace {

constexpr std::string_view kPrefixes = "kmgtpe";
constexpr const char* kSizeExpected =
    "a whole number of bytes, or of K, M, G, T, P or E (powers of 1024), such as 64M, or 1536M for 1.5G";

// Of "", "B", "M", "MB", "Mi", "MiB", in letters of either kind: twos in the unit.
std::optional<int> exponentOf(std::string unit) {
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (unit.empty() || unit == "b") return 0;
  const std::size_t prefix = kPrefixes.find(unit[0]);
  const std::string rest = unit.substr(1);
  if (prefix == std::string_view::npos || (rest != "" && rest != "b" && rest != "i" && rest != "ib")) return {};
  return 10 * (static_cast<int>(prefix) + 1);
}

}  // namespace

std::int64_t sizeIn(const std::string& option, const std::string& text, const std::string& size) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t number = 0;
  const char *begin = size.data(), *end = begin + size.size();
  const auto [unit, failed] = std::from_chars(begin, end, number);
  const std::optional<int> exponent = exponentOf({unit, end});
  const bool below = size.starts_with('-') || (failed == std::errc() && number <= 0);
  if (failed == std::errc::invalid_argument || !exponent || below)
    throw CLI::ValidationError(option, "'" + text + "' has no size above 0; expected " + kSizeExpected);
  if (failed != std::errc() || number > most >> *exponent)
    throw CLI::ValidationError(option, "'" + text + "' is too large; at most " + std::to_string(most));
  return number << *exponent;
}

}  // namespace relprop::cli
