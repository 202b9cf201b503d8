// Pictures and masks as they are stored.
#include "image/stored.h"

#include <gtest/gtest.h>

#include "support/index_png.h"
#include "unit/image/support.h"

namespace relprop::test {

namespace {

Bytes everyValue() {
  Bytes values;
  for (int i = 0; i < 256; ++i) values.push_back(static_cast<std::uint8_t>(i));
  return values;
}

}  // namespace

TEST(IndexPng, ReadsIndicesAndNotColours) {
  const IndexImage image = decodeIndexPng(palettePng(16, 16, everyValue()), "mask");
  EXPECT_EQ(image.width, 16);
  EXPECT_EQ(image.height, 16);
  EXPECT_EQ(image.values, everyValue());
}

TEST(IndexPng, ReadsPixelsOfFewBits) {
  for (const int entries : {2, 4, 16}) {
    Bytes indices;
    for (int i = 0; i < 7 * 5; ++i) indices.push_back(static_cast<std::uint8_t>(i * 3 % entries));
    const IndexImage image = decodeIndexPng(palettePng(7, 5, indices, entries), "mask");
    EXPECT_EQ(image.width, 7);
    EXPECT_EQ(image.height, 5);
    EXPECT_EQ(image.values, indices) << entries;
  }
}

TEST(IndexPng, ReadsGreyValuesAndLeavesAlphaAside) {
  EXPECT_EQ(decodeIndexPng(greyPng(16, 16, everyValue()), "mask").values, everyValue());
  EXPECT_EQ(decodeIndexPng(greyAlphaPng(2, 1, {7, 255, 200, 255}), "mask").values, (Bytes{7, 200}));
}

TEST(IndexPng, RefusesColoursAndSixteenBits) {
  const Error colour = expectError(ErrorCode::UnsupportedImage, [] {
    decodeIndexPng(colourPng(1, 1, {1, 2, 3}), "mask.png");
  });
  EXPECT_EQ(colour.where(), "mask.png");
  EXPECT_EQ(colour.got(), "a colour PNG without a palette");
  const Error deep = expectError(ErrorCode::UnsupportedImage, [] { decodeIndexPng(deepGreyPng(1, 1, {300}), "mask"); });
  EXPECT_EQ(deep.got(), "16 bits a pixel");
}

TEST(IndexPng, RefusesWhatIsNoWholePng) {
  Bytes file = palettePng(16, 16, everyValue());
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, std::size_t{20}, file.size() / 2, file.size() - 1}) {
    file.resize(size);
    expectError(ErrorCode::MalformedImage, [&] { decodeIndexPng(file, "mask"); });
    file = palettePng(16, 16, everyValue());
  }
  expectError(ErrorCode::MalformedImage, [] { decodeIndexPng(encodeJpeg(solid(8, 8, 1, 2, 3)), "mask"); });
  expectError(ErrorCode::FileNotFound, [] { readIndexPng("/nowhere/mask.png"); });
}

TEST(StoredImage, IsNotTurned) {
  const TemporaryFolder folder;
  const Bytes upright = encodeJpeg(gradient(32, 16));
  writeFile(folder / "turned.jpg", jpegWithExif(upright, exifBlock(6)));
  const Image stored = readStoredImage(folder / "turned.jpg");
  EXPECT_EQ(stored.pixels, decodeImage(upright, "upright").pixels);
  EXPECT_EQ(stored.width, 32);
  EXPECT_EQ(readImage(folder / "turned.jpg").width, 16);
}

TEST(StoredImage, WithoutOrientationIsWhatReadImageGives) {
  const TemporaryFolder folder;
  for (const auto& [name, file] : {std::pair{"a.jpg", encodeJpeg(noise(1, 9, 7))},
                                   {"b.png", encodePng(noise(2, 9, 7))},
                                   {"c.webp", encodeWebpLossless(noise(3, 9, 7))}}) {
    writeFile(folder / name, file);
    EXPECT_EQ(readStoredImage(folder / name).pixels, readImage(folder / name).pixels) << name;
  }
}

}  // namespace relprop::test
