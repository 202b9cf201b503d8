// Pictures and files that the image tests make in memory.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "relprop/image.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::test {

using Bytes = std::vector<std::uint8_t>;

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

// A TIFF structure whose first directory says this orientation, as so many numbers of 2 bytes (SHORT) or 4 (LONG).
Bytes exifBlock(int orientation, bool bigEndian = false, int bytes = 2, std::uint32_t count = 1);
Bytes jpegWithExif(const Bytes& jpeg, const Bytes& block);
Bytes pngWithChunk(const Bytes& png, const std::string& type, const Bytes& body);
Bytes webpWithExif(const Bytes& webp, const Bytes& block, int width, int height);

}  // namespace relprop::test
