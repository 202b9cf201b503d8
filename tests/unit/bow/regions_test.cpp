#include "bow/regions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <opencv2/imgproc.hpp>
#include <random>
#include <set>

namespace relprop::bow::test {

namespace {

using Inside = std::function<bool(double x, double y)>;  // about the shape's middle, in units of its size
using PixelSet = std::set<std::pair<int, int>>;          // row and column

bool wedge(double x, double y) {
  return x > -1 && x < 1 && std::abs(y) < 0.6 * (x + 1) / 2;
}
bool bar(double x, double y) {
  return std::abs(x) < 1 && std::abs(y) < 0.3;
}

struct Place {
  double x = 0, y = 0, size = 0, degrees = 0;
};

// Pixels whose centres lie in the shape.
PixelSet drawn(const Inside& inside, const Place& place, int height, int width) {
  const double cos = std::cos(place.degrees * CV_PI / 180), sin = std::sin(place.degrees * CV_PI / 180);
  PixelSet pixels;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double dx = (x + 0.5 - place.x) / place.size, dy = (y + 0.5 - place.y) / place.size;
      if (inside(cos * dx + sin * dy, cos * dy - sin * dx)) pixels.insert({y, x});
    }
  return pixels;
}

cv::Mat painted(const PixelSet& pixels, int height, int width, int shape, int ground) {
  cv::Mat picture(height, width, CV_8U, cv::Scalar(ground));
  for (const auto& [y, x] : pixels) picture.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>(shape);
  return picture;
}

PixelSet pixelsOfCover(const Cover& cover) {
  PixelSet pixels;
  std::int64_t count = 0;
  for (const Area& area : cover) {
    count += area.pixels();
    for (int y = area.top; y < area.bottom; ++y)
      for (int x = area.left; x < area.right; ++x) pixels.insert({y, x});
  }
  EXPECT_EQ(count, static_cast<std::int64_t>(pixels.size())) << "rectangles overlap";
  EXPECT_EQ(pixelsOf(cover), count);
  return pixels;
}

using Descriptor = std::vector<float>;

// Descriptors of the features that cover just these pixels.
std::vector<Descriptor> descriptorsOf(const LocalFeatures& f, const PixelSet& pixels) {
  EXPECT_EQ(f.length, 128);
  EXPECT_EQ(f.descriptors.size(), f.count() * 128);
  EXPECT_EQ(f.covers.size(), f.count());
  std::vector<Descriptor> found;
  for (std::size_t l = 0; l < f.count(); ++l)
    if (pixelsOfCover(f.covers[l]) == pixels) found.emplace_back(f.descriptor(l), f.descriptor(l) + 128);
  return found;
}

std::vector<Descriptor> shapeAt(const Inside& inside, const Place& place, int shape = 200, int ground = 60) {
  constexpr int height = 90, width = 110;
  const PixelSet pixels = drawn(inside, place, height, width);
  return descriptorsOf(regionFeatures({painted(pixels, height, width, shape, ground)}, 1000), pixels);
}

double distance(const Descriptor& a, const Descriptor& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return std::sqrt(sum);
}

// From the first descriptor of one to the nearest of the other; SIFT's have a length of some 512.
double apart(const std::vector<Descriptor>& one, const std::vector<Descriptor>& other) {
  double least = std::numeric_limits<double>::infinity();
  if (one.empty()) return least;
  for (const Descriptor& d : other) least = std::min(least, distance(one.front(), d));
  return least;
}

}  // namespace

TEST(BowRegions, CoverThePixelsOfAShapeExactly) {
  for (const auto& [shape, ground] : {std::pair{200, 60}, std::pair{20, 90}, std::pair{255, 0}})
    for (double degrees : {0.0, 33.0, 145.0}) {
      EXPECT_FALSE(shapeAt(wedge, {50, 45, 24, degrees}, shape, ground).empty()) << shape << " " << degrees;
      EXPECT_FALSE(shapeAt(bar, {60, 40, 24, degrees}, shape, ground).empty()) << shape << " " << degrees;
    }
}

TEST(BowRegions, HaveHolesWhereTheShapeHasThem) {
  const auto ring = [](double x, double y) { return std::hypot(x, y) < 1 && std::hypot(x, y) > 0.5; };
  EXPECT_FALSE(shapeAt(ring, {50, 45, 24, 0}).empty());
}

TEST(BowRegions, LieAboutTheirCentreOfMass) {
  const PixelSet pixels = drawn(wedge, {50, 45, 24, 20}, 90, 110);
  const LocalFeatures f = regionFeatures({painted(pixels, 90, 110, 200, 60)}, 1000);
  ASSERT_GT(f.count(), 0u);
  double x = 0, y = 0;
  for (const auto& [row, column] : pixels) x += column + 0.5, y += row + 0.5;
  const auto count = static_cast<double>(pixels.size());
  for (std::size_t l = 0; l < f.count(); ++l) {
    if (pixelsOfCover(f.covers[l]) != pixels) continue;
    EXPECT_NEAR(f.supports[l].x, x / count, 1e-4);
    EXPECT_NEAR(f.supports[l].y, y / count, 1e-4);
    EXPECT_NEAR(f.supports[l].radius, 1.2 * std::sqrt(count), 1e-4);
  }
}

TEST(BowRegions, AreDescribedByTheirOutlineAlone) {
  const std::vector<Descriptor> here = shapeAt(wedge, {50, 45, 24, 20});
  ASSERT_FALSE(here.empty());
  EXPECT_LT(apart(here, shapeAt(wedge, {63, 38, 24, 20})), 10);          // elsewhere
  EXPECT_EQ(apart(here, shapeAt(wedge, {50, 45, 24, 20}, 30, 180)), 0);  // darker than its ground
  EXPECT_LT(apart(here, shapeAt(wedge, {50, 45, 24, 110})), 60);         // a quarter turn
  EXPECT_LT(apart(here, shapeAt(wedge, {50, 45, 24, 67})), 130);         // of other pixels
  EXPECT_LT(apart(here, shapeAt(wedge, {50, 45, 36, 20})), 130);         // larger
  EXPECT_GT(apart(here, shapeAt(bar, {50, 45, 24, 20})), 250);           // another shape
}

TEST(BowRegions, ComeOnceForEveryDirectionTheyHave) {
  const auto square = [](double x, double y) { return std::abs(x) < 1 && std::abs(y) < 1; };
  EXPECT_EQ(shapeAt(square, {50, 45, 20, 0}).size() % 4, 0u);
  EXPECT_GT(shapeAt(square, {50, 45, 20, 0}).size(), 0u);
  // A bar's long sides are its two directions; turned by half a circle it is itself.
  const std::vector<Descriptor> found = shapeAt(bar, {50, 45, 24, 0});
  ASSERT_EQ(found.size() % 2, 0u);
  EXPECT_LT(distance(found[0], found[1]), 10);
}

TEST(BowRegions, AreOfSomeSizeAndTheLargestComeFirst) {
  PixelSet all;
  std::vector<PixelSet> squares;
  for (const int side : {5, 9, 13, 17}) {  // of 90×110 pixels 0.6 % are 59
    squares.emplace_back();
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) squares.back().insert({30 + y, 6 * side - 20 + x});
    all.insert(squares.back().begin(), squares.back().end());
  }
  const cv::Mat picture = painted(all, 90, 110, 200, 60);
  const LocalFeatures f = regionFeatures({picture}, 1000);
  EXPECT_TRUE(descriptorsOf(f, squares[0]).empty());
  for (std::size_t i = 1; i < squares.size(); ++i) EXPECT_FALSE(descriptorsOf(f, squares[i]).empty()) << i;
  for (std::size_t l = 0; l < f.count(); ++l) {
    EXPECT_TRUE(l == 0 || pixelsOf(f.covers[l - 1]) >= pixelsOf(f.covers[l]));
    EXPECT_GE(pixelsOf(f.covers[l]), 59);
    EXPECT_LE(pixelsOf(f.covers[l]), 5940);
  }
  const LocalFeatures one = regionFeatures({picture}, 1);
  ASSERT_GT(one.count(), 0u);
  EXPECT_LE(one.count(), 4u);
  EXPECT_TRUE(std::equal(one.descriptors.begin(), one.descriptors.end(), f.descriptors.begin()));
}

TEST(BowRegions, OfAllChannelsAreFound) {
  const PixelSet left = drawn(bar, {25, 45, 18, 0}, 90, 110), right = drawn(wedge, {80, 45, 18, 0}, 90, 110);
  const cv::Mat one = painted(left, 90, 110, 200, 60), other = painted(right, 90, 110, 10, 60);
  const LocalFeatures both = regionFeatures({one, other}, 1000);
  EXPECT_FALSE(descriptorsOf(both, left).empty());
  EXPECT_FALSE(descriptorsOf(both, right).empty());
  EXPECT_TRUE(descriptorsOf(regionFeatures({one}, 1000), right).empty());
}

TEST(BowRegions, OfColoursOfOneBrightnessNeedTheColours) {
  const PixelSet pixels = drawn(wedge, {50, 45, 24, 20}, 90, 110);
  std::vector<float> picture(3 * 90 * 110);
  const auto paint = [&](int channel, int ground, int shape) {
    for (int i = 0; i < 90 * 110; ++i)
      picture[static_cast<std::size_t>(channel * 90 * 110 + i)] =
          static_cast<float>(pixels.contains({i / 110, i % 110}) ? shape : ground);
  };
  paint(0, 180, 50), paint(1, 80, 146), paint(2, 100, 100);
  FeatureSettings settings;
  settings.places = FeatureSettings::Places::Regions, settings.root = false;
  EXPECT_TRUE(descriptorsOf(localFeatures(picture.data(), 90, 110, settings), pixels).empty());
  settings.colour = FeatureSettings::Colour::Opponent;
  EXPECT_EQ(descriptorLength(settings), 128);
  const LocalFeatures f = localFeatures(picture.data(), 90, 110, settings);
  EXPECT_FALSE(descriptorsOf(f, pixels).empty());
  settings.root = true;
  const LocalFeatures root = localFeatures(picture.data(), 90, 110, settings);
  for (std::size_t l = 0; l < root.count(); ++l) {
    double sum = 0, squares = 0;
    for (std::size_t k = 0; k < 128; ++k) sum += f.descriptor(l)[k], squares += std::pow(root.descriptor(l)[k], 2);
    EXPECT_NEAR(squares, 1, 1e-5);
    EXPECT_NEAR(root.descriptor(l)[7], std::sqrt(f.descriptor(l)[7] / sum), 1e-6);
  }
}

TEST(BowRegions, OfPicturesThatShowNothingAreNone) {
  for (const auto& [height, width] : {std::pair{1, 1}, std::pair{2, 300}, std::pair{3, 3}, std::pair{60, 80}})
    EXPECT_EQ(regionFeatures({cv::Mat(height, width, CV_8U, cv::Scalar(128))}, 1000).count(), 0u);
}

TEST(BowRegions, AreTheSameWithAnyNumberOfThreads) {
  std::mt19937 random(3);
  cv::Mat noise(90, 110, CV_8U), soft;
  for (int i = 0; i < 90 * 110; ++i) noise.data[i] = static_cast<std::uint8_t>(random() >> 24);
  cv::GaussianBlur(noise, soft, cv::Size(), 4);
  cv::normalize(soft, soft, 0, 255, cv::NORM_MINMAX);
  const int threads = cv::getNumThreads();
  const LocalFeatures many = regionFeatures({soft}, 1000);
  cv::setNumThreads(1);
  const LocalFeatures one = regionFeatures({soft}, 1000);
  cv::setNumThreads(threads);
  EXPECT_GT(many.count(), 3u);
  EXPECT_EQ(many.descriptors, one.descriptors);
}

}  // namespace relprop::bow::test
