// Where things of a picture lie once it is prepared, against what prepareImage really does with a picture.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

using Resize = Preprocess::Resize;

struct Preparation {
  Preprocess preprocess;
  int networkHeight = 0, networkWidth = 0;
};

Preparation preparation(Resize resize, int size, std::array<int, 2> crop, double fraction = 1.0, int height = 0,
                        int width = 0) {
  Preparation p;
  p.preprocess.resize = resize;
  p.preprocess.size = size;
  p.preprocess.crop = crop;
  p.preprocess.fraction = fraction;
  p.networkHeight = height;
  p.networkWidth = width;
  return p;
}

const std::vector<Preparation>& preparations() {
  static const std::vector<Preparation> all = {
      preparation(Resize::None, 0, {0, 0}),
      preparation(Resize::None, 0, {0, 0}, 1.0, 64, 48),
      preparation(Resize::None, 0, {0, 0}, 1.0, 0, 40),
      preparation(Resize::None, 0, {51, 60}),
      preparation(Resize::None, 0, {50, 61}, 1.0, 50, 61),
      preparation(Resize::Warp, 64, {0, 0}),
      preparation(Resize::Warp, 200, {131, 90}),
      preparation(Resize::ShorterSide, 72, {64, 64}, 1.0, 64, 64),
      preparation(Resize::ShorterSide, 73, {64, 61}),
      preparation(Resize::ShorterSide, 150, {0, 0}),
      preparation(Resize::CentralFraction, 64, {0, 0}, 0.875),
      preparation(Resize::CentralFraction, 99, {80, 77}, 0.61),
  };
  return all;
}

constexpr std::array<std::array<int, 2>, 4> kSides = {{{121, 90}, {90, 121}, {100, 100}, {63, 77}}};

// The whole geometry is in its map of points: view = (original − crop)·scale − offset.
double viewX(const ViewGeometry& g, double x) {
  return (x - g.cropLeft) * g.scaleX - g.offsetLeft;
}
double viewY(const ViewGeometry& g, double y) {
  return (y - g.cropTop) * g.scaleY - g.offsetTop;
}

Image rectangle(int width, int height, int x0, int y0, int x1, int y1) {
  Image image = solid(width, height, 0, 0, 0);
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x)
      std::fill_n(&image.pixels[static_cast<std::size_t>(y * width + x) * 3], 3, std::uint8_t{255});
  return image;
}

struct Light {
  double x = 0, y = 0, sum = 0;  // centre of gravity, and area in pixels of full brightness
};

Light lightOf(const Image& image) {
  Light light;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double value = image.pixels[static_cast<std::size_t>(y * image.width + x) * 3] / 255.0;
      light.sum += value;
      light.x += value * (x + 0.5);
      light.y += value * (y + 0.5);
    }
  light.x /= light.sum;
  light.y /= light.sum;
  return light;
}

bool fits(const Preparation& p, int width, int height) {
  try {
    viewGeometry(width, height, p.preprocess, p.networkHeight, p.networkWidth);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TEST(ViewGeometry, HasTheSizeOfThePreparedPicture) {
  int compared = 0;
  for (const Preparation& p : preparations())
    for (const auto& [width, height] : kSides) {
      if (!fits(p, width, height)) continue;
      const ViewGeometry g = viewGeometry(width, height, p.preprocess, p.networkHeight, p.networkWidth);
      const Image view =
          prepareImage(solid(width, height, 9, 9, 9), p.preprocess, 3, p.networkHeight, p.networkWidth).view;
      EXPECT_EQ(g.width, view.width);
      EXPECT_EQ(g.height, view.height);
      ++compared;
    }
  EXPECT_GE(compared, 44);
}

TEST(ViewGeometry, AgreesOnSizesOverAllSides) {
  const Preparation p = preparation(Resize::ShorterSide, 32, {0, 0});
  for (int width = 1; width <= 60; width += 7)
    for (int height = 1; height <= 60; ++height) {
      const ViewGeometry g = viewGeometry(width, height, p.preprocess, 0, 0);
      const Image view = prepareImage(solid(width, height, 0, 0, 0), p.preprocess, 3, 0, 0).view;
      ASSERT_EQ(g.width, view.width) << width << "×" << height;
      ASSERT_EQ(g.height, view.height) << width << "×" << height;
    }
}

// A rectangle that stays away from every border keeps its centre and its area, whatever filter drew it.
TEST(ViewGeometry, PutsARectangleWhereItIsDrawn) {
  for (const Preparation& p : preparations())
    for (const auto& [width, height] : kSides) {
      if (!fits(p, width, height)) continue;
      const int x0 = width / 2 - 6, y0 = height / 2 - 8, x1 = width / 2 + 9, y1 = height / 2 + 5;
      const ViewGeometry g = viewGeometry(width, height, p.preprocess, p.networkHeight, p.networkWidth);
      const Light light = lightOf(
          prepareImage(rectangle(width, height, x0, y0, x1, y1), p.preprocess, 3, p.networkHeight, p.networkWidth)
              .view);
      EXPECT_NEAR(light.x, (viewX(g, x0) + viewX(g, x1)) / 2, 0.05);
      EXPECT_NEAR(light.y, (viewY(g, y0) + viewY(g, y1)) / 2, 0.05);
      const double area = (x1 - x0) * g.scaleX * (y1 - y0) * g.scaleY;
      EXPECT_NEAR(light.sum, area, 0.03 * area);
    }
}

TEST(ViewGeometry, ByHand) {
  // 100×80, the central half of each side: 50×40 from (25, 20) on; enlarged to 64×64; of that 33×20 from the middle.
  const Preparation p = preparation(Resize::CentralFraction, 64, {20, 33}, 0.5);
  const ViewGeometry g = viewGeometry(100, 80, p.preprocess, 20, 33);
  EXPECT_EQ(g.width, 33);
  EXPECT_EQ(g.height, 20);
  EXPECT_EQ(g.cropLeft, 25);
  EXPECT_EQ(g.cropTop, 20);
  EXPECT_DOUBLE_EQ(g.scaleX, 1.28);
  EXPECT_DOUBLE_EQ(g.scaleY, 1.6);
  EXPECT_EQ(g.offsetLeft, 15);
  EXPECT_EQ(g.offsetTop, 22);
}

TEST(ViewGeometry, OnePixel) {
  const ViewGeometry g = viewGeometry(1, 1, preparation(Resize::Warp, 8, {0, 0}).preprocess, 8, 8);
  EXPECT_EQ(viewX(g, 0), 0);
  EXPECT_EQ(viewX(g, 1), 8);
  EXPECT_EQ(viewY(g, 1), 8);
}

TEST(ViewGeometry, RefusesWhatPrepareImageRefuses) {
  const Preparation tooLarge = preparation(Resize::None, 0, {200, 10});
  const Error prepared = expectError(ErrorCode::ShapeMismatch,
                                     [&] { prepareImage(solid(90, 90, 0, 0, 0), tooLarge.preprocess, 3, 0, 0); });
  const Error geometry =
      expectError(ErrorCode::ShapeMismatch, [&] { viewGeometry(90, 90, tooLarge.preprocess, 0, 0); });
  EXPECT_STREQ(prepared.what(), geometry.what());
  expectError(ErrorCode::ShapeMismatch, [] {
    viewGeometry(90, 90, preparation(Resize::Warp, 64, {0, 0}).preprocess, 32, 32);
  });
  expectError(ErrorCode::InvalidArgument, [] { viewGeometry(0, 90, Preprocess{}, 0, 0); });
  expectError(ErrorCode::MalformedPreprocess, [] {
    viewGeometry(9, 9, preparation(Resize::Warp, 0, {0, 0}).preprocess, 0, 0);
  });
}

}  // namespace relprop::test
