#include "core/json_depth.h"

#include <algorithm>

#include "core/limits.h"

namespace relprop {

std::size_t jsonDepth(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!quoted && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return deepest;
}

void requireShallowJson(std::string_view text, ErrorCode code, const std::string& where) {
  if (const std::size_t depth = jsonDepth(text); depth > limits::kJsonDepth)
    throw Error(code, where, std::to_string(depth) + " lists and objects within one another",
                "at most " + std::to_string(limits::kJsonDepth));
}

void requireShallowJson(std::span<const std::uint8_t> bytes, ErrorCode code, const std::string& where) {
  requireShallowJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, code, where);
}

}  // namespace relprop
