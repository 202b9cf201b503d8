// Options that are whole numbers: one rule for all of them, which is not CLI11's. That reads 010 as C does, takes 0x10,
// +3 and " 3" as well, and -1 for the largest there is.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "no_empty_values.h"

namespace relprop::cli {

// What is wrong with the text of a number, or nothing: decimal digits, with a - in front or nothing. `value` is it
// then.
template <std::integral Number>
std::string faultOfWhole(const std::string& text, Number least, Number most, Number& value) {
  const char* const end = text.data() + text.size();
  const auto [last, failed] = std::from_chars(text.data(), end, value);
  if (last != end || failed == std::errc::invalid_argument)
    return "'" + text + "' is no whole number" + (std::is_unsigned_v<Number> ? " of 0 or more" : "");
  if (failed == std::errc::result_out_of_range)
    return "'" + text + "' is too " + (text.starts_with('-') ? "small" : "large");
  if (value >= least && value <= most) return "";
  if (most == std::numeric_limits<Number>::max()) return "'" + text + "' is below " + std::to_string(least);
  return "'" + text + "' is not in range " + std::to_string(least) + " to " + std::to_string(most);
}

// For Option::transform: 010 becomes 10, before CLI11 makes 8 of it.
template <std::integral Number>
CLI::Validator wholeNumber(Number least = std::numeric_limits<Number>::min(),
                           Number most = std::numeric_limits<Number>::max()) {
  const auto settle = [least, most](std::string& text) {
    Number value{};
    std::string fault = faultOfWhole(text, least, most, value);
    if (fault.empty()) text = std::to_string(value);
    return fault;
  };
  const bool open = most == std::numeric_limits<Number>::max();
  return {settle, open ? std::string() : "from " + std::to_string(least) + " to " + std::to_string(most)};
}

template <std::integral Number>
CLI::Option* addWholeNumber(CLI::App& app, const std::string& names, Number& value, const std::string& help,
                            std::type_identity_t<Number> least = std::numeric_limits<Number>::min(),
                            std::type_identity_t<Number> most = std::numeric_limits<Number>::max()) {
  return app.add_option(names, value, help)->transform(wholeNumber<Number>(least, most))->type_name("N");
}

// Several, separated by commas.
inline CLI::Option* addWholeNumbers(CLI::App& app, const std::string& names, std::vector<int>& values,
                                    const std::string& help, int least = std::numeric_limits<int>::min(),
                                    int most = std::numeric_limits<int>::max()) {
  const auto take = [&values](const std::vector<std::string>& numbers) {
    values.clear();
    for (const std::string& number : numbers) values.push_back(std::stoi(number));
  };
  return addListOption(app, names, take, help, wholeNumber<int>(least, most))->type_name("N,…");
}

}  // namespace relprop::cli
