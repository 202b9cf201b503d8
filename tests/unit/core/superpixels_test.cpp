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

TEST(Superpixels, AGridHasNarrowEnds) {
  const Regions grid = gridRegions(3, 5, 2);
  ASSERT_EQ(grid.size(), 6u);
  EXPECT_THAT(grid[2], testing::ElementsAre(4u, 9u));
  EXPECT_THAT(grid[5], testing::ElementsAre(14u));
}

}  // namespace
}  // namespace relprop::test
