// Masks as PNG files: palette indices, grey values or colours.
#pragma once

#include <gtest/gtest.h>
#include <png.h>

#include <array>
#include <cstdint>
#include <vector>

namespace relprop::test {

inline std::vector<std::uint8_t> encodeSamples(png_uint_32 format, int width, int height, const void* samples,
                                               const void* palette = nullptr, int entries = 0) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.format = format;
  header.width = static_cast<png_uint_32>(width);
  header.height = static_cast<png_uint_32>(height);
  header.colormap_entries = static_cast<png_uint_32>(entries);
  png_alloc_size_t size = 0;
  EXPECT_TRUE(png_image_write_to_memory(&header, nullptr, &size, 0, samples, 0, palette)) << header.message;
  std::vector<std::uint8_t> file(size);
  EXPECT_TRUE(png_image_write_to_memory(&header, file.data(), &size, 0, samples, 0, palette)) << header.message;
  return file;
}

// The colours are such that index, grey value and every channel differ. Few entries make pixels of 1, 2 or 4 bits.
inline std::vector<std::uint8_t> palettePng(int width, int height, const std::vector<std::uint8_t>& indices,
                                            int entries = 256) {
  std::array<std::uint8_t, 768> palette{};
  for (std::size_t i = 0; i < 256; ++i) {
    palette[i * 3] = static_cast<std::uint8_t>(i * 37 + 11);
    palette[i * 3 + 1] = static_cast<std::uint8_t>(i * 91 + 100);
    palette[i * 3 + 2] = static_cast<std::uint8_t>(200 - i);
  }
  return encodeSamples(PNG_FORMAT_RGB_COLORMAP, width, height, indices.data(), palette.data(), entries);
}

inline std::vector<std::uint8_t> greyPng(int width, int height, const std::vector<std::uint8_t>& values) {
  return encodeSamples(PNG_FORMAT_GRAY, width, height, values.data());
}

inline std::vector<std::uint8_t> greyAlphaPng(int width, int height, const std::vector<std::uint8_t>& values) {
  return encodeSamples(PNG_FORMAT_GA, width, height, values.data());
}

inline std::vector<std::uint8_t> colourPng(int width, int height, const std::vector<std::uint8_t>& rgb) {
  return encodeSamples(PNG_FORMAT_RGB, width, height, rgb.data());
}

inline std::vector<std::uint8_t> deepGreyPng(int width, int height, const std::vector<std::uint16_t>& values) {
  return encodeSamples(PNG_FORMAT_LINEAR_Y, width, height, values.data());
}

}  // namespace relprop::test
