// Average drop and ADCC, completeness, robustness: each written out once more.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "eval/substitutes.h"
#include "unit/eval/metric_case.h"
#include "unit/eval/toy_case.h"

namespace relprop::eval::test {
namespace {

using relprop::test::score;

std::vector<double> between0And1(const std::vector<float>& values) {
  const double low = *std::min_element(values.begin(), values.end());
  const double high = *std::max_element(values.begin(), values.end());
  std::vector<double> out;
  for (const float v : values) out.push_back((v - low) / (high - low));
  return out;
}

double pearson(const std::vector<double>& a, const std::vector<float>& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) ma += a[i] / n, mb += b[i] / n;
  for (std::size_t i = 0; i < a.size(); ++i)
    ab += (a[i] - ma) * (b[i] - mb), aa += std::pow(a[i] - ma, 2), bb += std::pow(b[i] - mb, 2);
  return ab / std::sqrt(aa * bb);
}

// The "method" of the toy: squares of the picture, summed over channels.
Plane squares(const Picture& x, int height, int width) {
  Plane map{height, width, std::vector<float>(static_cast<std::size_t>(height * width))};
  for (std::size_t i = 0; i < x.size(); ++i) map.values[i % map.values.size()] += x[i] * x[i];
  return map;
}

void explainBySquares(ToyCase& toy) {
  toy->explain = [&toy](std::int64_t count, const Fill& fill) {
    std::vector<Plane> maps;
    for (std::int64_t k = 0; k < count; ++k) {
      Picture x(toy.picture().size());
      fill(k, x.data());
      maps.push_back(squares(x, toy->map.height, toy->map.width));
    }
    return maps;
  };
}

TEST(AverageDrop, IsWhatThePictureTimesTheMapLoses) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    ToyCase toy(2, 4, 5, seed);
    explainBySquares(toy);
    const std::vector<double> share = between0And1(toy->map.values);
    Picture kept = toy.picture();
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = static_cast<float>(kept[i] * share[i % share.size()]);
    const double p = toy.probability(toy.picture()), q = toy.probability(kept);
    double complexity = 0;
    for (const double s : share) complexity += s / static_cast<double>(share.size());
    const double drop = std::max(0.0, p - q) / p;
    const double coherency = (1 + pearson(share, squares(kept, 4, 5).values)) / 2;

    const Measured m = toy.measure("average-drop");
    EXPECT_NEAR(score(m, "drop"), drop, 1e-5);
    EXPECT_EQ(score(m, "increase"), q > p ? 1 : 0);
    EXPECT_NEAR(score(m, "coherency"), coherency, 1e-5);
    EXPECT_NEAR(score(m, "complexity"), complexity, 1e-6);
    EXPECT_NEAR(score(m, "adcc"), 3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop)), 1e-5);
  }
}

TEST(AverageDrop, AConstantMapHasNone) {
  ToyCase toy(1, 3, 3);
  explainBySquares(toy);
  toy->map.values.assign(9, 1.0f);
  EXPECT_EQ(toy.measure("average-drop").skipped, "the map is constant");
}

TEST(Completeness, IsTheGapToTheChangeOfTheScore) {
  ToyCase toy(2, 3, 4);
  const double whole = toy.logit(toy.picture());
  toy->relevance = {
      1, static_cast<float>(whole - toy.logit(zeroPicture(*toy)) - 1)};  // whatever it was before it was finished
  toy->sum = 77;
  EXPECT_NEAR(score(toy.measure("completeness"), "gap"), 0, 1e-6);
  const double change = whole - toy.logit(blackPicture(*toy));
  toy->relevance = {static_cast<float>(1.5 * change)};
  EXPECT_NEAR(score(toy.measure("completeness:baseline=black"), "gap"), 0.5, 1e-5);
  toy.constantNetwork();
  EXPECT_EQ(toy.measure("completeness").skipped, "the baseline has the picture's score");
}

TEST(Robustness, IsTheLargestChangeWithinTheBox) {
  ToyCase toy(2, 4, 4);
  explainBySquares(toy);
  toy->map = squares(toy.picture(), 4, 4);
  std::vector<Picture> seen;
  const auto inner = toy->explain;
  toy->explain = [&](std::int64_t count, const Fill& fill) {
    return inner(count, [&](std::int64_t k, float* input) {
      fill(k, input);
      seen.emplace_back(input, input + toy.picture().size());
    });
  };
  const Measured m = toy.measure("robustness:samples=7,radius=0.1");
  ASSERT_EQ(seen.size(), 7u);
  double largest = 0, mean = 0, furthest = 0;
  for (const Picture& x : seen) {
    double moved = 0, size = 0;
    const Plane map = squares(x, 4, 4);
    for (std::size_t i = 0; i < map.count(); ++i) {
      moved += std::pow(map.values[i] - toy->map.values[i], 2);
      size += std::pow(toy->map.values[i], 2);
    }
    largest = std::max(largest, std::sqrt(moved / size)), mean += std::sqrt(moved / size) / 7;
    for (std::size_t i = 0; i < x.size(); ++i)  // ranges 5 and 7
      furthest = std::max(furthest, std::abs(x[i] - toy.picture()[i]) / (i < 16 ? 0.5 : 0.7));
  }
  EXPECT_NEAR(score(m, "largest"), largest, 1e-5);
  EXPECT_NEAR(score(m, "mean"), mean, 1e-5);
  EXPECT_LE(furthest, 1.00001);
  EXPECT_GT(furthest, 0.9);
}

TEST(Robustness, RefusesBadParametersAndSkipsZeroMaps) {
  expectError("robustness:radius=0", "metric robustness, radius", "0", "a number above 0, at most 1");
  ToyCase toy(1, 3, 3);
  explainBySquares(toy);
  toy->map.values.assign(9, 0.0f);
  EXPECT_EQ(toy.measure("robustness").skipped, "the map is zero");
}

}  // namespace
}  // namespace relprop::eval::test
