#include <gtest/gtest.h>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

using Resize = Preprocess::Resize;

// The red channel tells the column, the green one the row: where a pixel of the view comes from.
Image coordinates(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int value : {x, y, 7}) image.pixels.push_back(static_cast<std::uint8_t>(value));
  return image;
}

Shape shapeOf(const PreparedImage& prepared) {
  return prepared.input.shape;
}

Preprocess cropOnly(int height, int width) {
  Preprocess preprocess;
  preprocess.crop = {height, width};
  return preprocess;
}

std::vector<int> cropOrigin(int width, int height, int cropWidth, int cropHeight) {
  auto origin = pixelAt(prepareImage(coordinates(width, height), cropOnly(cropHeight, cropWidth), 3, 0, 0).view, 0, 0);
  origin.pop_back();
  return origin;
}

}  // namespace

TEST(PrepareImage, NormalisesByHand) {
  Preprocess preprocess;
  preprocess.scale = 0.5;
  preprocess.mean = {10, 20, 30};
  preprocess.std = {2, 4, 5};
  const PreparedImage prepared = prepareImage({2, 1, {100, 200, 60, 0, 40, 255}}, preprocess, 3, 1, 2);
  EXPECT_EQ(shapeOf(prepared), (Shape{1, 3, 1, 2}));
  EXPECT_EQ(prepared.input.data, (std::vector<float>{20, -5, 20, 0, 0, 19.5}));
  EXPECT_EQ(prepared.view.pixels, (Bytes{100, 200, 60, 0, 40, 255}));
}

TEST(PrepareImage, BgrTurnsTheNetworksChannelsButNotTheView) {
  Preprocess preprocess;
  preprocess.bgr = true;
  preprocess.mean = {1, 2, 3};  // blue's first
  const PreparedImage prepared = prepareImage(solid(1, 1, 10, 20, 30), preprocess, 3, 1, 1);
  EXPECT_EQ(prepared.input.data, (std::vector<float>{29, 18, 7}));
  EXPECT_EQ(prepared.view.pixels, (Bytes{10, 20, 30}));
}

TEST(PrepareImage, OneChannelIsLuma) {
  const PreparedImage prepared = prepareImage(solid(1, 1, 255, 0, 0), namedPreprocess("unit"), 1, 1, 1);
  EXPECT_EQ(shapeOf(prepared), (Shape{1, 1, 1, 1}));
  EXPECT_FLOAT_EQ(prepared.input.data[0], 76.0f / 255);
  EXPECT_EQ(prepared.view.pixels, (Bytes{76, 76, 76}));
}

TEST(PrepareImage, MeansForOtherChannelsAreRefused) {
  const auto prepare = [](std::vector<double> mean, int channels) {
    Preprocess preprocess = namedPreprocess("unit");
    preprocess.mean = std::move(mean);
    prepareImage(solid(32, 32, 1, 2, 3), preprocess, channels, 32, 32);
  };
  for (const auto& [count, channels] : {std::pair{2u, 3}, {4u, 3}, {2u, 1}}) {
    std::vector<double> mean(count);
    mean[0] = 1;
    const Error error = expectError(ErrorCode::MalformedPreprocess, [&] { prepare(mean, channels); });
    EXPECT_NE(error.got().find("mean"), std::string::npos);
  }
  expectError(ErrorCode::ShapeMismatch, [&] { prepare({1, 2, 3, 4}, 4); });
}

TEST(PrepareImage, ValuesSetByHandAreChecked) {
  Preprocess preprocess;
  preprocess.std = {1, 0, 1};
  expectError(ErrorCode::MalformedPreprocess, [&] { prepareImage(solid(1, 1, 0, 0, 0), preprocess, 3, 0, 0); });
}

TEST(PrepareImage, WithoutResizeTheNetworkDecides) {
  const Image image = noise(41, 9, 6);
  const PreparedImage prepared = prepareImage(image, namedPreprocess("unit"), 3, 4, 5);
  EXPECT_EQ(largestDifference(prepared.view, resizeImage(image, 5, 4)), 0);
  EXPECT_EQ(largestDifference(prepareImage(image, namedPreprocess("unit"), 3, 0, 0).view, image), 0);
  EXPECT_EQ(shapeOf(prepareImage(image, namedPreprocess("unit"), 3, 3, 0)), (Shape{1, 3, 3, 9}));
}

TEST(PrepareImage, WarpIgnoresTheAspectRatio) {
  Preprocess preprocess;
  preprocess.resize = Resize::Warp;
  preprocess.size = 8;
  EXPECT_EQ(shapeOf(prepareImage(noise(42, 20, 5), preprocess, 3, 8, 8)), (Shape{1, 3, 8, 8}));
}

TEST(PrepareImage, ShorterSideRoundsTheLongerOne) {
  Preprocess preprocess;
  preprocess.resize = Resize::ShorterSide;
  preprocess.size = 10;
  // 10·17/7 = 24.29 and 10·7/4 = 17.5
  EXPECT_EQ(shapeOf(prepareImage(noise(43, 17, 7), preprocess, 3, 0, 0)), (Shape{1, 3, 10, 24}));
  EXPECT_EQ(shapeOf(prepareImage(noise(43, 4, 7), preprocess, 3, 0, 0)), (Shape{1, 3, 18, 10}));
}

TEST(PrepareImage, CropLeavesAnOddPixelAtTheEnd) {
  EXPECT_EQ(cropOrigin(5, 7, 4, 4), (std::vector{0, 1}));   // 0.5 and 1.5
  EXPECT_EQ(cropOrigin(9, 11, 4, 4), (std::vector{2, 3}));  // 2.5 and 3.5
  EXPECT_EQ(cropOrigin(8, 10, 4, 4), (std::vector{2, 3}));
}

TEST(PrepareImage, CropLargerThanThePictureIsRefused) {
  const Error error =
      expectError(ErrorCode::ShapeMismatch, [] { prepareImage(noise(44, 8, 8), cropOnly(9, 4), 3, 0, 0); });
  EXPECT_NE(error.got().find("9×4"), std::string::npos) << error.what();
  EXPECT_NE(error.expected().find("8×8"), std::string::npos) << error.what();
}

TEST(PrepareImage, CentralFractionKeepsWholePixels) {
  Preprocess preprocess;
  preprocess.resize = Resize::CentralFraction;
  preprocess.fraction = 0.875;
  // Of 37 pixels int(32.375) = 32 stay, from (37 − 32)/2 = 2 on; of 20 int(17.5) = 17, from 1 on.
  preprocess.size = 32;
  const Image view = prepareImage(coordinates(37, 37), preprocess, 3, 32, 32).view;
  EXPECT_EQ(pixelAt(view, 0, 0), (std::vector{2, 2, 7}));
  EXPECT_EQ(pixelAt(view, 31, 31), (std::vector{33, 33, 7}));
  preprocess.size = 17;
  EXPECT_EQ(pixelAt(prepareImage(coordinates(20, 20), preprocess, 3, 0, 0).view, 0, 16), (std::vector{1, 17, 7}));
  preprocess.size = 4;
  EXPECT_EQ(shapeOf(prepareImage(solid(1, 1, 1, 1, 1), preprocess, 3, 4, 4)), (Shape{1, 3, 4, 4}));
}

TEST(PrepareImage, SizeOtherThanTheNetworksIsAMismatchWithAHint) {
  const Error error = expectError(ErrorCode::ShapeMismatch,
                                  [] { prepareImage(noise(45, 300, 300), namedPreprocess("imagenet"), 3, 299, 299); });
  EXPECT_EQ(error.where(), "imagenet");
  EXPECT_NE(error.got().find("224×224"), std::string::npos);
  EXPECT_NE(error.expected().find("299×299"), std::string::npos);
  EXPECT_NE(error.hint().find("[299, 299]"), std::string::npos);
}

TEST(PrepareImage, OverlongPicturesAreRefusedBeforeAllocating) {
  Preprocess preprocess;
  preprocess.resize = Resize::ShorterSide;
  preprocess.size = 16384;
  expectError(ErrorCode::UnsupportedImage, [&] { prepareImage(solid(60000, 1, 0, 0, 0), preprocess, 3, 0, 0); });
}

TEST(Presets, ImagenetIsTorchvisions) {
  const Image image = gradient(300, 200);
  const PreparedImage prepared = prepareImage(image, namedPreprocess("imagenet"), 3, 224, 224);
  // 300×200 becomes 384×256; the crop starts at column 80, row 16.
  const Image resized = resizeImage(image, 384, 256);
  EXPECT_EQ(pixelAt(prepared.view, 0, 0), pixelAt(resized, 80, 16));
  const double red = pixelAt(resized, 80, 16)[0];
  EXPECT_NEAR(prepared.input.data[0], (red / 255 - 0.485) / 0.229, 1e-6);
}

TEST(Presets, CaffeSubtractsTheBlueMeanFirst) {
  const PreparedImage prepared = prepareImage(solid(5, 4, 10, 20, 30), namedPreprocess("imagenet-caffe"), 3, 224, 224);
  EXPECT_FLOAT_EQ(prepared.input.data[0], 30 - 104.00699f);
  EXPECT_FLOAT_EQ(prepared.input.data[2 * 224 * 224], 10 - 122.67892f);
}

TEST(Presets, TfReachesFromMinusOneToOne) {
  EXPECT_EQ(pixelRange(namedPreprocess("tf")).low, (std::vector<float>{-1, -1, -1}));
  EXPECT_EQ(pixelRange(namedPreprocess("tf")).high, (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(shapeOf(prepareImage(noise(46, 30, 40), namedPreprocess("tf"), 3, 224, 224)), (Shape{1, 3, 224, 224}));
}

TEST(Presets, InceptionCropsTo299) {
  EXPECT_EQ(shapeOf(prepareImage(noise(47, 30, 40), namedPreprocess("inception"), 3, 0, 0)), (Shape{1, 3, 299, 299}));
}

TEST(Prepare, SidesOfTheNetworkAreNotNegative) {
  for (const auto& [height, width] : {std::pair{-96, 96}, std::pair{96, -1}}) {
    expectError(ErrorCode::InvalidArgument,
                [&, h = height, w = width] { prepareImage(solid(8, 8, 1, 2, 3), namedPreprocess("unit"), 3, h, w); });
    expectError(ErrorCode::InvalidArgument,
                [&, h = height, w = width] { viewGeometry(8, 8, namedPreprocess("unit"), h, w); });
  }
}

TEST(PixelRange, IsWhatBlackAndWhiteBecome) {
  for (const std::string name : {"imagenet", "imagenet-caffe", "cifar10"}) {
    Preprocess preprocess = namedPreprocess(name);
    preprocess.resize = Resize::None;
    preprocess.crop = {0, 0};
    const PixelRange range = pixelRange(preprocess);
    EXPECT_EQ(prepareImage(solid(1, 1, 0, 0, 0), preprocess, 3, 0, 0).input.data, range.low) << name;
    EXPECT_EQ(prepareImage(solid(1, 1, 255, 255, 255), preprocess, 3, 0, 0).input.data, range.high) << name;
  }
}

TEST(PixelRange, NegativeStdSwapsTheEnds) {
  Preprocess preprocess;
  preprocess.std = {-1};
  EXPECT_EQ(pixelRange(preprocess).low.front(), -255.0f);
  EXPECT_EQ(pixelRange(preprocess).high.front(), 0.0f);
}

}  // namespace relprop::test
