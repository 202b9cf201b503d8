#include <gtest/gtest.h>

#include <array>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

// How the stored picture ABC/DEF looks upright, by orientation.
const std::array<std::vector<std::string>, 9> upright = {{{},
                                                          {"ABC", "DEF"},
                                                          {"CBA", "FED"},
                                                          {"FED", "CBA"},
                                                          {"DEF", "ABC"},
                                                          {"AD", "BE", "CF"},
                                                          {"DA", "EB", "FC"},
                                                          {"FC", "EB", "DA"},
                                                          {"CF", "BE", "AD"}}};

// Every letter a block of its own colour; large blocks keep their colour through JPEG.
Image letters(const std::vector<std::string>& rows, int block) {
  Image image{static_cast<int>(rows[0].size()) * block, static_cast<int>(rows.size()) * block, {}};
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const int letter = rows[static_cast<std::size_t>(y / block)][static_cast<std::size_t>(x / block)] - 'A';
      for (int value : {40 * letter, 200 - 30 * letter, 100}) image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  return image;
}

Image stored(int block = 1) {
  return letters(upright[1], block);
}

class Orientation : public testing::TestWithParam<int> {
 protected:
  Image expected(int block = 1) const { return letters(upright[static_cast<std::size_t>(GetParam())], block); }
};

TEST_P(Orientation, OfPngIsApplied) {
  const Bytes file = pngWithChunk(encodePng(stored()), "eXIf", exifBlock(GetParam()));
  EXPECT_EQ(largestDifference(decodeImage(file, "a.png"), expected()), 0);
}

TEST_P(Orientation, OfWebpIsApplied) {
  const Bytes file = webpWithExif(encodeWebpLossless(stored()), exifBlock(GetParam()), 3, 2);
  EXPECT_EQ(largestDifference(decodeImage(file, "a.webp"), expected()), 0);
}

TEST_P(Orientation, OfJpegIsAppliedInBothByteOrders) {
  for (bool bigEndian : {false, true}) {
    const Bytes file = jpegWithExif(encodeJpeg(stored(16)), exifBlock(GetParam(), bigEndian));
    EXPECT_LE(largestDifference(decodeImage(file, "a.jpg"), expected(16)), 4);
  }
}

// As some writers store it, and Pillow reads it.
TEST_P(Orientation, InFourBytesIsAppliedInBothByteOrders) {
  for (bool bigEndian : {false, true}) {
    const Bytes block = exifBlock(GetParam(), bigEndian, 4);
    EXPECT_EQ(largestDifference(decodeImage(pngWithChunk(encodePng(stored()), "eXIf", block), "a.png"), expected()), 0);
    const Bytes jpeg = jpegWithExif(encodeJpeg(stored(16)), block);
    EXPECT_LE(largestDifference(decodeImage(jpeg, "a.jpg"), expected(16)), 4);
    const Bytes webp = webpWithExif(encodeWebpLossless(stored()), block, 3, 2);
    EXPECT_EQ(largestDifference(decodeImage(webp, "a.webp"), expected()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Orientation, testing::Range(1, 9));

void expectIgnored(const Bytes& block) {
  const Bytes file = pngWithChunk(encodePng(stored()), "eXIf", block);
  EXPECT_EQ(largestDifference(decodeImage(file, "a.png"), stored()), 0);
}

}  // namespace

TEST(MalformedExif, OrientationOutOfRangeIsIgnored) {
  for (int orientation : {0, 9, 65535}) expectIgnored(exifBlock(orientation));
  for (bool bigEndian : {false, true})
    for (int orientation : {0, 9, 6 << 16, 65536 + 6}) expectIgnored(exifBlock(orientation, bigEndian, 4));
}

// Then the four bytes say where the numbers lie.
TEST(MalformedExif, SeveralNumbersOfFourBytesAreIgnored) {
  for (std::uint32_t count : {0u, 2u}) expectIgnored(exifBlock(6, false, 4, count));
}

TEST(MalformedExif, CutBlocksAreIgnored) {
  const Bytes whole = exifBlock(6);
  // The value lies in bytes 18 and 19; what follows is padding.
  for (std::ptrdiff_t length = 0; length < 20; ++length) expectIgnored(Bytes(whole.begin(), whole.begin() + length));
  const Bytes inFour = exifBlock(6, true, 4);
  for (std::ptrdiff_t length = 0; length < 22; ++length) expectIgnored(Bytes(inFour.begin(), inFour.begin() + length));
}

TEST(MalformedExif, WrongByteOrderMarkVersionTypeAndOffsetAreIgnored) {
  for (std::size_t position : {0, 2, 4, 7, 10, 12}) {
    Bytes block = exifBlock(6);
    block[position] ^= 0x55;
    expectIgnored(block);
  }
}

TEST(MalformedExif, JpegSegmentReachingBeyondTheFileIsNoCrash) {
  Bytes file = jpegWithExif(encodeJpeg(stored(8)), exifBlock(6));
  file[4] = 0xFF;
  file[5] = 0xFF;
  expectError(ErrorCode::MalformedImage, [&] { decodeImage(file, "a.jpg"); });
}

}  // namespace relprop::test
