// What is asked of JSON that people write, before it is parsed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relprop {

// The first key that an object of the text has twice, as far as the text is JSON: a parser would silently keep one of
// its values. The text has to be shallow (requireShallowJson).
std::optional<std::string> doubledKey(std::string_view json);

}  // namespace relprop
