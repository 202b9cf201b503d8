#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <concepts>
#include <string>
#include <system_error>

namespace relprop::cli {

// The whole number that an option was given: CLI11 takes -1 for the largest there is, and what is larger for that too.
template <std::unsigned_integral Number>
Number wholeNumber(const std::string& option, const std::string& text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [last, failed] = std::from_chars(text.data(), end, value);
  if (failed == std::errc::result_out_of_range) throw CLI::ValidationError(option, "'" + text + "' is too large");
  if (failed != std::errc() || last != end)
    throw CLI::ValidationError(option, "'" + text + "' is no whole number of 0 or more");
  return value;
}

template <std::unsigned_integral Number>
CLI::Option* addWholeNumber(CLI::App& app, const std::string& option, Number& value, const std::string& help) {
  return app
      .add_option_function<std::string>(
          option, [&value, option](const std::string& text) { value = wholeNumber<Number>(option, text); }, help)
      ->type_name("N");
}

}  // namespace relprop::cli
