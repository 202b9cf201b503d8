// The map as a detector: areas and precisions counted pair by pair and threshold by threshold.
#include <functional>
#include <set>

#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

const std::string kTruth = "oo..?o....oo?...o...";

Mask fourByFive() {
  return maskOf(4, kTruth);
}

struct Scene {
  Truth truth;
  Case c;
};

void fill(Scene& scene, std::vector<float> values) {
  scene.truth.mask = fourByFive();
  scene.c = caseOf({4, 5, std::move(values)});
  scene.c.truth = &scene.truth;
}

std::vector<float> valuesOf(const Scene& scene, std::uint8_t side) {
  std::vector<float> values;
  for (std::size_t i = 0; i < scene.c.map.count(); ++i)
    if (scene.truth.mask->values[i] == side) values.push_back(scene.c.map.values[i]);
  return values;
}

TEST(Detection, AreaIsTheShareOfPairsInTheRightOrder) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Scene scene;
    fill(scene, coarseValues(20, seed, 5));
    double right = 0;
    const std::vector<float> in = valuesOf(scene, Mask::kObject), out = valuesOf(scene, Mask::kBackground);
    for (const float a : in)
      for (const float b : out) right += a > b ? 1 : a == b ? 0.5 : 0;
    EXPECT_NEAR(score(measured("auc:region=mask", scene.c), "auc"), right / static_cast<double>(in.size() * out.size()),
                1e-12);
  }
}

// Precision at each threshold times what recall grows by, threshold by threshold.
double naivePrecision(const std::vector<std::pair<double, bool>>& list) {
  std::set<double, std::greater<>> thresholds;
  double objects = 0, sum = 0, before = 0;
  for (const auto& [value, object] : list) thresholds.insert(value), objects += object;
  for (const double t : thresholds) {
    double found = 0, hits = 0;
    for (const auto& [value, object] : list)
      if (value >= t) ++found, hits += object;
    sum += hits / found * (hits - before) / objects;
    before = hits;
  }
  return sum;
}

TEST(Detection, PrecisionIsThatOfEveryThreshold) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Scene scene;
    fill(scene, seed % 2 ? coarseValues(20, seed, 4) : randomValues(20, seed));
    const std::vector<float>& h = scene.c.map.values;
    const double low = *std::min_element(h.begin(), h.end()), high = *std::max_element(h.begin(), h.end());
    std::vector<std::pair<double, bool>> one, both;
    for (std::size_t i = 0; i < h.size(); ++i) {
      const std::uint8_t side = scene.truth.mask->values[i];
      if (side == Mask::kVoid) continue;
      const auto share = static_cast<float>((h[i] - low) / (high - low));
      one.emplace_back(h[i], side == Mask::kObject);
      both.emplace_back(share, side == Mask::kObject), both.emplace_back(1 - share, side != Mask::kObject);
    }
    const Measured m = measured("map:region=mask", scene.c);
    EXPECT_NEAR(score(m, "object"), naivePrecision(one), 1e-12);
    EXPECT_NEAR(score(m, "map"), naivePrecision(both), 1e-12);
  }
}

TEST(Detection, APerfectMapHasOneAndItsOppositeNone) {
  Scene scene;
  std::vector<float> values;
  for (const std::uint8_t side : fourByFive().values) values.push_back(side == Mask::kObject ? 2.0f : -1.0f);
  fill(scene, values);
  EXPECT_DOUBLE_EQ(score(measured("auc", scene.c), "auc"), 1);
  EXPECT_DOUBLE_EQ(score(measured("map", scene.c), "map"), 1);
  for (float& v : values) v = -v;
  fill(scene, values);
  EXPECT_DOUBLE_EQ(score(measured("auc", scene.c), "auc"), 0);
}

TEST(Detection, AConstantMapAndAWholeRegionHaveNone) {
  Scene scene;
  fill(scene, std::vector<float>(20, 0.5f));
  EXPECT_EQ(measured("auc", scene.c).skipped, "the map is constant");
  EXPECT_EQ(measured("map", scene.c).skipped, "the map is constant");
  fill(scene, randomValues(20, 1));
  scene.truth.mask = maskOf(4, std::string(20, 'o'));
  EXPECT_NE(measured("auc", scene.c).skipped, "");
  scene.truth.mask = maskOf(4, std::string(20, '.'));
  EXPECT_NE(measured("map", scene.c).skipped, "");
}

TEST(EnergyPointingGame, IsRelevanceMassOnBoxes) {
  Scene scene;
  fill(scene, randomValues(20, 3));
  EXPECT_NE(measured("energy-pointing-game", scene.c).skipped, "");  // a mask alone
  scene.truth.boxes = fourByFive();
  EXPECT_DOUBLE_EQ(score(measured("energy-pointing-game", scene.c), "energy"),
                   score(measured("relevance-mass:region=boxes", scene.c), "mass"));
}

}  // namespace
}  // namespace relprop::test
