// Where channels lie, what preprocessing makes of other numbers of them, and arrays that are no pictures.
#include <gtest/gtest.h>

#include <cmath>

#include "unit/image/support.h"

namespace relprop::test {
namespace {

Tensor counted(const Shape& shape) {
  Tensor t(shape);
  for (std::size_t i = 0; i < t.data.size(); ++i) t.data[i] = static_cast<float>(i);
  return t;
}

TEST(Relaid, PutsEveryElementWhereItsIndexSays) {
  const Tensor first = counted({2, 3, 4, 5}), last = relaid(first, Layout::ChannelsFirst, Layout::ChannelsLast);
  ASSERT_EQ(last.shape, (Shape{2, 4, 5, 3}));
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t y = 0; y < 4; ++y)
        for (std::size_t x = 0; x < 5; ++x)
          ASSERT_EQ(last.data[((n * 4 + y) * 5 + x) * 3 + c], first.data[((n * 3 + c) * 4 + y) * 5 + x]);
  EXPECT_EQ(relaid(last, Layout::ChannelsLast, Layout::ChannelsFirst).data, first.data);
}

TEST(Relaid, TakesSignalsAndVolumesAndLeavesTables) {
  EXPECT_EQ(relaid(Shape{-1, 7, 2}, Layout::ChannelsLast, Layout::ChannelsFirst), (Shape{-1, 2, 7}));
  EXPECT_EQ(relaid(Shape{1, 5, 6, 7, 2}, Layout::ChannelsLast, Layout::ChannelsFirst), (Shape{1, 2, 5, 6, 7}));
  const Tensor table = counted({3, 4});
  EXPECT_EQ(relaid(table, Layout::ChannelsLast, Layout::ChannelsFirst).data, table.data);
}

TEST(PictureLayout, NamesTheAxes) {
  const PictureLayout last = PictureLayout::of({10, 14, 3}, Layout::ChannelsLast);
  EXPECT_EQ((Shape{last.channels, last.height, last.width}), (Shape{3, 10, 14}));
  const PictureLayout first = PictureLayout::of({3, 10, 14}, Layout::ChannelsFirst);
  EXPECT_EQ((Shape{first.channels, first.height, first.width}), (Shape{3, 10, 14}));
  expectError(ErrorCode::ShapeMismatch, [] { PictureLayout::of({10, 14}, Layout::ChannelsFirst); });
  EXPECT_EQ(layoutFromName("nhwc"), Layout::ChannelsLast);
  expectError(ErrorCode::InvalidArgument, [] { layoutFromName("hwc"); });
}

TEST(Heatmap, OfChannelsLastIsThatOfChannelsFirst) {
  const Tensor first = counted({1, 3, 4, 6}), last = relaid(first, Layout::ChannelsFirst, Layout::ChannelsLast);
  HeatmapOptions options;
  const Image wanted = renderHeatmap(first, {}, options);
  options.layout = Layout::ChannelsLast;
  const Image got = renderHeatmap(last, {}, options);
  EXPECT_EQ(got.width, 6);
  EXPECT_EQ(got.pixels, wanted.pixels);
  const Tensor withoutBatch({4, 6, 3}, last.data);
  EXPECT_EQ(renderHeatmap(withoutBatch, {}, options).pixels, wanted.pixels);
}

TEST(PixelRange, HasAsManyChannelsAsTheNetwork) {
  Preprocess p;
  p.scale = 1.0 / 255, p.mean = {0.1307}, p.std = {0.3081};
  for (int channels : {1, 3, 6}) {
    const PixelRange range = pixelRange(p, channels);
    ASSERT_EQ(range.low.size(), static_cast<std::size_t>(channels));
    EXPECT_FLOAT_EQ(range.low.back(), static_cast<float>(-0.1307 / 0.3081));
    EXPECT_FLOAT_EQ(range.high.back(), static_cast<float>((1 - 0.1307) / 0.3081));
  }
  p.mean = {0, 0.1, 0.2, 0.3}, p.std = {1, 1, 1, 2};
  EXPECT_FLOAT_EQ(pixelRange(p, 4).low[3], -0.15f);
  EXPECT_EQ(pixelRange(p, 6).low.size(), 4u) << "of the numbers that are there";
}

TEST(PixelRange, AveragesThreeNumbersForTheLuma) {
  Preprocess p;
  p.scale = 1.0 / 255, p.mean = {0.2, 0.4, 0.6}, p.std = {0.1, 0.2, 0.3}, p.name = "three";
  const PreparedImage black = prepareImage(solid(1, 1, 0, 0, 0), p, 1, 0, 0);
  EXPECT_FLOAT_EQ(black.input.data[0], static_cast<float>(-0.4 / 0.2));
  EXPECT_FLOAT_EQ(pixelRange(p, 1).low[0], black.input.data[0]);
  EXPECT_NE(channelNote(p, 1).find("three"), std::string::npos);
  EXPECT_EQ(channelNote(p, 3), "");
  p.mean = {0.5}, p.std = {0.5};
  EXPECT_EQ(channelNote(p, 1), "");
}

TEST(Resize, MayHaveTwoSides) {
  const std::string json = R"({"resize": {"mode": "warp", "size": [20, 30]}, "channels": "RGB", "scale": 1, "mean": [0],
                               "std": [1]})";
  const Preprocess p = parsePreprocess(json, "x.json");
  EXPECT_EQ(prepareImage(noise(1, 50, 40), p, 3, 0, 0).input.shape, (Shape{1, 3, 20, 30}));
  EXPECT_EQ(parsePreprocess(toJson(p), "again").sides, p.sides);
  std::string shorter = json;
  const Error error = expectError(ErrorCode::MalformedPreprocess, [&] {
    parsePreprocess(shorter.replace(shorter.find("warp"), 4, "shorter-side"), "x.json");
  });
  EXPECT_NE(error.got().find("resize.size"), std::string::npos);
}

// ---- what others write

TEST(HuggingFace, SquareAndNormalised) {
  const Preprocess p = parsePreprocess(R"({"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
      "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": {"height": 224, "width": 192},
      "image_processor_type": "ViTImageProcessor"})",
                                       "p.json");
  EXPECT_EQ(p.resize, Preprocess::Resize::Warp);
  EXPECT_EQ(p.sides, (std::array{224, 192}));
  EXPECT_EQ(p.crop, (std::array{0, 0}));
  EXPECT_DOUBLE_EQ(p.scale, 1.0 / 255);
  EXPECT_EQ(p.mean, std::vector<double>(3, 0.5));
  EXPECT_TRUE(p.notes.empty());
}

TEST(HuggingFace, ShorterSideAndCropAndFlags) {
  const Preprocess p = parsePreprocess(R"({"do_center_crop": true, "crop_size": 224, "size": {"shortest_edge": 256},
      "do_rescale": false, "do_normalize": false, "image_mean": [1, 1, 1], "image_std": [9, 9, 9],
      "do_flip_channel_order": true, "resample": 3})",
                                       "p.json");
  EXPECT_EQ(p.resize, Preprocess::Resize::ShorterSide);
  EXPECT_EQ(p.size, 256);
  EXPECT_EQ(p.crop, (std::array{224, 224}));
  EXPECT_DOUBLE_EQ(p.scale, 1);
  EXPECT_EQ(p.mean, std::vector<double>(3, 0.0)) << "do_normalize is false";
  EXPECT_TRUE(p.bgr);
  ASSERT_EQ(p.notes.size(), 1u);
  EXPECT_NE(p.notes[0].find("bicubic"), std::string::npos);
}

TEST(HuggingFace, SaysWhatANumberWithoutAProcessorIsTakenFor) {
  const Preprocess p = parsePreprocess(R"({"do_resize": true, "size": 224})", "p.json");
  EXPECT_EQ(p.resize, Preprocess::Resize::Warp);
  ASSERT_EQ(p.notes.size(), 1u);
  EXPECT_NE(p.notes[0].find("both sides"), std::string::npos);
}

TEST(HuggingFace, ConvNextCutsSmallPicturesOutOfLargerOnes) {
  const std::string json = R"({"crop_pct": 0.875, "do_resize": true, "size": {"shortest_edge": 224}})";
  const Preprocess small = parsePreprocess(json, "p.json");
  EXPECT_EQ(small.size, 256);
  EXPECT_EQ(small.crop, (std::array{224, 224}));
  std::string large = json;
  const Preprocess p = parsePreprocess(large.replace(large.find("224"), 3, "384"), "p.json");
  EXPECT_EQ(p.resize, Preprocess::Resize::Warp);
  EXPECT_EQ(p.size, 384);
}

TEST(HuggingFace, RefusesWhatIsNotKnown) {
  for (const std::string json :
       {R"({"do_pad": true, "image_mean": [0], "image_std": [1]})", R"({"do_resize": true})",
        R"({"do_resize": true, "size": {"longest_edge": 800}})", R"({"do_resize": "yes", "size": 3})",
        R"({"do_normalize": true})", R"({"do_center_crop": true, "crop_size": {"height": 0, "width": 3}})"})
    expectError(ErrorCode::MalformedPreprocess, [&] { parsePreprocess(json, "p.json"); });
}

TEST(Timm, ScalesByTheCrop) {
  const Preprocess p = parsePreprocess(R"({"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 224, 224],
      "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}})",
                                       "config.json");
  EXPECT_EQ(p.resize, Preprocess::Resize::ShorterSide);
  EXPECT_EQ(p.size, 235) << "⌊224 / 0.95⌋";
  EXPECT_EQ(p.crop, (std::array{224, 224}));
  EXPECT_EQ(p.mean, (std::vector<double>{0.1, 0.2, 0.3}));
  EXPECT_EQ(p.notes.size(), 1u);
  expectError(ErrorCode::MalformedPreprocess, [] {
    parsePreprocess(R"({"input_size": [3, 8, 8], "mean": [0], "std": [1], "crop_mode": "border"})", "config.json");
  });
}

TEST(Presets, HaveTheModesOfKeras) {
  const Image pixel = solid(1, 1, 10, 20, 255);
  EXPECT_FLOAT_EQ(prepareImage(pixel, namedPreprocess("keras-tf"), 3, 0, 0).input.data[2], 1);
  const std::vector<float> caffe = prepareImage(pixel, namedPreprocess("keras-caffe"), 3, 0, 0).input.data;
  EXPECT_FLOAT_EQ(caffe[0], 255 - 103.939f);
  EXPECT_FLOAT_EQ(caffe[2], 10 - 123.68f);
  const std::vector<float> torch = prepareImage(pixel, namedPreprocess("keras-torch"), 3, 0, 0).input.data;
  EXPECT_NEAR(torch[1], (20 / 255.0 - 0.456) / 0.224, 1e-6);
}

// ---- arrays

constexpr int kRed = 0, kBlue = 2;

TEST(Array, BarsOfATableStandOnTheirSide) {
  const Image image = renderArray(Tensor({1, 4}, {1, -1, 0, 0.5f}), {}, {});
  ASSERT_EQ(image.width, 512);
  const int middle = image.height / 2;
  const std::vector<int> up = pixelAt(image, 64, middle / 2), down = pixelAt(image, 192, middle + middle / 2);
  EXPECT_GT(up[kRed], up[kBlue]);
  EXPECT_GT(down[kBlue], down[kRed]);
  EXPECT_EQ(pixelAt(image, 64, middle + 3), (std::vector{255, 255, 255})) << "nothing on the other side";
  EXPECT_EQ(pixelAt(image, 448, middle / 4), (std::vector{255, 255, 255})) << "half as high";
}

TEST(Array, CurveLiesOverTheColoursOfRelevance) {
  Tensor map({1, 1, 64}), signal({1, 1, 64});
  for (std::size_t i = 0; i < 64; ++i) map.data[i] = i < 32 ? 1.0f : -1.0f, signal.data[i] = static_cast<float>(i);
  const Image image = renderArray(map, signal, {});
  const std::vector<int> left = pixelAt(image, 100, 5), right = pixelAt(image, image.width - 100, image.height - 5);
  EXPECT_GT(left[kRed], left[kBlue]);
  EXPECT_GT(right[kBlue], right[kRed]);
  EXPECT_EQ(pixelAt(image, image.width / 2, image.height / 2)[0], pixelAt(image, 1, image.height - 1)[0]) << "ink";
}

TEST(Array, ChannelsOfASignalAreBelowOneAnotherWhateverTheLayout) {
  const Tensor first = counted({1, 3, 50});
  HeatmapOptions options;
  const Image one = renderArray(Tensor({1, 1, 50}, std::vector<float>(50, 1)), {}, options);
  const Image three = renderArray(first, {}, options);
  EXPECT_GT(three.height, 3 * one.height);
  options.layout = Layout::ChannelsLast;
  EXPECT_EQ(renderArray(relaid(first, Layout::ChannelsFirst, Layout::ChannelsLast), {}, options).pixels, three.pixels);
}

TEST(Array, SlicesOfAVolumeGoThroughItsMiddle) {
  Tensor map({1, 1, 4, 5, 6});
  map.data[(2 * 5 + 2) * 6 + 3] = 1;  // where all three meet
  HeatmapOptions options;
  const Image image = renderArray(map, {}, options);
  ASSERT_EQ(image.width, 6 + 4 + 6 + 4 + 5);
  ASSERT_EQ(image.height, 5);
  EXPECT_EQ(pixelAt(image, 3, 2), (std::vector{128, 0, 0})) << "across depth";
  EXPECT_EQ(pixelAt(image, 10 + 3, 2), (std::vector{128, 0, 0})) << "across height";
  EXPECT_EQ(pixelAt(image, 20 + 2, 2), (std::vector{128, 0, 0})) << "across width";
  options.zoom = 3;
  EXPECT_EQ(renderArray(map, {}, options).height, 15);
}

TEST(Array, OptionsOutOfRangeAreNamed) {
  for (const Shape& shape : {Shape{1, 8}, Shape{1, 2, 8}, Shape{1, 20, 8}, Shape{1, 1, 2, 2, 2}}) {
    const auto refused = [&](const HeatmapOptions& options) {
      return expectError(ErrorCode::InvalidArgument, [&] { renderArray(Tensor(shape, 1.0f), {}, options); }).where();
    };
    for (const double percentile : {-7.0, 0.0, 101.0, static_cast<double>(NAN)})
      EXPECT_EQ(refused({.percentile = percentile}), "percentile");
    for (const int zoom : {0, -1, 2'000'000'000}) EXPECT_EQ(refused({.zoom = zoom}), "zoom");
    EXPECT_EQ(refused({.opacity = 2}), "opacity");
  }
}

TEST(Array, ASignalHasTheShapeOfItsMap) {
  const Tensor map({1, 1, 8}, 1.0f);
  const auto refused = [&](ErrorCode code, const Tensor& signal) {
    EXPECT_EQ(expectError(code, [&] { renderArray(map, signal, {}); }).where(), "signal");
  };
  refused(ErrorCode::ShapeMismatch, Tensor({1, 1, 7}, 1.0f));
  refused(ErrorCode::ShapeMismatch, Tensor({1, 8}, 1.0f));
  Tensor broken({1, 1, 8}, 1.0f);
  broken.data.resize(3);
  refused(ErrorCode::ShapeMismatch, broken);
  refused(ErrorCode::NumericFailure, Tensor({1, 1, 8}, NAN));
  expectError(ErrorCode::ShapeMismatch, [&] { renderArray(broken, {}, {}); });
}

TEST(Array, RefusesPicturesAndWhatIsNotFinite) {
  expectError(ErrorCode::ShapeMismatch, [] { renderArray(Tensor({1, 1, 2, 2}, 1.0f), {}, {}); });
  expectError(ErrorCode::NumericFailure, [] { renderArray(Tensor({1, 2}, {1, NAN}), {}, {}); });
  expectError(ErrorCode::InvalidArgument, [] { renderArray(Tensor({1, 2}, 1.0f), {}, {.view = View::Panel}); });
}

}  // namespace
}  // namespace relprop::test
