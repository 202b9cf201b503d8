#include <gtest/gtest.h>

#include <algorithm>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

Image titled(const std::string& title) {
  return composePanel({{{title, solid(80, 10, 0, 255, 0)}}});
}

// How many pixels of the panel are this colour.
std::ptrdiff_t countOf(const Image& image, const std::vector<int>& colour) {
  std::ptrdiff_t count = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) count += pixelAt(image, x, y) == colour;
  return count;
}

}  // namespace

TEST(ComposePanel, ShowsEveryPictureWholeOnWhite) {
  const Image panel =
      composePanel({{{"a", solid(30, 20, 1, 2, 3)}, {"b", solid(40, 20, 4, 5, 6)}}, {{"c", solid(50, 10, 7, 8, 9)}}});
  EXPECT_EQ(countOf(panel, {1, 2, 3}), 30 * 20);
  EXPECT_EQ(countOf(panel, {4, 5, 6}), 40 * 20);
  EXPECT_EQ(countOf(panel, {7, 8, 9}), 50 * 10);
  EXPECT_EQ(pixelAt(panel, 0, 0), (std::vector{255, 255, 255}));
  EXPECT_EQ(pixelAt(panel, panel.width - 1, panel.height - 1), (std::vector{255, 255, 255}));
}

TEST(ComposePanel, WritesTheTitle) {
  const Image with = titled("heat"), without = titled("");
  ASSERT_EQ(with.width, without.width);
  EXPECT_GT(largestDifference(with, without), 200);
  EXPECT_EQ(countOf(with, {0, 255, 0}), countOf(without, {0, 255, 0}));
}

TEST(ComposePanel, OtherThanAsciiBecomesOneQuestionMarkEach) {
  EXPECT_EQ(titled("a\xC3\xA9\xE2\x82\xAC"
                   "b")
                .pixels,
            titled("a??b").pixels);
  EXPECT_EQ(titled("a\nb").pixels, titled("a?b").pixels);
}

TEST(ComposePanel, ColumnsOfSmallPicturesGrowToTheirTitles) {
  const Image narrow = composePanel({{{"", solid(4, 4, 0, 0, 0)}}});
  const Image wide = composePanel({{{"a legible title", solid(4, 4, 0, 0, 0)}}});
  EXPECT_GT(wide.width, narrow.width + 50);
  const Image endless = composePanel({{{std::string(5000, 'x'), solid(4, 4, 0, 0, 0)}}});
  EXPECT_LT(endless.width, 300);
}

TEST(ComposePanel, NothingToShowIsAnInvalidArgument) {
  expectError(ErrorCode::InvalidArgument, [] { composePanel({}); });
  expectError(ErrorCode::InvalidArgument, [] { composePanel({{}}); });
  expectError(ErrorCode::InvalidArgument, [] { composePanel({{{"a", Image{}}}}); });
}

}  // namespace relprop::test
