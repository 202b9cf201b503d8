// Boxes and masks as the network saw the picture, against what prepareImage makes of a picture that shows them.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "relprop/dataset.h"
#include "relprop/error.h"
#include "relprop/image.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {

namespace {

using testing::ElementsAre;
using Resize = Preprocess::Resize;

Preprocess preprocess(Resize resize, int size, std::array<int, 2> crop, double fraction = 1.0) {
  Preprocess p;
  p.resize = resize;
  p.size = size;
  p.crop = crop;
  p.fraction = fraction;
  return p;
}

std::vector<Preprocess> everyKind() {
  return {preprocess(Resize::None, 0, {0, 0}),
          preprocess(Resize::None, 0, {51, 60}),
          preprocess(Resize::Warp, 64, {0, 0}),
          preprocess(Resize::Warp, 180, {131, 90}),
          preprocess(Resize::ShorterSide, 73, {64, 61}),
          preprocess(Resize::ShorterSide, 150, {0, 0}),
          preprocess(Resize::CentralFraction, 64, {0, 0}, 0.875),
          preprocess(Resize::CentralFraction, 99, {80, 77}, 0.61)};
}

constexpr int kWidth = 121, kHeight = 90;
const Box kBox{40, 30, 77, 59};

ViewGeometry geometryOf(const Preprocess& p, int width = kWidth, int height = kHeight) {
  return viewGeometry(width, height, p, 0, 0);
}

// White where the box is, black elsewhere.
Image drawn(const Box& box) {
  Image image{kWidth, kHeight, Bytes(kWidth * kHeight * 3)};
  for (int y = static_cast<int>(box.y0); y < box.y1; ++y)
    for (int x = static_cast<int>(box.x0); x < box.x1; ++x)
      std::fill_n(&image.pixels[static_cast<std::size_t>(y * kWidth + x) * 3], 3, std::uint8_t{255});
  return image;
}

Mask maskOf(const Image& image) {
  Mask mask{image.width, image.height, {}};
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    mask.values.push_back(image.pixels[i] > 127 ? Mask::kObject : Mask::kBackground);
  return mask;
}

// Columns and rows from the first to behind the last object pixel.
std::array<int, 4> extent(const Mask& mask) {
  std::array<int, 4> e = {mask.width, mask.height, 0, 0};
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      if (mask.values[static_cast<std::size_t>(y * mask.width + x)] != Mask::kObject) continue;
      e = {std::min(e[0], x), std::min(e[1], y), std::max(e[2], x + 1), std::max(e[3], y + 1)};
    }
  return e;
}

Mask filled(int width, int height, std::uint8_t value) {
  return {width, height, std::vector(static_cast<std::size_t>(width * height), value)};
}

Annotation both(const Box& box) {
  return {{box}, maskOf(drawn(box))};
}

}  // namespace

TEST(TruthInView, LiesWhereThePreparedPictureShowsIt) {
  for (const Preprocess& p : everyKind()) {
    const ViewGeometry g = geometryOf(p);
    const Mask shown = maskOf(prepareImage(drawn(kBox), p, 3, 0, 0).view);
    const Truth truth = truthInView(both(kBox), g);
    for (const Mask* mask : {&*truth.boxes, &*truth.mask}) {
      ASSERT_EQ(mask->width, shown.width);
      ASSERT_EQ(mask->height, shown.height);
      const std::array<int, 4> expected = extent(shown), got = extent(*mask);
      for (std::size_t side = 0; side < 4; ++side) EXPECT_NEAR(got[side], expected[side], 1);
      // A border that misses by half a pixel on every side would be the perimeter in area; only ties may differ.
      std::size_t differing = 0;
      for (std::size_t i = 0; i < shown.values.size(); ++i) differing += shown.values[i] != mask->values[i];
      const int perimeter = 2 * (expected[2] - expected[0] + expected[3] - expected[1]);
      EXPECT_LE(differing, static_cast<std::size_t>(perimeter / 4)) << g.width << "×" << g.height;
    }
  }
}

TEST(TruthInView, UnchangedPictureKeepsItsTruthExactly) {
  const Preprocess crop = preprocess(Resize::None, 0, {60, 100});
  for (const Preprocess& p : {preprocess(Resize::None, 0, {0, 0}), crop}) {
    const Mask shown = maskOf(prepareImage(drawn(kBox), p, 3, 0, 0).view);
    const Truth truth = truthInView(both(kBox), geometryOf(p));
    EXPECT_EQ(truth.boxes->values, shown.values);
    EXPECT_EQ(truth.mask->values, shown.values);
  }
}

// A box as a mask and as a box are the same truth, whatever the view.
TEST(TruthInView, BoxAndItsMaskAgree) {
  for (const Preprocess& p : everyKind()) {
    const Truth truth = truthInView(both(kBox), geometryOf(p));
    EXPECT_EQ(truth.boxes->values, truth.mask->values);
  }
}

TEST(TruthInView, APixelIsInTheBoxWhenItsCentreIs) {
  const ViewGeometry g = viewGeometry(4, 1, Preprocess{}, 0, 0);
  const auto inside = [&](double x0, double x1) { return truthInView({{{x0, 0, x1, 1}}, {}}, g).boxes->values; };
  EXPECT_THAT(inside(1, 3), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(inside(0.5, 1.5), ElementsAre(1, 0, 0, 0));  // [x0, x1)
  EXPECT_THAT(inside(0.51, 1.51), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(inside(2, 2.4), ElementsAre(0, 0, 0, 0));
}

TEST(TruthInView, BoxesAreUnited) {
  const ViewGeometry g = viewGeometry(5, 2, Preprocess{}, 0, 0);
  const Truth truth = truthInView({{{0, 0, 2, 1}, {1, 0, 3, 2}}, {}}, g);
  EXPECT_THAT(truth.boxes->values, ElementsAre(1, 1, 1, 0, 0, 0, 1, 1, 0, 0));
  EXPECT_FALSE(truth.mask);
}

// Against whether a pixel's centre lies in any of them.
TEST(TruthInView, ManyBoxesAreUnited) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> place(-10, 60);
  Annotation annotation;
  for (int i = 0; i < 40; ++i) {
    const double x = place(random), y = place(random);
    annotation.boxes.push_back({x, y, x + place(random) / 4, y + place(random) / 4});  // some end before they begin
  }
  const Mask mask = *truthInView(annotation, geometryOf(preprocess(Resize::None, 0, {0, 0}), 50, 40)).boxes;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 50; ++x) {
      const auto holds = [&](const Box& b) {
        return b.x0 <= x + 0.5 && x + 0.5 < b.x1 && b.y0 <= y + 0.5 && y + 0.5 < b.y1;
      };
      const bool inside = std::any_of(annotation.boxes.begin(), annotation.boxes.end(), holds);
      EXPECT_EQ(mask.values[static_cast<std::size_t>(y * 50 + x)], inside ? Mask::kObject : Mask::kBackground);
    }
}

// Each covers four million pixels.
TEST(TruthInView, ABoxCostsItsEdges) {
  constexpr int side = 2000;
  const Annotation annotation{std::vector<Box>(300'000, Box{0, 0, side, side}), {}};
  const auto start = std::chrono::steady_clock::now();
  const Mask mask = *truthInView(annotation, geometryOf(preprocess(Resize::None, 0, {0, 0}), side, side)).boxes;
  EXPECT_EQ(counts(mask)[0], side * side);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(TruthInView, BoxesOutsideAndAround) {
  const ViewGeometry g = geometryOf(preprocess(Resize::ShorterSide, 64, {32, 32}));
  const auto boxes = [&](const Box& box) { return counts(truthInView({{box}, {}}, g).boxes.value()); };
  EXPECT_THAT(boxes({0, 0, kWidth, kHeight}), ElementsAre(32 * 32, 0, 0));
  EXPECT_THAT(boxes({-1e9, -1e9, 1e9, 1e9}), ElementsAre(32 * 32, 0, 0));
  EXPECT_THAT(boxes({0, 0, 5, 5}), ElementsAre(0, 32 * 32, 0));  // cut off
  EXPECT_THAT(boxes({500, 500, 600, 600}), ElementsAre(0, 32 * 32, 0));
  EXPECT_THAT(boxes({-50, -50, -10, -10}), ElementsAre(0, 32 * 32, 0));
  EXPECT_THAT(boxes({80, 60, 40, 30}), ElementsAre(0, 32 * 32, 0));  // inside out
}

TEST(TruthInView, MasksKeepVoidAndMayBeEmpty) {
  const ViewGeometry g = geometryOf(preprocess(Resize::Warp, 16, {0, 0}));
  for (const std::uint8_t value : {Mask::kVoid, Mask::kBackground, Mask::kObject})
    EXPECT_EQ(truthInView({{}, filled(kWidth, kHeight, value)}, g).mask->values, Bytes(256, value));
  EXPECT_FALSE(truthInView({{}, filled(kWidth, kHeight, 0)}, g).boxes);
}

TEST(TruthInView, NothingStaysNothing) {
  const Truth truth = truthInView({}, geometryOf(Preprocess{}));
  EXPECT_FALSE(truth.boxes);
  EXPECT_FALSE(truth.mask);
}

TEST(TruthInView, OnePixel) {
  const ViewGeometry g = geometryOf(preprocess(Resize::Warp, 8, {0, 0}), 1, 1);
  const Truth truth = truthInView({{{0, 0, 1, 1}}, filled(1, 1, Mask::kObject)}, g);
  EXPECT_EQ(truth.boxes->values, Bytes(64, Mask::kObject));
  EXPECT_EQ(truth.mask->values, Bytes(64, Mask::kObject));
  const Truth half = truthInView({{{0, 0, 0.5, 1}}, {}}, g);
  EXPECT_THAT(counts(half.boxes.value()), ElementsAre(32, 32, 0));
}

TEST(TruthInView, RefusesWhatDoesNotFit) {
  const ViewGeometry g = geometryOf(Preprocess{});
  const auto refused = [&](const Annotation& annotation, const ViewGeometry& geometry) {
    return expectError(ErrorCode::InvalidArgument, [&] { truthInView(annotation, geometry); });
  };
  refused({{}, filled(kWidth - 1, kHeight, 0)}, g);
  refused({{}, filled(kWidth, kHeight - 1, 0)}, g);
  Mask torn = filled(kWidth, kHeight, 0);
  torn.values.pop_back();
  refused({{}, torn}, g);
  refused({{}, Mask{}}, g);
  refused({{{0, 0, std::numeric_limits<double>::quiet_NaN(), 1}}, {}}, g);
  refused({{{0, 0, 1, std::numeric_limits<double>::infinity()}}, {}}, g);
  refused({}, ViewGeometry{});
  ViewGeometry flat = g;
  flat.scaleX = 0;
  refused({}, flat);
}

}  // namespace relprop::dataset_test
