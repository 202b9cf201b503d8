#include "unit/image/support.h"

#include <turbojpeg.h>
#include <webp/encode.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>

namespace relprop::test {

namespace {

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}
void append(Bytes& bytes, const std::string& text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
}

void appendNumber(Bytes& bytes, std::uint32_t value, int size, bool bigEndian) {
  for (int i = 0; i < size; ++i)
    bytes.push_back(static_cast<std::uint8_t>(value >> 8 * (bigEndian ? size - 1 - i : i)));
}

Bytes compress(const Bytes& pixels, int width, int height, int format, int subsampling, int flags) {
  tjhandle jpeg = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(jpeg, pixels.data(), width, 0, height, format, &data, &size, subsampling, 95, flags), 0);
  Bytes file(data, data + size);
  tjFree(data);
  tjDestroy(jpeg);
  return file;
}

Bytes owned(std::uint8_t* data, std::size_t size) {
  Bytes file(data, data + size);
  WebPFree(data);
  return file;
}

}  // namespace

Image noise(std::uint32_t seed, int width, int height, bool twoTone) {
  Image image{width, height, Bytes(static_cast<std::size_t>(width * height * 3))};
  for (std::uint8_t& sample : image.pixels) {
    seed = seed * 1664525u + 1013904223u;
    sample = static_cast<std::uint8_t>(twoTone ? (seed >> 31) * 255 : seed >> 24);
  }
  return image;
}

Image gradient(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int value : {40 + 120 * x / width, 60 + 100 * y / height, 90})
        image.pixels.push_back(static_cast<std::uint8_t>(value));
  return image;
}

Image solid(int width, int height, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i) append(image.pixels, Bytes{red, green, blue});
  return image;
}

std::vector<int> pixelAt(const Image& image, int x, int y) {
  const auto first = image.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * image.width + x) * 3;
  return {first, first + 3};
}

int largestDifference(const Image& a, const Image& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  int largest = 0;
  for (std::size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i)
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

Bytes encodeJpeg(const Image& image, int flags) {
  return compress(image.pixels, image.width, image.height, TJPF_RGB, TJSAMP_444, flags);
}

Bytes encodeGreyJpeg(const Image& image) {
  return compress(image.pixels, image.width, image.height, TJPF_RGB, TJSAMP_GRAY, 0);
}

Bytes encodeCmykJpeg(const Bytes& cmyk, int width, int height) {
  return compress(cmyk, width, height, TJPF_CMYK, TJSAMP_444, 0);
}

Bytes encodeWebpLossless(const Image& image) {
  std::uint8_t* data = nullptr;
  const auto size = WebPEncodeLosslessRGB(image.pixels.data(), image.width, image.height, image.width * 3, &data);
  return owned(data, size);
}

Bytes encodeWebpLossy(const Image& image) {
  std::uint8_t* data = nullptr;
  const auto size = WebPEncodeRGB(image.pixels.data(), image.width, image.height, image.width * 3, 95.0f, &data);
  return owned(data, size);
}

Bytes encodeWebpRgba(const Bytes& rgba, int width, int height) {
  std::uint8_t* data = nullptr;
  const auto size = WebPEncodeLosslessRGBA(rgba.data(), width, height, width * 4, &data);
  return owned(data, size);
}

Bytes exifBlock(int orientation, bool bigEndian, int bytes, std::uint32_t count) {
  Bytes block;
  append(block, bigEndian ? "MM" : "II");
  appendNumber(block, 42, 2, bigEndian);
  appendNumber(block, 8, 4, bigEndian);
  appendNumber(block, 1, 2, bigEndian);
  appendNumber(block, 0x0112, 2, bigEndian);
  appendNumber(block, bytes == 2 ? 3 : 4, 2, bigEndian);
  appendNumber(block, count, 4, bigEndian);
  appendNumber(block, static_cast<std::uint32_t>(orientation), bytes, bigEndian);
  appendNumber(block, 0, 4 - bytes, bigEndian);
  appendNumber(block, 0, 4, bigEndian);
  return block;
}

Bytes jpegWithExif(const Bytes& jpeg, const Bytes& block) {
  Bytes file = {0xFF, 0xD8, 0xFF, 0xE1};
  appendNumber(file, static_cast<std::uint32_t>(2 + 6 + block.size()), 2, true);
  append(file, std::string("Exif\0\0", 6));
  append(file, block);
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

Bytes pngWithChunk(const Bytes& png, const std::string& type, const Bytes& body) {
  constexpr std::ptrdiff_t behindHeader = 33;
  Bytes checked(type.begin(), type.end());
  append(checked, body);
  Bytes file(png.begin(), png.begin() + behindHeader);
  appendNumber(file, static_cast<std::uint32_t>(body.size()), 4, true);
  append(file, checked);
  appendNumber(file, static_cast<std::uint32_t>(crc32(0, checked.data(), static_cast<uInt>(checked.size()))), 4, true);
  file.insert(file.end(), png.begin() + behindHeader, png.end());
  return file;
}

Bytes webpWithExif(const Bytes& webp, const Bytes& block, int width, int height) {
  Bytes body;
  append(body, "WEBPVP8X");
  appendNumber(body, 10, 4, false);
  appendNumber(body, 0x08, 4, false);  // EXIF is there
  appendNumber(body, static_cast<std::uint32_t>(width - 1), 3, false);
  appendNumber(body, static_cast<std::uint32_t>(height - 1), 3, false);
  body.insert(body.end(), webp.begin() + 12, webp.end());
  append(body, "EXIF");
  appendNumber(body, static_cast<std::uint32_t>(block.size()), 4, false);
  append(body, block);
  Bytes file;
  append(file, "RIFF");
  appendNumber(file, static_cast<std::uint32_t>(body.size()), 4, false);
  append(file, body);
  return file;
}

}  // namespace relprop::test
