// How large a picture a file of few bytes may announce, and how often a JPEG may go over it.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <limits>

#include "relprop/budgets.h"
#include "unit/image/support.h"

namespace relprop::test {
namespace {

void put16(Bytes& file, std::size_t at, int value) {
  file.at(at) = static_cast<std::uint8_t>(value >> 8);
  file.at(at + 1) = static_cast<std::uint8_t>(value);
}

std::size_t firstOf(const Bytes& file, std::uint8_t marker) {
  const std::array<std::uint8_t, 2> mark = {0xFF, marker};
  return static_cast<std::size_t>(std::search(file.begin(), file.end(), mark.begin(), mark.end()) - file.begin());
}

Bytes jpegThatSays(int width, int height) {
  Bytes file = encodeJpeg(solid(16, 16, 9, 9, 9));
  const std::size_t frame = firstOf(file, 0xC0);
  put16(file, frame + 5, height);
  put16(file, frame + 7, width);
  return file;
}

Bytes webpThatSays(int width, int height) {
  Bytes file = encodeWebpLossless(solid(2, 2, 9, 9, 9));
  const unsigned sides = static_cast<unsigned>(width - 1) | static_cast<unsigned>(height - 1) << 14;
  const unsigned rest = file[24] & 0xF0u;  // alpha and version
  for (std::size_t i = 0; i < 4; ++i) file[21 + i] = static_cast<std::uint8_t>((sides | rest << 24) >> 8 * i);
  return file;
}

void putSegment(Bytes& file, int marker, const Bytes& body) {
  const auto length = static_cast<int>(body.size()) + 2;
  for (int byte : {0xFF, marker, length >> 8, length & 255}) file.push_back(static_cast<std::uint8_t>(byte));
  file.insert(file.end(), body.begin(), body.end());
}

// A grey square of a progressive JPEG, with sides of whole blocks and 127 scans at most, none of which does what
// another one did: the averages; then coefficient after coefficient all but the last bit, then these. All are zero.
Bytes jpegOfScans(int side, int scans) {
  const int blocks = side / 8 * (side / 8);
  EXPECT_LT(blocks, 32767);
  Bytes file = {0xFF, 0xD8};
  Bytes ones(65, 1);
  ones[0] = 0;
  putSegment(file, 0xDB, ones);
  const auto high = static_cast<std::uint8_t>(side >> 8), low = static_cast<std::uint8_t>(side);
  putSegment(file, 0xC2, {8, high, low, high, low, 1, 1, 0x11, 0});
  // One code of one bit each: a difference of zero, and nothing for the next 2^14 blocks and as many as 14 bits say.
  for (const auto& [table, symbol] : {std::pair{0x00, 0x00}, std::pair{0x10, 0xE0}}) {
    Bytes codes(18);
    codes[0] = static_cast<std::uint8_t>(table), codes[1] = 1, codes[17] = static_cast<std::uint8_t>(symbol);
    putSegment(file, 0xC4, codes);
  }
  putSegment(file, 0xDA, {1, 1, 0, 0, 0, 0});
  file.insert(file.end(), static_cast<std::size_t>(blocks / 8), 0);
  for (int scan = 1; scan < scans; ++scan) {
    const auto k = static_cast<std::uint8_t>((scan - 1) % 63 + 1);
    putSegment(file, 0xDA, {1, 1, 0, k, k, static_cast<std::uint8_t>(scan <= 63 ? 0x01 : 0x10)});
    file.insert(file.end(), {0x7F, 0xFF, 0x00});
  }
  file.insert(file.end(), {0xFF, 0xD9});
  return file;
}

Error refusedScans(const Bytes& file) {
  return expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(file, "a"); });
}

void expectGrey(const Bytes& file, int side) {
  const Image image = decodeImage(file, "a");
  EXPECT_EQ(image.width, side);
  EXPECT_EQ(pixelAt(image, side - 1, side - 1), (std::vector{128, 128, 128}));
}

}  // namespace

TEST(PixelBudget, AFewBytesHoldNoLargePicture) {
  for (const Bytes& file : {jpegThatSays(16000, 16000), webpThatSays(16383, 16383)}) {
    ASSERT_LT(file.size(), 1000U);
    const Error error = expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(file, "a"); });
    EXPECT_THAT(error.got(), ::testing::HasSubstr("bytes"));
    EXPECT_THAT(error.expected(), ::testing::HasSubstr("in a file of this size"));
  }
}

// 4096² pixels are 2^24, which any file may have.
TEST(PixelBudget, AtTheEdge) {
  EXPECT_EQ(decodeImage(encodeJpeg(solid(4096, 4096, 9, 90, 200)), "a").width, 4096);
  const std::int64_t beyond = 4096 + 1100 * static_cast<std::int64_t>(jpegThatSays(1, 1).size()) / 4096;
  expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(jpegThatSays(4096, static_cast<int>(beyond) + 1), "a"); });
  expectError(ErrorCode::MalformedImage, [&] { decodeImage(jpegThatSays(4096, static_cast<int>(beyond)), "a"); });
}

TEST(PixelBudget, IsRaisedAndLowered) {
  const Bytes file = jpegThatSays(6000, 6000);
  const std::int64_t needed = 6000 * 6000 - 1100 * static_cast<std::int64_t>(file.size());
  setBudgets({.picturePixels = needed - 1});
  const Error error = expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(file, "a"); });
  EXPECT_THAT(error.hint(), ::testing::HasSubstr("--budget pixels=N"));
  setBudgets({.picturePixels = needed});
  expectError(ErrorCode::MalformedImage, [&] { decodeImage(file, "a"); });  // it is believed, and cut short
  setBudgets({.picturePixels = std::numeric_limits<std::int64_t>::max()});
  expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(jpegThatSays(17000, 17000), "a"); });  // more than 2^28
  setBudgets({});
  expectError(ErrorCode::UnsupportedImage, [&] { decodeImage(file, "a"); });
}

TEST(Budgets, AreWhatWasAskedOrUsual) {
  const Budgets usual = budgets();
  EXPECT_EQ(usual.picturePixels, 1 << 24);
  EXPECT_EQ(usual.archiveBytes, 1 << 30);
  setBudgets({.modelBytes = 5});
  EXPECT_EQ(budgets().modelBytes, 5);
  EXPECT_EQ(budgets().picturePixels, usual.picturePixels);
  const Error error = expectError(ErrorCode::InvalidArgument, [] { setBudgets({.archiveBytes = -1}); });
  EXPECT_EQ(error.where(), "budget of archive");
  EXPECT_EQ(budgets().modelBytes, 5) << "what is refused changes nothing";
  setBudgets({});
  EXPECT_EQ(budgets().modelBytes, usual.modelBytes);
}

TEST(ScanBudget, SmallPicturesMayHaveMany) {
  for (int scans : {1, 30, 127}) expectGrey(jpegOfScans(256, scans), 256);
}

// 64 times as many pixels as any file may hold are gone over, by a picture of just so many in 64 scans.
TEST(ScanBudget, AtTheEdge) {
  setBudgets({.picturePixels = 256 * 256});
  expectGrey(jpegOfScans(256, 64), 256);
  const Error error = refusedScans(jpegOfScans(256, 65));
  EXPECT_EQ(error.where(), "a");
  EXPECT_EQ(error.got(), "65 scans of 256×256 pixels");
  EXPECT_EQ(error.expected(), "at most 64 scans of so many pixels");
  EXPECT_THAT(error.hint(), ::testing::HasSubstr("--budget pixels=N"));
  setBudgets({.picturePixels = 2 * 256 * 256});
  expectGrey(jpegOfScans(256, 127), 256);
  setBudgets({.picturePixels = std::numeric_limits<std::int64_t>::max()});
  expectGrey(jpegOfScans(256, 127), 256);
  setBudgets({});
}

// However large it is, as encoders write no more.
TEST(ScanBudget, FortyAreReadAtEverySize) {
  setBudgets({.picturePixels = 1});
  expectGrey(jpegOfScans(512, 40), 512);
  EXPECT_EQ(refusedScans(jpegOfScans(512, 41)).expected(), "at most 40 scans of so many pixels");
  setBudgets({});
}

// However small it is; more pixels would not help.
TEST(ScanBudget, FiveHundredAreTheMost) {
  const Error error = refusedScans(jpegOfScans(16, 501));
  EXPECT_EQ(error.got(), "501 scans of 16×16 pixels");
  EXPECT_EQ(error.expected(), "at most 500 scans of so many pixels");
  EXPECT_EQ(error.hint(), "save the picture with fewer scans (baseline)");
}

// With the usual budget, and before anything is decoded: this would take a second.
TEST(ScanBudget, UsuallyForLargePictures) {
  Bytes file = jpegOfScans(256, 65);
  for (std::size_t at : {5, 7}) put16(file, firstOf(file, 0xC2) + at, 4096);
  EXPECT_EQ(refusedScans(file).got(), "65 scans of 4096×4096 pixels");
}

// Decoders look for the next marker behind what they do not understand, and warn at most.
TEST(ScanBudget, GarbageHidesNoScan) {
  setBudgets({.picturePixels = 1});
  for (const Bytes& garbage : {Bytes{0x12}, Bytes{0xFF, 0x00}, Bytes{0xFF, 0x01}, Bytes{0xFF, 0xD0, 0xFF, 0xFF}}) {
    for (std::uint8_t marker : {0xC2, 0xDA, 0xD9}) {
      Bytes file = jpegOfScans(512, 41);
      const auto place = static_cast<std::ptrdiff_t>(firstOf(file, marker));
      file.insert(file.begin() + place, garbage.begin(), garbage.end());
      EXPECT_EQ(refusedScans(file).got(), "41 scans of 512×512 pixels") << int{garbage.back()} << ' ' << int{marker};
    }
  }
  setBudgets({});
}

// A preview in the header, and what lies behind the end as in files of several pictures.
TEST(ScanBudget, OnlyThePicturesOwnScansCount) {
  setBudgets({.picturePixels = 1});
  Bytes preview;
  putSegment(preview, 0xE1, jpegOfScans(64, 30));
  Bytes file = jpegOfScans(512, 40);
  file.insert(file.begin() + 2, preview.begin(), preview.end());
  const Bytes second = jpegOfScans(64, 30);
  file.insert(file.end(), second.begin(), second.end());
  expectGrey(file, 512);
  setBudgets({});
}

// What deflate makes of a picture of one colour.
TEST(PixelBudget, FlatDrawingsAreRead) {
  const Bytes file = encodePng(solid(6000, 4000, 1, 2, 3));
  EXPECT_LT(file.size(), 500'000U);
  EXPECT_EQ(pixelAt(decodeImage(file, "a"), 5999, 3999), (std::vector{1, 2, 3}));
}

}  // namespace relprop::test
