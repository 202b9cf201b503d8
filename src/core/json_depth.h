// How deep a JSON text nests, before it is parsed: what walks a parsed value, copies or prints it, does so by
// recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "relprop/error.h"

namespace relprop {

// Of lists and objects within one another, as far as the text is JSON.
std::size_t jsonDepth(std::string_view text);

// Throws an error of that code where it is more than limits::kJsonDepth.
void requireShallowJson(std::string_view text, ErrorCode code, const std::string& where);
void requireShallowJson(std::span<const std::uint8_t> bytes, ErrorCode code, const std::string& where);

}  // namespace relprop
