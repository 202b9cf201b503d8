// Pictures and files that the image tests make in memory.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::test {

using Bytes = std::vector<std::uint8_t>;

// Runs `call`, which has to throw relprop::Error with this code; returns the error for a closer look.
Error expectError(ErrorCode code, const std::function<void()>& call);

// Noise from a linear congruential generator; two-tone: 0 and 255 only.
Image noise(std::uint32_t seed, int width, int height, bool twoTone = false);
// A smooth picture, which survives lossy compression nearly unchanged.
Image gradient(int width, int height);
Image solid(int width, int height, std::uint8_t red, std::uint8_t green, std::uint8_t blue);
std::vector<int> pixelAt(const Image& image, int x, int y);
// The largest difference of any sample; fails when the sizes differ.
int largestDifference(const Image& a, const Image& b);

Bytes encodeJpeg(const Image& image, int flags = 0);
Bytes encodeGreyJpeg(const Image& image);
Bytes encodeCmykJpeg(const Bytes& cmyk, int width, int height);
Bytes encodeWebpLossless(const Image& image);
Bytes encodeWebpLossy(const Image& image);
Bytes encodeWebpRgba(const Bytes& rgba, int width, int height);

// A TIFF structure whose first directory says this orientation.
Bytes exifBlock(int orientation, bool bigEndian = false);
Bytes jpegWithExif(const Bytes& jpeg, const Bytes& block);
Bytes pngWithChunk(const Bytes& png, const std::string& type, const Bytes& body);
Bytes webpWithExif(const Bytes& webp, const Bytes& block, int width, int height);

// A folder that is removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  // How many entries it has, hidden ones too.
  std::ptrdiff_t entries() const;

 private:
  std::filesystem::path path_;
};

}  // namespace relprop::test
