// pixel-accuracy and miou.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

Measured onMask(const std::string& protocol, Plane map, const std::string& mask) {
  const Truth truth{{}, maskOf(map.height, mask)};
  Case c = caseOf(std::move(map));
  c.truth = &truth;
  return measured(protocol, c);
}

struct Quality {
  double accuracy = 0, object = 0, background = 0;
  double miou() const { return (object + background) / 2; }
};

// Straight from sets of pixels: IOU = |A ∩ B| / |A ∪ B|.
Quality qualityOf(const std::vector<bool>& predicted, const std::string& truth) {
  std::set<std::size_t> predictedSets[2], truthSets[2];
  double right = 0, compared = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == '?') continue;
    const bool object = truth[i] == 'o';
    predictedSets[predicted[i]].insert(i), truthSets[object].insert(i);
    right += predicted[i] == object, ++compared;
  }
  const auto iou = [&](bool side) {
    std::set<std::size_t> all = predictedSets[side];
    double common = 0;
    for (const std::size_t i : truthSets[side]) common += predictedSets[side].count(i), all.insert(i);
    return common / static_cast<double>(all.size());
  };
  return {right / compared, iou(true), iou(false)};
}

std::vector<bool> above(const std::vector<float>& map, double threshold) {
  std::vector<bool> predicted;
  for (const float h : map) predicted.push_back(std::max(h, 0.0f) > threshold);
  return predicted;
}

std::string randomMask(std::size_t count, unsigned seed) {
  std::string text;
  for (const float v : randomValues(count, seed, 0, 1)) text += v < 0.4f ? 'o' : v < 0.85f ? '.' : '?';
  return text;
}

TEST(Segmentation, ByHand) {
  // H⁺ is 4 2 0 0, its mean 1.5: the first two are object.
  const Measured accuracy = onMask("pixel-accuracy", {1, 4, {4, 2, -7, 0}}, "o.o.");
  EXPECT_DOUBLE_EQ(score(accuracy, "accuracy"), 0.5);
  const Measured miou = onMask("miou", {1, 4, {4, 2, -7, 0}}, "o...");
  EXPECT_DOUBLE_EQ(score(miou, "object"), 1.0 / 2);
  EXPECT_DOUBLE_EQ(score(miou, "background"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(score(miou, "miou"), (1.0 / 2 + 2.0 / 3) / 2);
}

TEST(Segmentation, IsItsDefinitionAtTheMean) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const Plane map{8, 11, randomValues(88, seed, -1, 2)};
    const std::string mask = randomMask(88, seed + 50);
    double mean = 0;
    for (const float h : map.values) mean += std::max(h, 0.0f) / 88.0;
    const Quality q = qualityOf(above(map.values, mean), mask);
    EXPECT_NEAR(score(onMask("pixel-accuracy", map, mask), "accuracy"), q.accuracy, 1e-12);
    const Measured m = onMask("miou", map, mask);
    EXPECT_NEAR(score(m, "object"), q.object, 1e-12);
    EXPECT_NEAR(score(m, "background"), q.background, 1e-12);
    EXPECT_NEAR(score(m, "miou"), q.miou(), 1e-12);
  }
}

TEST(Segmentation, TakesAShareOfTheMaximum) {
  for (const double share : {0.0, 0.25, 0.5, 0.99}) {
    const Plane map{1, 5, {8, 4, 2, 0, -8}};
    const Quality q = qualityOf(above(map.values, share * 8), "oo?..");
    EXPECT_DOUBLE_EQ(score(onMask("miou:threshold=" + std::to_string(share), map, "oo?.."), "miou"), q.miou());
    EXPECT_DOUBLE_EQ(score(onMask("pixel-accuracy:threshold=" + std::to_string(share), map, "oo?.."), "accuracy"),
                     q.accuracy);
  }
}

// By trying every threshold there is, and none.
TEST(Segmentation, FindsTheBestThreshold) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    const Plane map{6, 9, coarseValues(54, seed, 9)};
    const std::string mask = randomMask(54, seed + 90);
    double accuracy = 0, miou = 0;
    for (float threshold = -1; threshold <= 9; threshold += 0.5f) {
      const Quality q = qualityOf(above(map.values, threshold), mask);
      accuracy = std::max(accuracy, q.accuracy), miou = std::max(miou, q.miou());
    }
    EXPECT_DOUBLE_EQ(score(onMask("pixel-accuracy:threshold=best", map, mask), "accuracy"), accuracy) << seed;
    const Measured best = onMask("miou:threshold=best", map, mask);
    EXPECT_DOUBLE_EQ(score(best, "miou"), miou) << seed;
    EXPECT_DOUBLE_EQ(score(best, "miou"), (score(best, "object") + score(best, "background")) / 2);
    EXPECT_GE(score(best, "miou"), score(onMask("miou", map, mask), "miou"));
  }
}

TEST(Segmentation, BestIsPerfectWhenOrdersAgree) {
  EXPECT_EQ(score(onMask("miou:threshold=best", {1, 4, {9, 1, 8, 7}}, "o.oo"), "miou"), 1);
  EXPECT_EQ(score(onMask("pixel-accuracy:threshold=best", {1, 4, {9, 1, 8, 7}}, "o.oo"), "accuracy"), 1);
}

TEST(Segmentation, OfAConstantMapIsAllBackground) {
  const Plane map{1, 4, {0.1f, 0.1f, 0.1f, 0.1f}};
  EXPECT_EQ(score(onMask("pixel-accuracy", map, "o..."), "accuracy"), 0.75);
  EXPECT_EQ(score(onMask("miou", map, "o..."), "miou"), 0.375);
}

TEST(Segmentation, SkipsWhatCannotBeCompared) {
  for (const std::string name : {"pixel-accuracy", "miou", "miou:threshold=best"}) {
    EXPECT_EQ(onMask(name, {1, 2, {1, 2}}, "..").skipped, "the region covers nothing of the view");
    EXPECT_EQ(onMask(name, {1, 2, {1, 2}}, "?.").skipped, "the region covers nothing of the view");
    EXPECT_EQ(onMask(name, {1, 2, {1, 2}}, "oo").skipped, "the region covers all of the view");
    EXPECT_EQ(onMask(name, {1, 2, {1, 2}}, "o?").skipped, "the region covers all of the view");
    EXPECT_EQ(onMask(name, {1, 2, {0, -2}}, "o.").skipped, "the map has no positive relevance");
    const Truth boxes{maskOf(1, "o."), {}};
    Case c = caseOf({1, 2, {1, 2}});
    c.truth = &boxes;
    EXPECT_EQ(measured(name, c).skipped, "no mask");
  }
}

// Straight from the definition: of all thresholds the one whose two sides have the least variance within them.
double otsuByVariances(const std::vector<float>& map) {
  double found = 0, least = std::numeric_limits<double>::infinity();
  for (const float t : map) {
    std::vector<double> sides[2];
    for (const float h : map) sides[std::max(h, 0.0f) > std::max(t, 0.0f)].push_back(std::max(h, 0.0f));
    double within = 0;
    for (const std::vector<double>& side : sides) {
      double mean = 0;
      for (const double h : side) mean += h / static_cast<double>(side.size());
      for (const double h : side) within += (h - mean) * (h - mean);
    }
    if (within < least - 1e-9) least = within, found = std::max(t, 0.0f);
  }
  return found;
}

TEST(Segmentation, OtsuSeparatesTheSidesThatVaryLeast) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const Plane map{8, 11, randomValues(88, seed, -1, 2)};
    const std::string mask = randomMask(88, seed + 50);
    const Quality q = qualityOf(above(map.values, otsuByVariances(map.values)), mask);
    EXPECT_NEAR(score(onMask("pixel-accuracy:threshold=otsu", map, mask), "accuracy"), q.accuracy, 1e-12);
    EXPECT_NEAR(score(onMask("miou:threshold=otsu", map, mask), "miou"), q.miou(), 1e-12);
  }
}

TEST(Segmentation, OtsuKeepsEqualValuesTogetherAndFindsNothingInAConstantMap) {
  EXPECT_DOUBLE_EQ(score(onMask("miou:threshold=otsu", {1, 5, {9, 9, 1, 1, 0}}, "oo..."), "miou"), 1);
  EXPECT_DOUBLE_EQ(score(onMask("miou:threshold=otsu", {1, 4, {3, 3, 3, 3}}, "oo.."), "object"), 0);
}

// Thresholds 0 and 1 leave the same variance: seven zeros, eight ones and seven twos.
TEST(Segmentation, OtsuTakesTheLowestOfEqualThresholdsWhateverRoundingSays) {
  std::vector<float> values(7, 0.0f);
  values.insert(values.end(), 8, 1.0f);
  values.insert(values.end(), 7, 2.0f);
  const std::string mask = std::string(7, '.') + std::string(8, 'o') + std::string(7, '.');
  EXPECT_NEAR(score(onMask("pixel-accuracy:threshold=otsu", {2, 11, values}, mask), "accuracy"), 15.0 / 22, 1e-12);
}

// 0.29 · 100 is rounded to below 29, and 0.57 · 100 too.
TEST(Segmentation, APixelOfJustTheShareIsNotAboveIt) {
  std::vector<float> values(101);
  std::iota(values.begin(), values.end(), 0.0f);
  for (int percent = 1; percent < 100; ++percent) {
    const auto object = static_cast<std::size_t>(100 - percent);
    const std::string mask = std::string(101 - object, '.') + std::string(object, 'o');
    const std::string metric = "pixel-accuracy:threshold=0." + std::to_string(percent + 100).substr(1);
    EXPECT_EQ(score(onMask(metric, {1, 101, values}, mask), "accuracy"), 1) << percent;
  }
}

TEST(Protocols, OfSegmentationHaveOneTextANumber) {
  for (const char* half : {"0.5", ".5", "0.50", "5e-1", "+0.5"})
    EXPECT_EQ(completeProtocol(std::string("miou:threshold=") + half), "miou@1:threshold=0.5") << half;
  for (const char* none : {"0", "0.0", "-0", "0e5"})
    EXPECT_EQ(completeProtocol(std::string("miou:threshold=") + none), "miou@1:threshold=0") << none;
  EXPECT_EQ(completeProtocol("miou:threshold=0.123456789012"), "miou@1:threshold=0.123456789012");
  for (const char* word : {"mean", "otsu", "best"})
    EXPECT_EQ(completeProtocol(std::string("miou:threshold=") + word), std::string("miou@1:threshold=") + word);
}

TEST(Protocols, OfSegmentationAreComplete) {
  EXPECT_EQ(completeProtocol("miou"), "miou@1:threshold=mean");
  EXPECT_EQ(eval::parseProtocol("pixel-accuracy").region, eval::Protocol::Region::Mask);
  for (const char* bad : {"worst", "1", "-0.1", "0.5x", "nan", ""}) {
    const Error e = failureOf([&] { completeProtocol(std::string("miou:threshold=") + bad); });
    EXPECT_EQ(e.code(), ErrorCode::InvalidMetricParameter) << bad;
    EXPECT_EQ(e.where(), "metric miou, threshold");
    EXPECT_EQ(e.expected(), "mean, otsu, best, or a number from 0 to below 1");
  }
}

}  // namespace
}  // namespace relprop::test
