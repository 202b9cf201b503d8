#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace relprop::cli {

// For options that are real numbers. `range` is what `fits` says, in words; nan is in none, as no comparison with it
// holds: CLI::Range asks the other way round and lets it pass.
template <class Fits>
CLI::Validator realNumber(Fits fits, const std::string& range) {
  const auto check = [fits, range](const std::string& text) {
    double value = 0;
    const bool right = CLI::detail::lexical_cast(text, value) && fits(value);
    return right ? std::string() : "'" + text + "' is no number " + range;
  };
  return {check, range};
}

}  // namespace relprop::cli
