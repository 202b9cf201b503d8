// Symmetric relevance gain and ROAD, picture by picture; imputation against a dense solver.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "eval/imputation.h"
#include "eval/substitutes.h"
#include "unit/eval/toy_case.h"

namespace relprop::eval::test {
namespace {

using Pixels = std::vector<std::size_t>;

double scoreCalled(const Measured& m, const std::string& name) {
  for (const NamedScore& one : m.scores)
    if (one.name == name) return one.value;
  ADD_FAILURE() << "no score " << name << "; " << m.skipped;
  return 0;
}

// f after k = 0, 1, … squares of the grid were taken out by their mean relevance.
std::vector<double> curve(ToyCase& toy, int side, bool highestFirst, const Picture& by, bool logit) {
  std::vector<Pixels> squares;
  std::vector<float> means;
  for (int top = 0; top < toy->map.height; top += side)
    for (int left = 0; left < toy->map.width; left += side) {
      Pixels square;
      double sum = 0;
      for (int y = top; y < std::min(top + side, toy->map.height); ++y)
        for (int x = left; x < std::min(left + side, toy->map.width); ++x)
          square.push_back(static_cast<std::size_t>(y * toy->map.width + x)), sum += toy->map.values[square.back()];
      means.push_back(static_cast<float>(sum / static_cast<double>(square.size())));
      squares.push_back(square);
    }
  std::vector<double> y;
  Pixels gone;
  const auto say = [&] {
    const Picture x = toy.with(toy.picture(), by, gone);
    y.push_back(logit ? toy.logit(x) : toy.probability(x));
  };
  say();
  for (const std::size_t square : naiveOrder(means, highestFirst)) {
    gone.insert(gone.end(), squares[square].begin(), squares[square].end());
    say();
  }
  return y;
}

TEST(Srg, IsTheAreaBetweenBothOrders) {
  for (const bool logit : {false, true}) {
    ToyCase toy(2, 5, 7);
    const std::string output = logit ? ",output=logit" : "";
    const Measured m = toy.measure("srg:regions=grid,side=2" + output);
    const double lerf = trapezoid(curve(toy, 2, false, zeroPicture(*toy), logit));
    const double morf = trapezoid(curve(toy, 2, true, zeroPicture(*toy), logit));
    EXPECT_NEAR(scoreCalled(m, "lerf"), lerf, 1e-6);
    EXPECT_NEAR(scoreCalled(m, "morf"), morf, 1e-6);
    EXPECT_NEAR(scoreCalled(m, "srg"), lerf - morf, 1e-6);
    ASSERT_EQ(m.curves.size(), 2u);
    EXPECT_EQ(m.curves[0].x.size(), 13u);  // 3·4 squares
  }
}

TEST(Srg, FillsAsAsked) {
  ToyCase toy(1, 4, 4);
  for (const std::string fill : {"mean", "blur"}) {
    const Picture by = fill == "mean" ? meanPicture(*toy) : blurredPicture(*toy);
    const Measured m = toy.measure("srg:regions=grid,side=1,fill=" + fill);
    EXPECT_NEAR(scoreCalled(m, "morf"), trapezoid(curve(toy, 1, true, by, false)), 1e-6) << fill;
  }
}

TEST(Srg, OrderByChanceGainsNothing) {
  double sum = 0;
  constexpr int kCases = 300;
  for (unsigned seed = 1; seed <= kCases; ++seed) {
    ToyCase toy(1, 4, 4, seed);
    sum += scoreCalled(toy.measure("srg:regions=grid,side=1"), "srg");
  }
  EXPECT_NEAR(sum / kCases, 0, 0.01);
}

TEST(Srg, WhatTheScoreIsMadeOfGainsMost) {
  ToyCase toy(1, 4, 4);
  std::vector<float> parts;
  const double whole = toy.logit(toy.picture());
  for (std::size_t i = 0; i < 16; ++i)
    parts.push_back(static_cast<float>(whole - toy.logit(toy.with(toy.picture(), zeroPicture(*toy), {i}))));
  toy->map.values = parts;
  const double best = scoreCalled(toy.measure("srg:regions=grid,side=1,output=logit"), "srg");
  for (float& v : parts) v = -v;
  toy->map.values = parts;
  EXPECT_GT(best, 0);
  EXPECT_NEAR(scoreCalled(toy.measure("srg:regions=grid,side=1,output=logit"), "srg"), -best, 1e-5);
}

TEST(Srg, OneRegionHasNone) {
  ToyCase toy(1, 3, 3);
  EXPECT_EQ(toy.measure("srg:regions=grid,side=3").skipped, "the picture is one region");
}

// ---- imputation

// The equations as a full matrix, by elimination.
std::vector<float> naiveImputation(const std::vector<float>& plane, int height, int width, const Pixels& removed) {
  const std::size_t n = removed.size();
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1));
  for (std::size_t i = 0; i < n; ++i) {
    const int y = static_cast<int>(removed[i]) / width, x = static_cast<int>(removed[i]) % width;
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) {
        if ((dy == 0 && dx == 0) || y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) continue;
        const double weight = dy == 0 || dx == 0 ? 1.0 / 6 : 1.0 / 12;
        const auto at = static_cast<std::size_t>((y + dy) * width + x + dx);
        const auto other = std::find(removed.begin(), removed.end(), at);
        a[i][i] += weight;
        if (other == removed.end())
          a[i][n] += weight * plane[at];
        else
          a[i][static_cast<std::size_t>(other - removed.begin())] -= weight;
      }
  }
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = 0; j <= n; ++j) a[i][j] -= factor * a[k][j];
    }
  std::vector<float> out = plane;
  for (std::size_t i = 0; i < n; ++i) out[removed[i]] = static_cast<float>(a[i][n] / a[i][i]);
  return out;
}

TEST(Imputation, SolvesTheEquationsOfItsPaper) {
  ToyCase toy(1, 6, 5);
  for (const std::size_t count : {1u, 5u, 17u, 29u}) {
    Pixels removed = naiveOrder(toy->map.values, true);
    removed.resize(count);
    const std::vector<std::uint32_t> pixels(removed.begin(), removed.end());
    EXPECT_THAT(linearImputation(toy.picture(), {1, 6, 5}, pixels),
                testing::Pointwise(testing::FloatNear(1e-5f), naiveImputation(toy.picture(), 6, 5, removed)));
  }
}

// Large enough for grids within grids, whose last rows and columns are single: a block, and every other pixel.
TEST(Imputation, SolvesThemForWholeAreas) {
  ToyCase toy(1, 23, 18);
  Pixels block, scattered;
  for (std::size_t i = 0; i < 23 * 18; ++i) {
    if (i / 18 > 2 && i % 18 > 1) block.push_back(i);
    if (i % 2 == 0 || i / 18 < 9) scattered.push_back(i);
  }
  for (const Pixels& removed : {block, scattered}) {
    const std::vector<std::uint32_t> pixels(removed.begin(), removed.end());
    EXPECT_THAT(linearImputation(toy.picture(), {1, 23, 18}, pixels),
                testing::Pointwise(testing::FloatNear(1e-5f), naiveImputation(toy.picture(), 23, 18, removed)));
  }
}

TEST(Imputation, ChannelsDoNotMix) {
  ToyCase toy(1, 6, 5);
  const std::vector<float> one = toy.picture();
  std::vector<float> other = one, both = one;
  for (float& value : other) value = 2 - 3 * value;
  both.insert(both.end(), other.begin(), other.end());
  const std::vector<std::uint32_t> removed = {0, 7, 8, 13, 29};
  std::vector<float> expected = linearImputation(one, {1, 6, 5}, removed);
  const std::vector<float> second = linearImputation(other, {1, 6, 5}, removed);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(linearImputation(both, {2, 6, 5}, removed), expected);
}

TEST(Imputation, AFlatPictureStaysFlatAndNothingLeftIsZero) {
  const std::vector<float> flat(2 * 16, 3.0f);
  std::vector<std::uint32_t> all(16);
  std::iota(all.begin(), all.end(), 0u);
  const std::vector<std::uint32_t> most(all.begin() + 1, all.end());
  EXPECT_THAT(linearImputation(flat, {2, 4, 4}, most), testing::Each(testing::FloatNear(3.0f, 1e-4f)));
  EXPECT_THAT(linearImputation(flat, {2, 4, 4}, all), testing::Each(0.0f));
  EXPECT_EQ(linearImputation(flat, {2, 4, 4}, {}), flat);
}

TEST(Road, IsTheMeanOverSharesOfImputedPictures) {
  ToyCase toy(1, 5, 4);
  const Measured m = toy.measure("road:steps=3,noise=0");
  for (const bool highestFirst : {false, true}) {
    double sum = 0;
    for (const std::size_t count : {5u, 10u, 15u}) {
      Pixels removed = naiveOrder(toy->map.values, highestFirst);
      removed.resize(count);
      sum += toy.probability(naiveImputation(toy.picture(), 5, 4, removed)) / 3;
    }
    EXPECT_NEAR(scoreCalled(m, highestFirst ? "morf" : "lerf"), sum, 1e-5);
  }
  EXPECT_NEAR(scoreCalled(m, "road"), scoreCalled(m, "lerf") - scoreCalled(m, "morf"), 1e-12);
}

// 7/10 of 90 pixels are 63; as a double they are a little less.
TEST(Road, SharesAreExact) {
  ToyCase toy(1, 9, 10);
  toy.measure("road:steps=9,noise=0");
  std::size_t most = 0;
  for (const bool highestFirst : {false, true}) {
    Pixels removed = naiveOrder(toy->map.values, highestFirst);
    removed.resize(63);
    const Picture expected = naiveImputation(toy.picture(), 9, 10, removed);
    most += static_cast<std::size_t>(std::count_if(toy.inputs.begin(), toy.inputs.end(), [&](const Picture& p) {
      double worst = 0;
      for (std::size_t i = 0; i < p.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(p[i]) - expected[i]));
      return worst < 1e-4;
    }));
  }
  EXPECT_EQ(most, 2u);
}

TEST(Road, NoiseIsThatOfThePictureAlone) {
  ToyCase toy(2, 4, 4);
  const double once = scoreCalled(toy.measure("road:noise=0.5"), "lerf");
  EXPECT_DOUBLE_EQ(scoreCalled(toy.measure("road:noise=0.5"), "lerf"), once);
  toy->runSeed = 1;
  EXPECT_NE(scoreCalled(toy.measure("road:noise=0.5"), "lerf"), once);
}

TEST(Flipping, RefusesBadParameters) {
  expectError("road:noise=-1", "metric road, noise", "-1", "a number from 0 to 10");
  expectError("srg:fill=linear,noise=11", "metric srg, noise", "11", "a number from 0 to 10");
}

}  // namespace
}  // namespace relprop::eval::test
