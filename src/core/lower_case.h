// Letters of ASCII in lower case, the others as they are: what tolower makes of a byte is the host's locale's to say,
// and in Turkish the small letter of I is no i.
#pragma once

#include <string>

namespace relprop {

constexpr char lowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lowerCase(std::string text) {
  for (char& c : text) c = lowerCase(c);
  return text;
}

}  // namespace relprop
