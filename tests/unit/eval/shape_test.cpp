// sparseness and complexity.
#include <cmath>

#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

double gini(const Plane& map) {
  return score(measured("sparseness", caseOf(map)), "gini");
}
double entropy(const Plane& map) {
  return score(measured("complexity", caseOf(map)), "entropy");
}

// The textbook's other form: half the mean absolute difference over the mean.
double giniOfPairs(const std::vector<float>& values) {
  const auto n = static_cast<double>(values.size());
  double differences = 0, sum = 0;
  for (const float a : values) {
    sum += std::abs(a);
    for (const float b : values) differences += std::abs(std::abs(static_cast<double>(a)) - std::abs(b));
  }
  return differences / (2 * n * n) / (sum / n);
}

TEST(Sparseness, IsTheGiniIndex) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    const Plane map{5, 8, randomValues(40, seed)};
    EXPECT_NEAR(gini(map), giniOfPairs(map.values), 1e-12);
    const Plane coarse{5, 8, coarseValues(40, seed, 4)};
    EXPECT_NEAR(gini(coarse), giniOfPairs(coarse.values), 1e-12) << "with ties";
  }
}

TEST(Sparseness, RunsFromEqualToASinglePixel) {
  EXPECT_NEAR(gini({2, 3, std::vector<float>(6, -0.3f)}), 0, 1e-12);
  EXPECT_NEAR(gini({1, 5, {0, 0, 7, 0, 0}}), 1 - 1.0 / 5, 1e-12);
  EXPECT_NEAR(gini({1, 1, {3}}), 0, 1e-12);
}

TEST(Complexity, IsTheEntropyOfShares) {
  EXPECT_NEAR(entropy({1, 2, {3, -1}}), -(0.75 * std::log(0.75) + 0.25 * std::log(0.25)), 1e-12);
  EXPECT_NEAR(entropy({2, 4, std::vector<float>(8, 0.1f)}), std::log(8), 1e-12);
  EXPECT_EQ(entropy({1, 3, {0, -2, 0}}), 0);
  EXPECT_EQ(entropy({1, 1, {5}}), 0);
}

TEST(ShapeOfMaps, DoesNotDependOnSignOrderOrScale) {
  const Plane map{1, 4, {1, 2, 3, 4}}, other{2, 2, {-4e20f, 1e20f, -3e20f, 2e20f}};
  EXPECT_NEAR(gini(map), gini(other), 1e-6);
  EXPECT_NEAR(entropy(map), entropy(other), 1e-6);
}

TEST(ShapeOfMaps, SkipsAZeroMap) {
  EXPECT_EQ(measured("sparseness", caseOf({1, 2, {0, 0}})).skipped, "the map is zero");
  EXPECT_EQ(measured("complexity", caseOf({1, 2, {0, 0}})).skipped, "the map is zero");
}

TEST(Protocols, OfShapeHaveNoParameters) {
  EXPECT_EQ(completeProtocol("sparseness"), "sparseness@1");
  EXPECT_EQ(completeProtocol("complexity@1"), "complexity@1");
  EXPECT_EQ(codeOf([] { completeProtocol("complexity:base=2"); }), ErrorCode::InvalidMetricParameter);
}

}  // namespace
}  // namespace relprop::test
