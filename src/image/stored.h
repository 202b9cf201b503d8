// Pictures read as annotations of data sets count their pixels: as they are stored, not turned and not coloured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "relprop/image.h"

namespace relprop {

// As readImage, but EXIF orientation is not applied.
Image readStoredImage(const std::filesystem::path& path);

// One byte a pixel, row by row.
struct IndexImage {
  int width = 0, height = 0;
  std::vector<std::uint8_t> values;
};

// The palette indices of a PNG, or its grey values when it has no palette; at most 8 bits, transparency left aside.
// Throws FileNotFound, FileUnreadable, MalformedImage, UnsupportedImage (colour without a palette, 16 bits).
IndexImage readIndexPng(const std::filesystem::path& path);
IndexImage decodeIndexPng(const std::vector<std::uint8_t>& file, const std::string& name);

}  // namespace relprop
