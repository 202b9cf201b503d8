// What is asked of JSON that people write, before it is parsed.
#pragma once

#include <string>
#include <string_view>

#include "relprop/error.h"

namespace relprop {

// Throws `code` where an object of the text has a key twice, as far as the text is JSON: a parser would silently keep
// one of its values. The text has to be shallow (requireShallowJson).
void requireKeysOnce(std::string_view json, ErrorCode code, const std::string& where, const std::string& hint = {});

}  // namespace relprop
