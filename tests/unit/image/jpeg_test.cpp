#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>

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

// Half of what is coded, and the mark of the end behind it.
Bytes cutInHalf(Bytes file) {
  file.resize(file.size() / 2);
  while (file.back() == 0xFF) file.pop_back();
  file.insert(file.end(), {0xFF, 0xD9});
  return file;
}

// Four ways to write files that decoders warn of although every pixel is as it was meant.
std::vector<std::pair<std::string, Bytes>> oddJpegs(const Image& image) {
  Bytes version = encodeJpeg(image);
  markerAt(version, 0xE0)[9] = 2;  // of JFIF
  Bytes adobe = encodeJpeg(image);
  constexpr std::array<std::uint8_t, 16> unknownTransform = {0xFF, 0xEE, 0,   14, 'A', 'd', 'o', 'b',
                                                             'e',  0,    100, 0,  0,   0,   0,   9};
  adobe.erase(adobe.begin() + 2, adobe.begin() + 4 + adobe[4] * 256 + adobe[5]);  // JFIF's segment, which would count
  adobe.insert(adobe.begin() + 2, unknownTransform.begin(), unknownTransform.end());
  Bytes parameters = encodeJpeg(image);
  markerAt(parameters, 0xDA)[11] = 17;  // the last coefficient of a scan, 63 in baseline files
  Bytes extraneous = encodeJpeg(image);
  const auto scan = markerAt(extraneous, 0xDA);
  extraneous.insert(scan, {0x12, 0x34});
  return {{"version", version}, {"Adobe", adobe}, {"parameters", parameters}, {"extraneous", extraneous}};
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

TEST(Jpeg, OdditiesChangeNoPixel) {
  const Image image = gradient(64, 64), plain = decodedJpeg(encodeJpeg(image));
  for (const auto& [name, file] : oddJpegs(image)) {
    SCOPED_TRACE(name);
    EXPECT_EQ(decodedJpeg(file).pixels, plain.pixels);
  }
}

// libjpeg's own count of warnings, of which it tells the first alone, would hide the damage.
TEST(Jpeg, DamageBehindAnOddityIsMalformed) {
  const Image image = noise(21, 64, 64);
  for (const auto& [name, file] : oddJpegs(image)) {
    SCOPED_TRACE(name);
    const Error error = expectError(ErrorCode::MalformedImage, [cut = cutInHalf(file)] { decodedJpeg(cut); });
    EXPECT_EQ(error.where(), "a.jpg");
    EXPECT_EQ(error.got(), "JPEG: Corrupt JPEG data: premature end of data segment");
    EXPECT_EQ(error.expected(), "a whole JPEG image");
  }
}

TEST(Jpeg, TablesWithoutAPictureAreMalformed) {
  const Error error = expectError(ErrorCode::MalformedImage, [] { decodedJpeg({0xFF, 0xD8, 0xFF, 0xD9}); });
  EXPECT_EQ(error.got(), "JPEG: JPEG datastream contains no image");
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
  *(markerAt(file, 0xC0) + 11) = 0x31;  // luma 3×1
  // All blocks use the chroma tables, in which zero bits are blocks of the middle grey: five of them take 20 bits.
  const auto scan = markerAt(file, 0xDA);
  for (int component = 0; component < 3; ++component) scan[6 + 2 * component] = 0x11;
  file.erase(scan + 14, file.end());
  file.insert(file.end(), {0x00, 0x00, 0x0F, 0xFF, 0xD9});
  expectNear(pixelAt(decodedJpeg(file), 7, 7), {128, 128, 128});
}

}  // namespace relprop::test
