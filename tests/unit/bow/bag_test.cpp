#include "bow/bag.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "unit/core/failure.h"

namespace relprop::bow::test {

namespace {

std::vector<float> noisePicture(int height, int width) {
  std::mt19937 random(1);
  std::vector<float> result(static_cast<std::size_t>(3 * height * width));
  for (float& v : result) v = static_cast<float>(random() >> 24);
  return result;
}

// 16 random words; the score of the only class is 2 + 3 Σ x_d.
Bag noiseBag(const PoolingSettings& pooling) {
  Bag bag;
  bag.features.patches = {8, 12}, bag.features.step = 5;
  bag.mapping.kind = MappingSettings::Kind::Gaussian;
  bag.pooling = pooling;
  bag.vocabulary = cluster(localFeatures(noisePicture(60, 60).data(), 60, 60, bag.features).descriptors, 128,
                           {.words = 16, .restarts = 1, .iterations = 5});
  bag.machine.kernels = {{KernelKind::Linear}};
  bag.machine.dimensions = dimensions(16, pooling);
  bag.machine.histograms.assign(static_cast<std::size_t>(bag.machine.dimensions), 1);
  bag.machine.coefficients = {{3}}, bag.machine.bias = {2}, bag.machine.platt = {{-1, 0}};
  bag.classes = {"noise"};
  return bag;
}

double sum(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}

}  // namespace

TEST(BowLook, IsItsPartsOneAfterTheOther) {
  const Bag bag = noiseBag({2, {{1, 1}, {2, 2}}, PoolingSettings::Norm::L2});
  const std::vector<float> picture = noisePicture(40, 50);
  const Seen seen = look(bag, picture.data(), 40, 50);
  EXPECT_EQ(seen.height, 40);
  EXPECT_EQ(seen.width, 50);
  const LocalFeatures features = localFeatures(picture.data(), 40, 50, bag.features);
  ASSERT_EQ(seen.supports.size(), features.count());
  const Mapped mapped = mapWords(features, bag.vocabulary, bag.mapping);
  EXPECT_EQ(seen.mapped.words, mapped.words);
  EXPECT_EQ(seen.mapped.weights, mapped.weights);
  const Histogram h = pool({features.supports, mapped, 40, 50, 16}, bag.pooling);
  EXPECT_EQ(seen.histogram.values, h.values);
  EXPECT_EQ(seen.histogram.norm, h.norm);
  ASSERT_EQ(seen.scores.size(), 1u);
  EXPECT_NEAR(seen.scores[0], 2 + 3 * sum(h.values), 1e-12);
}

TEST(BowLook, RelevanceOfWordsArrivesAtThePixels) {
  using Places = FeatureSettings::Places;
  for (const auto& [power, places] :
       {std::pair{1.0, Places::Grid}, {2.0, Places::Grid}, {kMaximum, Places::Grid}, {1.0, Places::Regions}}) {
    Bag bag = noiseBag({power, {{1, 1}, {3, 1}}});
    bag.features.places = places;
    const Seen seen = look(bag, noisePicture(41, 53).data(), 41, 53);
    ASSERT_GT(seen.supports.size(), 0u);
    std::vector<double> dims = seen.histogram.values;
    for (std::size_t d = 0; d < dims.size(); d += 3) dims[d] *= -2;
    const Pooled pooled{seen.supports, seen.mapped, 41, 53, 16};
    const std::vector<double> features = featureRelevance(dims, pooled, bag.pooling);
    const std::vector<double> pixels = pixelRelevance(features, seen.covers, 41, 53);
    double magnitude = 0;
    for (double r : dims) magnitude += std::abs(r);
    EXPECT_NEAR(sum(features), sum(dims), 1e-12 * magnitude);
    EXPECT_NEAR(sum(pixels), sum(features), 1e-12 * magnitude);
  }
}

// Asked before each of the three channels, the words and the scores.
TEST(BowLook, StopsBetweenItsSteps) {
  Bag bag = noiseBag({});
  const std::vector<float> picture = noisePicture(40, 50);
  bag.features.colour = FeatureSettings::Colour::Rgb;
  std::vector<float> centres;
  for (std::size_t at = 0; at < bag.vocabulary.centres.size(); at += 128)
    for (int channel = 0; channel < 3; ++channel)
      centres.insert(centres.end(), bag.vocabulary.centres.begin() + static_cast<std::ptrdiff_t>(at),
                     bag.vocabulary.centres.begin() + static_cast<std::ptrdiff_t>(at + 128));
  bag.vocabulary.length = 384, bag.vocabulary.centres = centres;
  int left = 5;
  const Again again = [&left] { return left-- > 0; };
  EXPECT_EQ(look(bag, picture.data(), 40, 50, again).scores, look(bag, picture.data(), 40, 50).scores);
  EXPECT_EQ(left, 0);
  for (int steps = 0; steps < 5; ++steps) {
    left = steps;
    const Error error = relprop::test::failureOf([&] { look(bag, picture.data(), 40, 50, again); });
    EXPECT_EQ(error.code(), ErrorCode::Cancelled) << steps;
    EXPECT_EQ(error.where(), "run");
    EXPECT_EQ(error.got(), "stopped");
  }
}

TEST(BowLook, SeesNothingInPicturesWithoutFeatures) {
  for (const auto& [height, width] : {std::pair{1, 1}, std::pair{7, 90}}) {
    const Seen seen = look(noiseBag({}), noisePicture(height, width).data(), height, width);
    EXPECT_TRUE(seen.supports.empty());
    EXPECT_EQ(seen.histogram.values, std::vector<double>(16));
    EXPECT_EQ(seen.scores, std::vector<double>{2});
    EXPECT_EQ(uncovered(seen.covers, height, width), height * width);
  }
}

TEST(BowLook, OfAPictureOfOneColourHasEqualFeatures) {
  const std::vector<float> grey(static_cast<std::size_t>(3 * 30 * 30), 128.0f);
  const Seen seen = look(noiseBag({}), grey.data(), 30, 30);
  ASSERT_GT(seen.supports.size(), 1u);
  for (std::size_t i = 0; i < seen.mapped.words.size(); ++i)
    EXPECT_EQ(seen.mapped.words[i], seen.mapped.words[i % static_cast<std::size_t>(seen.mapped.nearest)]);
  EXPECT_NEAR(sum(seen.histogram.values), 1, 1e-12);
}

}  // namespace relprop::bow::test
