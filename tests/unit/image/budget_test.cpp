// How large a picture a file of few bytes may announce.
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

Bytes jpegThatSays(int width, int height) {
  Bytes file = encodeJpeg(solid(16, 16, 9, 9, 9));
  constexpr std::array<std::uint8_t, 2> startOfFrame = {0xFF, 0xC0};
  const auto frame = std::search(file.begin(), file.end(), startOfFrame.begin(), startOfFrame.end()) - file.begin();
  put16(file, static_cast<std::size_t>(frame) + 5, height);
  put16(file, static_cast<std::size_t>(frame) + 7, width);
  return file;
}

Bytes webpThatSays(int width, int height) {
  Bytes file = encodeWebpLossless(solid(2, 2, 9, 9, 9));
  const unsigned sides = static_cast<unsigned>(width - 1) | static_cast<unsigned>(height - 1) << 14;
  const unsigned rest = file[24] & 0xF0u;  // alpha and version
  for (std::size_t i = 0; i < 4; ++i) file[21 + i] = static_cast<std::uint8_t>((sides | rest << 24) >> 8 * i);
  return file;
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

// What deflate makes of a picture of one colour.
TEST(PixelBudget, FlatDrawingsAreRead) {
  const Bytes file = encodePng(solid(6000, 4000, 1, 2, 3));
  EXPECT_LT(file.size(), 500'000U);
  EXPECT_EQ(pixelAt(decodeImage(file, "a"), 5999, 3999), (std::vector{1, 2, 3}));
}

}  // namespace relprop::test
