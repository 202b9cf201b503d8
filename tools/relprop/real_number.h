#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>

namespace relprop::cli {

// For options that are real numbers, read as whole ones are: no blanks, no + and no hexadecimal digits. `range` is what
// `fits` says, in words; nan is in none, as no comparison with it holds: CLI::Range asks the other way round and lets
// it pass.
template <class Fits>
CLI::Validator realNumber(Fits fits, const std::string& range) {
  const auto check = [fits, range](const std::string& text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [last, failed] = std::from_chars(text.data(), end, value);
    const bool right = failed == std::errc() && last == end && fits(value);
    return right ? std::string() : "'" + text + "' is no number" + (range.empty() ? "" : " " + range);
  };
  return {check, range};
}

// Where the library says what the range is.
inline CLI::Validator realNumber() {
  return realNumber([](double value) { return std::isfinite(value); }, "");
}

}  // namespace relprop::cli
