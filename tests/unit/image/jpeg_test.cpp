#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <algorithm>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

Image decodedJpeg(const Bytes& file) {
  return decodeImage(file, "a.jpg");
}

Bytes cmykOf(const std::vector<int>& ink, int count) {
  Bytes cmyk;
  for (int i = 0; i < count; ++i) cmyk.insert(cmyk.end(), ink.begin(), ink.end());
  return cmyk;
}

Bytes::iterator markerAt(Bytes& file, std::uint8_t marker) {
  const Bytes mark = {0xFF, marker};
  const auto found = std::search(file.begin(), file.end(), mark.begin(), mark.end());
  EXPECT_NE(found, file.end());
  return found;
}

// TurboJPEG writes Adobe's mark into CMYK files; this takes it out again.
Bytes withoutAdobeMark(Bytes file) {
  const auto start = markerAt(file, 0xEE);
  file.erase(start, start + 2 + start[2] * 256 + start[3]);
  return file;
}

void expectNear(const std::vector<int>& pixel, const std::vector<int>& expected) {
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], expected[c], 3);
}

}  // namespace

TEST(Jpeg, BaselineAndProgressiveKeepASmoothPicture) {
  const Image image = gradient(37, 29);
  EXPECT_LE(largestDifference(decodedJpeg(encodeJpeg(image)), image), 4);
  EXPECT_LE(largestDifference(decodedJpeg(encodeJpeg(image, TJFLAG_PROGRESSIVE)), image), 4);
}

TEST(Jpeg, OnePixel) {
  expectNear(pixelAt(decodedJpeg(encodeJpeg(solid(1, 1, 200, 100, 50))), 0, 0), {200, 100, 50});
}

TEST(Jpeg, GreyBecomesThreeEqualChannels) {
  const Image image = decodedJpeg(encodeGreyJpeg(solid(8, 8, 120, 120, 120)));
  expectNear(pixelAt(image, 3, 3), {120, 120, 120});
}

TEST(Jpeg, AdobeCmykIsInverted) {
  // 255 is no ink: full cyan, magenta and yellow light at 4/5 black light.
  const Bytes file = encodeCmykJpeg(cmykOf({255, 128, 0, 204}, 64), 8, 8);
  expectNear(pixelAt(decodedJpeg(file), 4, 4), {204, 102, 0});
}

TEST(Jpeg, CmykWithoutAdobesMarkIsNot) {
  // Stored as YCbCr + K, here (0, 128, 128) + 51; without the mark these four are taken as ink.
  const Bytes file = withoutAdobeMark(encodeCmykJpeg(cmykOf({255, 255, 255, 51}, 64), 8, 8));
  expectNear(pixelAt(decodedJpeg(file), 4, 4), {204, 102, 102});
}

TEST(Jpeg, ExtraneousBytesBeforeAMarkerAreHarmless) {
  Bytes file = encodeJpeg(gradient(32, 32));
  file.insert(file.end() - 2, {0x12, 0x34, 0x56});
  EXPECT_LE(largestDifference(decodedJpeg(file), gradient(32, 32)), 4);
}

TEST(Jpeg, BytesBehindTheEndAreHarmless) {
  Bytes file = encodeJpeg(gradient(32, 32));
  file.insert(file.end(), 100, 0x42);
  EXPECT_LE(largestDifference(decodedJpeg(file), gradient(32, 32)), 4);
}

TEST(Jpeg, GarbageBehindTheMarkIsMalformed) {
  Bytes file = {0xFF, 0xD8, 0xFF, 0xE0};
  file.insert(file.end(), 200, 0x77);
  const Error error = expectError(ErrorCode::MalformedImage, [&] { decodedJpeg(file); });
  EXPECT_EQ(error.where(), "a.jpg");
  EXPECT_FALSE(error.expected().empty());
}

TEST(Jpeg, TwelveBitIsUnsupported) {
  Bytes file = encodeJpeg(gradient(8, 8));
  markerAt(file, 0xC0)[4] = 12;
  expectError(ErrorCode::UnsupportedImage, [&] { decodedJpeg(file); });
}

TEST(Jpeg, UnusualSubsamplingIsDecoded) {
  Bytes file = encodeJpeg(solid(8, 8, 128, 128, 128));
  *(markerAt(file, 0xC0) + 11) = 0x31;  // luma 3×1, for which TurboJPEG has no name
  // All blocks use the chroma tables, in which zero bits are blocks of the middle grey: five of them take 20 bits.
  const auto scan = markerAt(file, 0xDA);
  for (int component = 0; component < 3; ++component) scan[6 + 2 * component] = 0x11;
  file.erase(scan + 14, file.end());
  file.insert(file.end(), {0x00, 0x00, 0x0F, 0xFF, 0xD9});
  expectNear(pixelAt(decodedJpeg(file), 7, 7), {128, 128, 128});
}

}  // namespace relprop::test
