#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

const std::vector<int> white = {255, 255, 255}, red = {255, 0, 0}, blue = {0, 0, 255}, darkRed = {128, 0, 0},
                       darkBlue = {0, 0, 77};

Tensor rowMap(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor(Shape{1, count}, std::move(values));
}

Image render(const Tensor& map, const HeatmapOptions& options = {}) {
  return renderHeatmap(map, std::nullopt, options);
}

std::vector<std::vector<int>> columns(const Image& image) {
  std::vector<std::vector<int>> pixels;
  for (int x = 0; x < image.width; ++x) pixels.push_back(pixelAt(image, x, 0));
  return pixels;
}

Image overlaid(const Tensor& map, const Image& photo, double opacity) {
  HeatmapOptions options;
  options.view = View::Overlay;
  options.opacity = opacity;
  return renderHeatmap(map, photo, options);
}

HeatmapOptions withView(View view) {
  HeatmapOptions options;
  options.view = view;
  return options;
}

void expectOptionError(void (*change)(HeatmapOptions&), const std::string& where) {
  HeatmapOptions options;
  change(options);
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { render(rowMap({1}), options); }).where(), where);
}

}  // namespace

TEST(Heat, ScalesSymmetricallyByTheLargestMagnitude) {
  EXPECT_EQ(columns(render(rowMap({0, 4, 2, -2, -4}))), (std::vector{white, darkRed, red, blue, darkBlue}));
  EXPECT_EQ(columns(render(rowMap({0, 2, -4}))), (std::vector{white, red, darkBlue}));
}

TEST(Heat, AllZeroIsWhite) {
  EXPECT_EQ(columns(render(rowMap({0, 0, -0.0f}))), (std::vector{white, white, white}));
  EXPECT_EQ(columns(render(rowMap({0, 0}), withView(View::Split))), (std::vector{white, white, white, white}));
}

TEST(Heat, SmallestAndLargestMagnitudesAreNoProblem) {
  EXPECT_EQ(columns(render(rowMap({1e-45f, 0}))), (std::vector{darkRed, white}));
  EXPECT_EQ(columns(render(rowMap({3e38f, -3e38f}))), (std::vector{darkRed, darkBlue}));
}

TEST(Heat, ChannelsAreSummed) {
  const Tensor map(Shape{1, 3, 1, 2}, {1, 5, 1, -2, 2, -3});
  EXPECT_EQ(columns(render(map)), (std::vector{darkRed, white}));
  EXPECT_EQ(columns(render(Tensor(Shape{3, 1, 2}, map.data))), (std::vector{darkRed, white}));
}

TEST(Heat, PercentileSaturatesLargerMagnitudes) {
  HeatmapOptions options;
  options.percentile = 50;
  // Magnitudes 0, 1, 2, 4, 100: the median is 2.
  EXPECT_EQ(columns(render(rowMap({100, 1, -4, 2, 0}), options)),
            (std::vector{darkRed, red, darkBlue, darkRed, white}));
  options.percentile = 62.5;  // halfway from 2 to 4 is 3
  EXPECT_EQ(columns(render(rowMap({100, 1.5, -4, 2, 0}), options))[1], red);
}

TEST(Heat, PercentileOfASparseMapFallsBackToTheLargest) {
  HeatmapOptions options;
  options.percentile = 50;
  EXPECT_EQ(columns(render(rowMap({0, 0, 0, 2, 4}), options)), (std::vector{white, white, white, red, darkRed}));
}

TEST(Heat, NotFiniteIsANumericFailure) {
  for (float value : {std::nanf(""), std::numeric_limits<float>::infinity()})
    expectError(ErrorCode::NumericFailure, [&] { render(rowMap({1, value})); });
}

TEST(Heat, OtherShapesAreMismatches) {
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{2, 1, 2, 2}, Shape{1, 1, 1, 2, 2}, Shape{0, 2}, Shape{3, 0, 2}})
    expectError(ErrorCode::ShapeMismatch, [&] { render(Tensor(shape)); });
  Tensor torn(Shape{2, 2});
  torn.data.pop_back();
  expectError(ErrorCode::ShapeMismatch, [&] { render(torn); });
}

TEST(Heat, ZoomRepeatsPixels) {
  HeatmapOptions options;
  options.zoom = 3;
  const Image image = render(Tensor(Shape{2, 1}, {1, -1}), options);
  ASSERT_EQ(image.width, 3);
  ASSERT_EQ(image.height, 6);
  EXPECT_EQ(pixelAt(image, 2, 2), darkRed);
  EXPECT_EQ(pixelAt(image, 0, 3), darkBlue);
}

TEST(Heat, OptionsOutOfRangeAreNamed) {
  expectOptionError([](HeatmapOptions& o) { o.percentile = 0; }, "percentile");
  expectOptionError([](HeatmapOptions& o) { o.percentile = 100.5; }, "percentile");
  expectOptionError([](HeatmapOptions& o) { o.percentile = std::nan(""); }, "percentile");
  expectOptionError([](HeatmapOptions& o) { o.opacity = 1.5; }, "opacity");
  expectOptionError([](HeatmapOptions& o) { o.zoom = 0; }, "zoom");
}

TEST(Overlay, AlphaGrowsWithMagnitude) {
  const Image image = overlaid(rowMap({0, 1, 2, -2}), solid(4, 1, 100, 100, 100), 0.5);
  EXPECT_EQ(pixelAt(image, 0, 0), (std::vector{100, 100, 100}));
  // Half times the root of a half of red, then half of dark red and half of dark blue.
  EXPECT_EQ(pixelAt(image, 1, 0), (std::vector{155, 65, 65}));
  EXPECT_EQ(pixelAt(image, 2, 0), (std::vector{114, 50, 50}));
  EXPECT_EQ(pixelAt(image, 3, 0), (std::vector{50, 50, 89}));
}

TEST(Overlay, PhotoIsGrey) {
  EXPECT_EQ(pixelAt(overlaid(rowMap({0}), solid(1, 1, 255, 0, 0), 1.0), 0, 0), (std::vector{76, 76, 76}));
}

TEST(Overlay, NeedsAPhotoOfTheSameSize) {
  expectError(ErrorCode::InvalidArgument, [] { render(rowMap({1}), withView(View::Overlay)); });
  expectError(ErrorCode::InvalidArgument, [] { render(rowMap({1}), withView(View::Panel)); });
  expectError(ErrorCode::ShapeMismatch, [] { overlaid(rowMap({1}), solid(2, 1, 0, 0, 0), 1.0); });
}

TEST(Split, ScalesEachSignOnItsOwn) {
  const Image image = render(rowMap({10, 5, -1, -2}), withView(View::Split));
  EXPECT_EQ(columns(image), (std::vector{darkRed, red, white, white, white, white, blue, darkBlue}));
}

TEST(PanelView, HoldsFivePictures) {
  const Image photo = solid(60, 20, 10, 200, 30);
  const Image image = renderHeatmap(Tensor(Shape{20, 60}, 1.0f), photo, withView(View::Panel));
  EXPECT_GT(image.width, 5 * 60);
  EXPECT_GT(image.height, 20);
  const std::vector<int> last = pixelAt(image, image.width - 10, image.height - 10);
  EXPECT_EQ(last, white) << "the negative part of a positive map";
  EXPECT_EQ(pixelAt(image, 10, image.height - 10), (std::vector{10, 200, 30})) << "the photo comes first";
}

TEST(ViewFromName, KnowsTheFour) {
  EXPECT_EQ(viewFromName("heat"), View::Heat);
  EXPECT_EQ(viewFromName("overlay"), View::Overlay);
  EXPECT_EQ(viewFromName("split"), View::Split);
  EXPECT_EQ(viewFromName("panel"), View::Panel);
  expectError(ErrorCode::InvalidArgument, [] { viewFromName("Heat"); });
}

}  // namespace relprop::test
