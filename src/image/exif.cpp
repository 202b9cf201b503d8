#include "image/exif.h"

#include <algorithm>

#include "image/pixels.h"

namespace relprop {

namespace {

constexpr std::string_view exifPrefix{"Exif\0\0", 6};

// The value of the directory entry there; 0 unless it is one number of 2 or 4 bytes. Writers are meant to store
// orientations in 2, and some store them in 4.
std::uint32_t numberOfEntry(ByteSpan tiff, std::size_t entry, bool bigEndian) {
  constexpr std::uint32_t shortType = 3, longType = 4;
  const auto type = readNumber(tiff, entry + 2, 2, bigEndian), count = readNumber(tiff, entry + 4, 4, bigEndian);
  if (type == shortType) return readNumber(tiff, entry + 8, 2, bigEndian).value_or(0);
  if (type == longType && count == 1u) return readNumber(tiff, entry + 8, 4, bigEndian).value_or(0);
  return 0;
}

// The orientation entry of the first directory; 0 when there is none.
std::uint32_t orientationEntry(ByteSpan tiff, bool bigEndian) {
  constexpr std::uint32_t orientationTag = 0x0112;
  const std::size_t directory = readNumber(tiff, 4, 4, bigEndian).value_or(0);
  const std::size_t entries = readNumber(tiff, directory, 2, bigEndian).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const auto tag = readNumber(tiff, entry, 2, bigEndian);
    if (!tag) return 0;
    if (*tag == orientationTag) return numberOfEntry(tiff, entry, bigEndian);
  }
  return 0;
}

}  // namespace

int exifOrientation(std::optional<ByteSpan> block) {
  if (!block) return 1;
  const ByteSpan tiff = startsWith(*block, exifPrefix) ? block->subspan(exifPrefix.size()) : *block;
  const bool bigEndian = startsWith(tiff, "MM");
  if (!bigEndian && !startsWith(tiff, "II")) return 1;
  if (readNumber(tiff, 2, 2, bigEndian) != 42u) return 1;
  const std::uint32_t value = orientationEntry(tiff, bigEndian);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

// Every orientation is an optional transposition followed by optional mirroring of the stored columns and rows.
Image orient(Image image, int orientation, const std::string& where) {
  if (orientation <= 1) return image;
  const bool transpose = orientation >= 5;
  const bool mirrorColumns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirrorRows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image upright = blankImage(transpose ? image.height : image.width, transpose ? image.width : image.height, where);
  std::uint8_t* out = upright.pixels.data();
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x, out += 3) {
      const int u = transpose ? y : x, v = transpose ? x : y;
      const std::size_t column = static_cast<std::size_t>(mirrorColumns ? image.width - 1 - u : u);
      const std::size_t row = static_cast<std::size_t>(mirrorRows ? image.height - 1 - v : v);
      std::copy_n(&image.pixels[(row * static_cast<std::size_t>(image.width) + column) * 3], 3, out);
    }
  }
  return upright;
}

}  // namespace relprop
