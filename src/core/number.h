// Numbers in text, read the same whatever the locale of the process: strtof and its kin want a comma in some.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace relprop {

// The whole text as a number with a point, an exponent or neither, and a + or - in front or nothing. None where it is
// something else, or too large or too small for the type.
template <class Number>
std::optional<Number> numberIn(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace relprop
