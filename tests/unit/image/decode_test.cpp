#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <algorithm>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

struct Encoded {
  std::string name;
  Bytes file;
};

std::vector<Encoded> encodedPictures() {
  const Image image = noise(31, 40, 30);
  return {{"a.png", encodePng(image)},
          {"a.jpg", encodeJpeg(image)},
          {"progressive.jpg", encodeJpeg(image, TJFLAG_PROGRESSIVE)},
          {"lossless.webp", encodeWebpLossless(image)},
          {"lossy.webp", encodeWebpLossy(image)},
          {"exif.jpg", jpegWithExif(encodeJpeg(image), exifBlock(6))},
          {"exif.png", pngWithChunk(encodePng(image), "eXIf", exifBlock(6))}};
}

Bytes textBytes(const std::string& text) {
  return {text.begin(), text.end()};
}

class Truncated : public testing::TestWithParam<std::size_t> {};

TEST_P(Truncated, IsMalformedAtEveryLength) {
  const Encoded encoded = encodedPictures()[GetParam()];
  const std::size_t step = std::max<std::size_t>(1, encoded.file.size() / 400);
  for (std::size_t length = 1; length + 2 < encoded.file.size(); length += step) {
    const Bytes cut(encoded.file.begin(), encoded.file.begin() + static_cast<std::ptrdiff_t>(length));
    SCOPED_TRACE(encoded.name + " cut to " + std::to_string(length));
    const Error error = expectError(ErrorCode::MalformedImage, [&] { decodeImage(cut, encoded.name); });
    ASSERT_EQ(error.where(), encoded.name);
  }
}

// Whatever a damaged file gives, it is a picture or an Error.
TEST_P(Truncated, DamageNeverCrashes) {
  const Encoded encoded = encodedPictures()[GetParam()];
  std::uint32_t state = 5;
  for (int i = 0; i < 300; ++i) {
    Bytes file = encoded.file;
    for (int hit = 0; hit < 3; ++hit) {
      state = state * 1664525u + 1013904223u;
      file[state % std::min<std::size_t>(file.size(), 700)] = static_cast<std::uint8_t>(state >> 24);
    }
    try {
      const Image image = decodeImage(file, encoded.name);
      EXPECT_EQ(image.pixels.size(),
                static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3);
    } catch (const Error&) {
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Truncated, testing::Range(std::size_t{0}, encodedPictures().size()));

}  // namespace

TEST(Decode, EmptyFileIsMalformed) {
  const Error error = expectError(ErrorCode::MalformedImage, [] { decodeImage({}, "nothing"); });
  EXPECT_EQ(error.where(), "nothing");
}

TEST(Decode, UnknownFormatsAreNamedWithWhatIsSupported) {
  const Error gif = expectError(ErrorCode::UnsupportedImage, [] { decodeImage(textBytes("GIF89a......"), "a.gif"); });
  EXPECT_NE(gif.got().find("GIF"), std::string::npos);
  EXPECT_EQ(gif.expected(), "JPEG, PNG or WebP");
  const Error text = expectError(ErrorCode::UnsupportedImage, [] { decodeImage(textBytes("hello"), "a.txt"); });
  EXPECT_NE(text.got().find("68 65"), std::string::npos);
  expectError(ErrorCode::UnsupportedImage, [] { decodeImage(textBytes("RIFF....WAVEfmt "), "a.wav"); });
}

TEST(Decode, ContentCountsNotTheName) {
  const Image image = noise(32, 6, 5);
  EXPECT_EQ(decodeImage(encodePng(image), "wrong.jpg").pixels, image.pixels);
}

TEST(ReadImage, ReadsWhatWasWritten) {
  const TemporaryFolder folder;
  const Image image = noise(33, 6, 5);
  writeFile(folder / "a.png", encodePng(image));
  EXPECT_EQ(readImage(folder / "a.png").pixels, image.pixels);
}

TEST(ReadImage, MissingFileAndFolder) {
  const TemporaryFolder folder;
  expectError(ErrorCode::FileNotFound, [&] { readImage(folder / "missing.png"); });
  expectError(ErrorCode::FileUnreadable, [&] { readImage(folder.path()); });
}

}  // namespace relprop::test
