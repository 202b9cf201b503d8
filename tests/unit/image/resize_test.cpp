#include "image/resize.h"

#include <gtest/gtest.h>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

struct Recorded {
  std::uint32_t seed;
  int width, height;
  bool twoTone;
  int resultWidth, resultHeight;
  std::string hex;
};

const std::vector<Recorded>& recorded() {
  static const std::vector<Recorded> all = {
#include "unit/image/pillow_bilinear.inc"
  };
  return all;
}

Image unhex(const Recorded& record) {
  Image image{record.resultWidth, record.resultHeight, {}};
  for (std::size_t i = 0; i < record.hex.size(); i += 2)
    image.pixels.push_back(static_cast<std::uint8_t>(std::stoi(record.hex.substr(i, 2), nullptr, 16)));
  return image;
}

class PillowResize : public testing::TestWithParam<std::size_t> {};

TEST_P(PillowResize, IsEqualToTheBit) {
  const Recorded& record = recorded()[GetParam()];
  const Image image = noise(record.seed, record.width, record.height, record.twoTone);
  const Image result = resizeImage(image, record.resultWidth, record.resultHeight);
  EXPECT_EQ(largestDifference(result, unhex(record)), 0)
      << record.width << "x" << record.height << " to " << record.resultWidth << "x" << record.resultHeight;
}

INSTANTIATE_TEST_SUITE_P(Recorded, PillowResize, testing::Range(std::size_t{0}, recorded().size()));

}  // namespace

TEST(Resize, KeepsAUniformPicture) {
  const Image image = solid(9, 7, 10, 128, 255);
  EXPECT_EQ(resizeImage(image, 4, 3).pixels, solid(4, 3, 10, 128, 255).pixels);
  EXPECT_EQ(resizeImage(image, 40, 31).pixels, solid(40, 31, 10, 128, 255).pixels);
}

TEST(Resize, HalvingAveragesWithTheTriangle) {
  // The centre of output 0 lies at 1; inputs 0, 1, 2 have weights 0.75, 0.75, 0.25 over 1.75.
  const Image image{4, 1, {0, 0, 0, 70, 70, 70, 140, 140, 140, 210, 210, 210}};
  EXPECT_EQ(pixelAt(resizeImage(image, 2, 1), 0, 0), (std::vector{50, 50, 50}));
}

TEST(Resize, RejectsSidesBelowOne) {
  for (const auto& [width, height] : {std::pair{0, 4}, std::pair{4, 0}, std::pair{-1, 4}})
    expectError(ErrorCode::InvalidArgument, [&, w = width, h = height] { resizeImage(solid(2, 2, 0, 0, 0), w, h); });
}

TEST(Resize, RejectsAPictureWithTooFewBytes) {
  expectError(ErrorCode::InvalidArgument, [] { resizeImage(Image{2, 2, Bytes(11)}, 1, 1); });
}

TEST(Resize, RefusesAGiganticResultBeforeAllocating) {
  expectError(ErrorCode::UnsupportedImage, [] { resizeImage(solid(1, 1, 0, 0, 0), 1 << 20, 1 << 20); });
}

TEST(Resize, APartIsWhatTheWholeShowsThere) {
  const Image image = noise(3, 61, 47);
  for (const auto& [width, height] : {std::pair{30, 25}, {61, 20}, {33, 47}, {61, 47}, {90, 100}}) {
    const Image whole = resizeImage(image, width, height);
    const Part part{width / 5, height / 7, width / 2, height / 3};
    const Image shown = resizePart(image, width, height, part);
    ASSERT_EQ(shown.width, part.width);
    ASSERT_EQ(shown.height, part.height);
    for (int y = 0; y < part.height; ++y)
      for (int x = 0; x < part.width; ++x)
        EXPECT_EQ(pixelAt(shown, x, y), pixelAt(whole, part.left + x, part.top + y)) << width << "x" << height;
  }
}

}  // namespace relprop::test
