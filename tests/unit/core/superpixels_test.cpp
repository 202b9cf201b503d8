// Superpixels and squares.
#include "core/superpixels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relprop::test {
namespace {

struct Pixels {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

Regions cut(const Pixels& p, int count) {
  return superpixels(p.rgb, p.height, p.width, count);
}

Pixels halves() {
  Pixels image{32, 24, {}};
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c) image.rgb.push_back(x < 13 ? 20 : static_cast<std::uint8_t>(c == 0 ? 220 : 90));
  return image;
}

TEST(Superpixels, CoverEveryPixelOnceAndHangTogether) {
  const Pixels image = halves();
  for (const int count : {2, 7, 25}) {
    std::vector<int> times(32 * 24);
    const Regions regions = cut(image, count);
    for (const std::vector<std::uint32_t>& region : regions) {
      EXPECT_FALSE(region.empty());
      for (const std::uint32_t pixel : region) ++times[pixel];
    }
    EXPECT_THAT(times, testing::Each(1));
    EXPECT_LE(regions.size(), static_cast<std::size_t>(2 * count));
    EXPECT_GE(regions.size(), 2u);
  }
}

TEST(Superpixels, KeepToEdges) {
  for (const std::vector<std::uint32_t>& region : cut(halves(), 12)) {
    const auto left = std::count_if(region.begin(), region.end(), [](std::uint32_t i) { return i % 32 < 13; });
    EXPECT_TRUE(left == 0 || left == static_cast<std::ptrdiff_t>(region.size()));
  }
}

TEST(Superpixels, AFlatPictureIsCutIntoEqualSquares) {
  const Pixels flat{30, 30, std::vector<std::uint8_t>(2700, 128)};
  for (const std::vector<std::uint32_t>& region : cut(flat, 9)) EXPECT_EQ(region.size(), 100u);
  EXPECT_EQ(cut({1, 1, {1, 2, 3}}, 25).size(), 1u);
}

TEST(Superpixels, AreAboutSoManyInAnyShape) {
  const auto flat = [](int width, int height, int count) {
    return cut({width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 128)}, count)
        .size();
  };
  EXPECT_EQ(flat(64, 64, 2), 2u);
  EXPECT_EQ(flat(400, 2, 25), 25u);
  EXPECT_EQ(flat(2, 400, 25), 25u);
  EXPECT_EQ(flat(64, 64, 25), 25u);
}

Regions greys(const std::vector<std::uint8_t>& values, double scale, int least) {
  std::vector<std::uint8_t> rgb;
  for (const std::uint8_t value : values) rgb.insert(rgb.end(), 3, value);
  return mergedRegions(rgb, 1, static_cast<int>(values.size()), scale, least, 0.01);
}

// Differences are √3 times 10, 90 and 5; 100 joins 105 first.
TEST(MergedRegions, JoinWhileNoMoreDiffersThanInside) {
  using testing::ElementsAre;
  const std::vector<std::uint8_t> values = {0, 10, 100, 105};
  EXPECT_THAT(greys(values, 8, 1), ElementsAre(ElementsAre(0u), ElementsAre(1u), ElementsAre(2u), ElementsAre(3u)));
  EXPECT_THAT(greys(values, 12, 1), ElementsAre(ElementsAre(0u), ElementsAre(1u), ElementsAre(2u, 3u)));
  EXPECT_THAT(greys(values, 20, 1), ElementsAre(ElementsAre(0u, 1u), ElementsAre(2u, 3u)));
  EXPECT_THAT(greys(values, 12, 2), ElementsAre(ElementsAre(0u, 1u), ElementsAre(2u, 3u)));
  EXPECT_THAT(greys(values, 12, 3), ElementsAre(ElementsAre(0u, 1u, 2u, 3u)));
  // {0, 1} differ by 17.3 inside and {2, 3} by 8.7: 155.9 is less than what 300 for two adds to that.
  EXPECT_THAT(greys(values, 290, 1), ElementsAre(ElementsAre(0u, 1u), ElementsAre(2u, 3u)));
  EXPECT_THAT(greys(values, 300, 1), ElementsAre(ElementsAre(0u, 1u, 2u, 3u)));
}

TEST(MergedRegions, CoverEveryPixelOnceAndKeepToEdges) {
  const Pixels image = halves();
  std::vector<int> times(32 * 24);
  const Regions regions = mergedRegions(image.rgb, image.height, image.width, 50, 24);
  for (const std::vector<std::uint32_t>& region : regions) {
    EXPECT_GE(region.size(), 24u);
    for (const std::uint32_t pixel : region) ++times[pixel];
    const auto left = std::count_if(region.begin(), region.end(), [](std::uint32_t i) { return i % 32 < 10; });
    const auto right = std::count_if(region.begin(), region.end(), [](std::uint32_t i) { return i % 32 > 15; });
    EXPECT_TRUE(left == 0 || right == 0);
  }
  EXPECT_THAT(times, testing::Each(1));
  EXPECT_GE(regions.size(), 2u);
}

TEST(MergedRegions, OfOnePixelOrOneColourAreOne) {
  const Pixels flat{30, 20, std::vector<std::uint8_t>(1800, 128)};
  EXPECT_EQ(mergedRegions(flat.rgb, 20, 30, 1, 1).size(), 1u);
  EXPECT_EQ(mergedRegions({1, 2, 3}, 1, 1, 1, 150).size(), 1u);
}

TEST(Superpixels, AGridHasNarrowEnds) {
  const Regions grid = gridRegions(3, 5, 2);
  ASSERT_EQ(grid.size(), 6u);
  EXPECT_THAT(grid[2], testing::ElementsAre(4u, 9u));
  EXPECT_THAT(grid[5], testing::ElementsAre(14u));
}

}  // namespace
}  // namespace relprop::test
