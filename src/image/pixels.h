// What all picture code shares: the size limit, allocation that fails as relprop::Error, and integer pixel arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/limits.h"
#include "relprop/image.h"

namespace relprop {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::int64_t kMaxPixels = limits::kImagePixels;

// Throws UnsupportedImage above kMaxPixels (before anything is allocated) and InvalidArgument for an empty picture.
void requirePixelCount(std::int64_t width, std::int64_t height, const std::string& where);

// The same, and UnsupportedImage where a file of so many bytes says that it holds more pixels than pictures have in it.
void requireDecodable(std::int64_t width, std::int64_t height, std::size_t fileBytes, const std::string& where);

// Zeroed; throws OutOfMemory.
Bytes allocateBytes(std::size_t count, const std::string& where);

// A black picture; throws as the two above.
Image blankImage(std::int64_t width, std::int64_t height, const std::string& where);

// Throws InvalidArgument unless the picture has as many bytes as its sides say.
void requireWhole(const Image& image, const std::string& where);

// a·b/255, rounded, exactly.
inline std::uint8_t mulDiv255(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
}

// ITU-R 601 luma, with the 16-bit weights that Pillow uses.
inline std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

}  // namespace relprop
