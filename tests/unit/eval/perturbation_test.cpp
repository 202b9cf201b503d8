#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "unit/eval/toy_case.h"

namespace relprop::eval::test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kExact = 1e-12;

using Pixels = std::vector<std::size_t>;

// The region that a pixel lies in, as (row, column) of the grid; maps are sorted row by row.
std::map<std::pair<int, int>, Pixels> naiveRegions(const Plane& map, int side) {
  std::map<std::pair<int, int>, Pixels> regions;
  for (int y = 0; y < map.height; ++y)
    for (int x = 0; x < map.width; ++x)
      regions[{y / side, x / side}].push_back(static_cast<std::size_t>(y * map.width + x));
  return regions;
}

// Pictures with 0, 1, … regions replaced, each from scratch.
std::vector<Picture> naivePictures(ToyCase& toy, const Picture& replacement, int side, std::size_t steps, bool morf) {
  std::vector<Pixels> regions;
  std::vector<float> sums;
  for (const auto& [place, pixels] : naiveRegions(toy->map, side)) {
    regions.push_back(pixels);
    sums.push_back(static_cast<float>(std::accumulate(
        pixels.begin(), pixels.end(), 0.0, [&](double s, std::size_t i) { return s + toy->map.values[i]; })));
  }
  const Pixels order = naiveOrder(sums, morf);
  std::vector<Picture> pictures;
  for (std::size_t k = 0; k <= std::min(steps, order.size()); ++k) {
    Pixels replaced;
    for (std::size_t i = 0; i < k; ++i)
      replaced.insert(replaced.end(), regions[order[i]].begin(), regions[order[i]].end());
    pictures.push_back(toy.with(toy.picture(), replacement, replaced));
  }
  return pictures;
}

Picture meanColour(const ToyCase& toy, std::size_t channels) {
  std::vector<float> means;
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < toy.pixels(); ++i) sum += toy.picture()[c * toy.pixels() + i];
    means.push_back(static_cast<float>(sum / static_cast<double>(toy.pixels())));
  }
  return toy.filled(means);
}

double aopc(const std::vector<double>& f) {
  double sum = 0;
  for (const double v : f) sum += f[0] - v;
  return sum / static_cast<double>(f.size());
}

std::vector<double> logits(const ToyCase& toy, const std::vector<Picture>& pictures) {
  std::vector<double> f;
  for (const Picture& x : pictures) f.push_back(toy.logit(x));
  return f;
}

TEST(RegionPerturbation, ReplacesRegionsByTheirSumOneAfterAnother) {
  ToyCase toy(3, 8, 11);  // 3×4 regions of 3×3, narrower on the right and below
  for (const bool morf : {true, false}) {
    const std::vector<Picture> pictures = naivePictures(toy, meanColour(toy, 3), 3, 7, morf);
    const Measured m =
        toy.measure(std::string("region-perturbation:region=3,steps=7,fill=mean,order=") + (morf ? "morf" : "lerf"));
    EXPECT_EQ(toy.inputs, pictures);
    ASSERT_EQ(m.scores.size(), 1u);
    EXPECT_EQ(m.scores[0].name, "aopc");
    EXPECT_NEAR(m.scores[0].value, aopc(logits(toy, pictures)), kExact);
    EXPECT_EQ(m.curves.at(0).name, "score");
    EXPECT_THAT(m.curves[0].x, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
    EXPECT_THAT(m.curves[0].y, Pointwise(DoubleNear(kExact), logits(toy, pictures)));
    EXPECT_EQ(toy.calls, 1);
  }
}

TEST(RegionPerturbation, FillsWithTheBlurredPicture) {
  ToyCase toy(2, 12, 14);
  toy.measure("region-perturbation:fill=blur,region=5,steps=1000");
  EXPECT_THAT(toy.inputs.back(), Pointwise(testing::FloatNear(1e-7f), naiveBlur(toy.picture(), 2, 12, 14)));
}

TEST(RegionPerturbation, FillsWithNumbersFromTheWholeRange) {
  ToyCase toy(2, 40, 40);
  toy.measure("region-perturbation:steps=1000");
  const Picture& last = toy.inputs.back();
  for (std::size_t c = 0; c < 2; ++c) {
    const auto begin = last.begin() + static_cast<std::ptrdiff_t>(c * 1600), end = begin + 1600;
    const auto [low, high] = std::minmax_element(begin, end);
    EXPECT_GE(*low, toy->low[c]);
    EXPECT_LE(*high, toy->high[c]);
    const double span = toy->high[c] - toy->low[c], mean = std::accumulate(begin, end, 0.0) / 1600;
    EXPECT_NEAR(*low, toy->low[c], 0.01 * span);
    EXPECT_NEAR(*high, toy->high[c], 0.01 * span);
    EXPECT_NEAR(mean, toy->low[c] + 0.5 * span, 5 * span / std::sqrt(12 * 1600.0));  // five standard errors
  }
}

TEST(RegionPerturbation, RandomFillIsThePicturesOwnWhateverTheMethod) {
  ToyCase toy(3, 10, 10);
  const std::string protocol = "region-perturbation:region=2,steps=1000";
  toy.measure(protocol);
  const Picture first = toy.inputs.back();
  for (float& h : toy->map.values) h = -h * h;
  toy.measure(protocol);
  EXPECT_EQ(toy.inputs.back(), first);
  EXPECT_EQ(toy.inputs, naivePictures(toy, first, 2, 1000, true));
  toy->runSeed = 1;
  toy.measure(protocol);
  EXPECT_NE(toy.inputs.back(), first);
  toy->runSeed = 0;
  toy->picture = "another";
  toy.measure(protocol);
  EXPECT_NE(toy.inputs.back(), first);
}

TEST(RegionPerturbation, RegionLargerThanThePictureIsAllOfIt) {
  ToyCase toy(3, 4, 5);
  const Measured m = toy.measure("region-perturbation:fill=mean");
  EXPECT_THAT(toy.inputs, ElementsAre(toy.picture(), meanColour(toy, 3)));
  EXPECT_NEAR(m.scores.at(0).value, 0.5 * (toy.logit(toy.inputs[0]) - toy.logit(toy.inputs[1])), kExact);
}

TEST(RegionPerturbation, StopsWhenNoRegionIsLeft) {
  ToyCase toy(1, 6, 6);
  const Measured m = toy.measure("region-perturbation:region=3,steps=100,fill=mean");
  EXPECT_THAT(m.curves.at(0).x, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(toy.inputs.size(), 5u);
}

TEST(RegionPerturbation, OnePixel) {
  ToyCase toy(3, 1, 1);
  const Measured m = toy.measure("region-perturbation:fill=mean");
  EXPECT_THAT(toy.inputs, ElementsAre(toy.picture(), toy.picture()));
  EXPECT_NEAR(m.scores.at(0).value, 0, kExact);
}

TEST(RegionPerturbation, EqualRegionsGoByIndexInBothOrders) {
  ToyCase toy(1, 4, 4);
  std::fill(toy->map.values.begin(), toy->map.values.end(), 0.5f);
  toy.measure("region-perturbation:region=2,fill=mean,order=morf");
  const std::vector<Picture> morf = toy.inputs;
  EXPECT_EQ(morf.at(1), toy.with(toy.picture(), meanColour(toy, 1), {0, 1, 4, 5}));
  toy.measure("region-perturbation:region=2,fill=mean,order=lerf");
  EXPECT_EQ(toy.inputs, morf);
}

TEST(RegionPerturbation, MayLookAtTheProbability) {
  ToyCase toy(3, 6, 6);
  const std::vector<Picture> pictures = naivePictures(toy, meanColour(toy, 3), 2, 5, true);
  const Measured m = toy.measure("region-perturbation:region=2,steps=5,fill=mean,output=probability");
  std::vector<double> p;
  for (const Picture& x : pictures) p.push_back(toy.probability(x));
  EXPECT_NEAR(m.scores.at(0).value, aopc(p), kExact);
}

TEST(RegionPerturbation, HeatmapOfALinearNetworkIsItsBestOrder) {
  ToyCase toy(1, 6, 6);
  const Picture zero(36);
  for (std::size_t i = 0; i < 36; ++i)
    toy->map.values[i] =
        static_cast<float>(toy.logit(toy.picture()) - toy.logit(toy.with(toy.picture(), meanColour(toy, 1), {i})));
  const double best = toy.measure("region-perturbation:region=1,steps=20,fill=mean").scores.at(0).value;
  const double worst = toy.measure("region-perturbation:region=1,steps=20,fill=mean,order=lerf").scores.at(0).value;
  for (int shuffle = 0; shuffle < 20; ++shuffle) {
    std::rotate(toy->map.values.begin(), toy->map.values.begin() + 1, toy->map.values.end());
    const double other = toy.measure("region-perturbation:region=1,steps=20,fill=mean").scores.at(0).value;
    EXPECT_LT(other, best);
    EXPECT_GT(other, worst);
  }
}

TEST(RegionPerturbation, SaysItsParametersAndWhichWayIsBetter) {
  EXPECT_EQ(parseProtocol("region-perturbation").text,
            "region-perturbation@1:order=morf,region=9,steps=100,fill=uniform,output=logit");
  EXPECT_EQ(parseProtocol("region-perturbation").scores.at(0).better, Better::Higher);
  EXPECT_EQ(parseProtocol("region-perturbation:order=lerf").scores.at(0).better, Better::Lower);
}

TEST(RegionPerturbation, RefusesWhatItDoesNotKnow) {
  expectError("region-perturbation:order=random", "metric region-perturbation, order", "'random'", "morf or lerf");
  expectError("region-perturbation:fill=noise", "metric region-perturbation, fill", "'noise'", "uniform, mean or blur");
  expectError("region-perturbation:region=0", "metric region-perturbation, region", "'0'",
              "a whole number from 1 to 10000");
  expectError("region-perturbation:steps=1.5", "metric region-perturbation, steps", "'1.5'",
              "a whole number from 1 to 1000000");
  expectError("region-perturbation:side=3", "metric region-perturbation, key", "'side'",
              "order, region, steps, fill, output or precision");
}

TEST(NegativePerturbation, SetsPixelsOfLowRelevanceToZero) {
  ToyCase toy(3, 10, 9);
  const Pixels order = naiveOrder(toy->map.values, false);
  std::vector<double> accuracy, probability;
  std::vector<Picture> pictures;
  for (std::size_t k = 0; k <= 6; ++k) {
    pictures.push_back(
        toy.with(toy.picture(), Picture(270), {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(7 * k)}));
    accuracy.push_back(toy.correct(pictures.back()) ? 1 : 0);
    probability.push_back(toy.probability(pictures.back()));
  }
  const Measured m = toy.measure("negative-perturbation:step=7,steps=6");
  EXPECT_EQ(toy.inputs, pictures);
  ASSERT_EQ(m.curves.size(), 2u);
  EXPECT_EQ(m.curves[0].name, "accuracy");
  EXPECT_THAT(m.curves[0].x, ElementsAre(0, 7, 14, 21, 28, 35, 42));
  EXPECT_EQ(m.curves[0].y, accuracy);
  EXPECT_EQ(m.curves[1].name, "probability");
  EXPECT_THAT(m.curves[1].y, Pointwise(DoubleNear(kExact), probability));
  EXPECT_NEAR(m.scores.at(0).value, std::accumulate(accuracy.begin(), accuracy.end(), 0.0) / 7, kExact);
  EXPECT_NEAR(m.scores.at(1).value, std::accumulate(probability.begin(), probability.end(), 0.0) / 7, kExact);
}

TEST(NegativePerturbation, AccuracyFollowsTheHighestClass) {
  bool right = false, wrong = false;
  for (int target = 0; target < 3; ++target) {
    ToyCase toy(1, 3, 3);
    toy->target = target;
    const bool expected = toy.correct(toy.picture());
    (expected ? right : wrong) = true;
    EXPECT_EQ(toy.measure("negative-perturbation").curves.at(0).y.at(0), expected ? 1 : 0);
  }
  EXPECT_TRUE(right && wrong);
}

TEST(NegativePerturbation, OfEqualClassesTheFirstIsTheHighest) {
  ToyCase toy(1, 3, 3);
  toy.constantNetwork();
  EXPECT_EQ(toy.measure("negative-perturbation").scores.at(0).value, 0);
  toy->target = 0;
  EXPECT_EQ(toy.measure("negative-perturbation").scores.at(0).value, 1);
}

TEST(NegativePerturbation, StopsWhenNoPixelIsLeft) {
  ToyCase toy(1, 10, 25);
  const Measured m = toy.measure("negative-perturbation");
  EXPECT_THAT(m.curves.at(0).x, ElementsAre(0, 100, 200, 250));
  EXPECT_EQ(toy.inputs.back(), Picture(250));
  ToyCase one(3, 1, 1);
  one.measure("negative-perturbation");
  EXPECT_THAT(one.inputs, ElementsAre(one.picture(), Picture(3)));
}

TEST(NegativePerturbation, EqualPixelsGoByIndex) {
  ToyCase toy(2, 2, 3);
  std::fill(toy->map.values.begin(), toy->map.values.end(), 0.0f);
  toy.measure("negative-perturbation:step=2,steps=1");
  EXPECT_THAT(toy.inputs, ElementsAre(toy.picture(), toy.with(toy.picture(), Picture(12), {0, 1})));
}

TEST(NegativePerturbation, SaysItsParameters) {
  EXPECT_EQ(parseProtocol("negative-perturbation").text, "negative-perturbation@1:step=100,steps=40");
  expectError("negative-perturbation:step=0", "metric negative-perturbation, step", "'0'",
              "a whole number from 1 to 10000000");
}

}  // namespace
}  // namespace relprop::eval::test
