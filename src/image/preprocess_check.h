// What a description of preprocessing has to satisfy, wherever it comes from.
#pragma once

#include <string>

#include "relprop/image.h"

namespace relprop {

// Throws MalformedPreprocess: the value of `key` is `got`, not `expected`.
[[noreturn]] void rejectPreprocess(const std::string& where, const std::string& key, const std::string& got,
                                   const std::string& expected);

// Throws MalformedPreprocess when a value is out of its range.
void checkPreprocess(const Preprocess& preprocess);

// "warp", "shorter-side", "central-fraction"; in the order of Preprocess::Resize behind None.
inline constexpr const char* kResizeModes[] = {"warp", "shorter-side", "central-fraction"};

}  // namespace relprop
