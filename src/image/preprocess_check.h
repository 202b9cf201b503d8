// What a description of preprocessing has to satisfy, wherever it comes from.
#pragma once

#include <optional>
#include <string>

#include "relprop/image.h"

namespace relprop {

inline constexpr int kMaxPreprocessSide = 16384;

// Throws MalformedPreprocess: the value of `key` is `got`, not `expected`.
[[noreturn]] void rejectPreprocess(const std::string& where, const std::string& key, const std::string& got,
                                   const std::string& expected);

// The first of "scale", "mean" and "std" with which pixels become no numbers that serve a network, and what would.
struct BadNumbers {
  std::string key, expected;
};
std::optional<BadNumbers> badNumbers(const Preprocess& preprocess);

// Throws MalformedPreprocess when a value is out of its range.
void checkPreprocess(const Preprocess& preprocess);

// "warp", "shorter-side", "central-fraction"; in the order of Preprocess::Resize behind None.
inline constexpr const char* kResizeModes[] = {"warp", "shorter-side", "central-fraction"};

}  // namespace relprop
