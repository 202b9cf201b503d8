#include "bow/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace relprop::bow::test {

namespace {

using Tiles = std::vector<std::array<int, 2>>;

// Features anywhere, each with some weights, every fifth of them 0.
struct Scene {
  int height = 30, width = 47;
  std::int64_t words = 11;
  std::vector<Support> supports;
  Mapped mapped;
  Pooled pooled() const { return {supports, mapped, height, width, words}; }
};

Scene scene(std::size_t features, unsigned seed) {
  std::mt19937 random(seed);
  const auto upTo = [&](double end) { return end * static_cast<double>(random() >> 5) / (1 << 27); };
  Scene s;
  s.mapped.nearest = 3;
  for (std::size_t l = 0; l < features; ++l) {
    s.supports.push_back(
        {static_cast<float>(upTo(s.width)), static_cast<float>(upTo(s.height)), static_cast<float>(1 + upTo(9))});
    std::vector<int> words(static_cast<std::size_t>(s.words - 1));  // the last word is nobody's
    std::iota(words.begin(), words.end(), 0);
    std::shuffle(words.begin(), words.end(), random);
    for (std::size_t i = 0; i < 3; ++i) {
      s.mapped.words.push_back(words[i]);
      s.mapped.weights.push_back(random() % 5 == 0 ? 0 : static_cast<float>(upTo(1)));
    }
  }
  return s;
}

// m_d(l), written out: dimensions × features, and which features belong to the tile of a dimension.
struct Dense {
  std::vector<std::vector<double>> m;
  std::vector<std::vector<bool>> inTile;
};

Dense dense(const Scene& s, const Tiles& sorts) {
  Dense result;
  for (const auto& [rows, columns] : sorts)
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column)
        for (int word = 0; word < s.words; ++word) {
          std::vector<double>& m = result.m.emplace_back(s.supports.size());
          std::vector<bool>& in = result.inTile.emplace_back(s.supports.size());
          for (std::size_t l = 0; l < s.supports.size(); ++l) {
            const double y = s.supports[l].y, x = s.supports[l].x;
            in[l] = y >= 1.0 * row * s.height / rows && y < 1.0 * (row + 1) * s.height / rows &&
                    x >= 1.0 * column * s.width / columns && x < 1.0 * (column + 1) * s.width / columns;
            for (std::size_t i = 3 * l; in[l] && i < 3 * l + 3; ++i)
              if (s.mapped.words[i] == word) m[l] = s.mapped.weights[i];
          }
        }
  return result;
}

double slowPooled(const std::vector<double>& m, const std::vector<bool>& in, double power) {
  double sum = 0, max = 0, count = 0;
  for (std::size_t l = 0; l < m.size(); ++l)
    if (in[l]) sum += std::pow(m[l], power), max = std::max(max, m[l]), ++count;
  if (power == kMaximum || count == 0) return max;
  return std::pow(sum / count, 1 / power);
}

void slowDown(double r, const std::vector<double>& m, const std::vector<bool>& in, double power,
              std::vector<double>& into) {
  const auto largest = std::max_element(m.begin(), m.end());
  const auto count = std::count(in.begin(), in.end(), true);
  double sum = 0;
  for (double v : m) sum += v > 0 ? std::pow(v, power) : 0;
  for (std::size_t l = 0; l < m.size(); ++l)
    if (*largest == 0)
      into[l] += count == 0 ? r / static_cast<double>(m.size()) : in[l] ? r / static_cast<double>(count) : 0;
    else if (power == kMaximum)
      into[l] += static_cast<std::ptrdiff_t>(l) == largest - m.begin() ? r : 0;
    else
      into[l] += r * std::pow(m[l], power) / sum;
}

std::vector<double> slowFeatures(const std::vector<double>& dims, const Scene& s, const PoolingSettings& p) {
  const Dense all = dense(s, p.tiles);
  std::vector<double> result(s.supports.size());
  for (std::size_t d = 0; d < dims.size(); ++d) slowDown(dims[d], all.m[d], all.inTile[d], p.power, result);
  return result;
}

std::vector<double> signedNoise(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> result(count);
  for (double& v : result) v = static_cast<double>(random()) / 2147483648.0 - 1;
  return result;
}

double total(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0);
}
double magnitude(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0, [](double sum, double x) { return sum + std::abs(x); });
}

void expectNear(const std::vector<double>& out, const std::vector<double>& ref) {
  ASSERT_EQ(out.size(), ref.size());
  for (std::size_t i = 0; i < ref.size(); ++i) EXPECT_NEAR(out[i], ref[i], 1e-12 * magnitude(ref)) << i;
}

struct HowPooled {
  double power;
  Tiles tiles;
};

class BowPooling : public testing::TestWithParam<HowPooled> {
 protected:
  PoolingSettings settings(PoolingSettings::Norm norm = PoolingSettings::Norm::None) const {
    return {GetParam().power, GetParam().tiles, norm};
  }
};

TEST_P(BowPooling, IsThatOfTheFormula) {
  for (unsigned seed : {1u, 2u, 3u}) {
    const Scene s = scene(40, seed);
    const Histogram h = pool(s.pooled(), settings());
    const Dense all = dense(s, GetParam().tiles);
    ASSERT_EQ(static_cast<std::int64_t>(h.pooled.size()), dimensions(s.words, settings()));
    ASSERT_EQ(h.pooled.size(), all.m.size());
    for (std::size_t d = 0; d < all.m.size(); ++d)
      EXPECT_NEAR(h.pooled[d], slowPooled(all.m[d], all.inTile[d], GetParam().power), 1e-14) << d;
    EXPECT_EQ(h.values, h.pooled);
    EXPECT_EQ(h.norm, 1);
  }
}

TEST_P(BowPooling, RelevanceOfFeaturesIsThatOfTheFormulaAndKeepsTheSum) {
  for (std::size_t features : {1u, 2u, 40u}) {
    const Scene s = scene(features, 4);
    const std::vector<double> dims = signedNoise(static_cast<std::size_t>(dimensions(s.words, settings())), 5);
    const std::vector<double> out = featureRelevance(dims, s.pooled(), settings());
    expectNear(out, slowFeatures(dims, s, settings()));
    EXPECT_NEAR(total(out), total(dims), 1e-12 * magnitude(dims));
  }
}

INSTANTIATE_TEST_SUITE_P(Powers, BowPooling,
                         testing::Values(HowPooled{1, {{1, 1}}}, HowPooled{2, {{1, 1}}}, HowPooled{3.5, {{1, 1}}},
                                         HowPooled{kMaximum, {{1, 1}}}, HowPooled{1, {{1, 1}, {2, 2}, {3, 1}}},
                                         HowPooled{2, {{3, 1}, {2, 2}}}, HowPooled{3.5, {{1, 1}, {2, 2}, {3, 1}}},
                                         HowPooled{kMaximum, {{2, 2}, {1, 5}}}));

}  // namespace

TEST(BowHistogram, IsDividedByItsNorm) {
  const Scene s = scene(20, 6);
  const Histogram none = pool(s.pooled(), {1, {{2, 1}}, PoolingSettings::Norm::None});
  for (const auto& [norm, power] : {std::pair{PoolingSettings::Norm::L1, 1}, std::pair{PoolingSettings::Norm::L2, 2}}) {
    const Histogram h = pool(s.pooled(), {1, {{2, 1}}, norm});
    double sum = 0;
    for (double x : none.pooled) sum += std::pow(x, power);
    EXPECT_NEAR(h.norm, std::pow(sum, 1.0 / power), 1e-13);
    EXPECT_EQ(h.pooled, none.pooled);
    for (std::size_t d = 0; d < h.values.size(); ++d) EXPECT_NEAR(h.values[d] * h.norm, h.pooled[d], 1e-15);
  }
}

TEST(BowHistogram, WithoutFeaturesOrMassIsZeroWhateverTheNorm) {
  Scene nobody = scene(0, 1), weightless = scene(9, 1);
  std::fill(weightless.mapped.weights.begin(), weightless.mapped.weights.end(), 0.0f);
  for (const Scene& s : {nobody, weightless})
    for (double power : {1.0, 2.0, 3.5, kMaximum})
      for (auto norm : {PoolingSettings::Norm::None, PoolingSettings::Norm::L1, PoolingSettings::Norm::L2}) {
        const Histogram h = pool(s.pooled(), {power, {{1, 1}, {2, 2}}, norm});
        EXPECT_EQ(h.values, std::vector<double>(55));
      }
}

TEST(BowHistogram, HighPowersDoNotUnderflow) {
  // (0.01)^400 is 1e-800.
  Scene s;
  s.words = 1, s.supports = {{1, 1, 1}, {2, 2, 1}}, s.mapped = {1, {0, 0}, {0.01f, 0.01f}};
  const PoolingSettings p{400, {{1, 1}}, PoolingSettings::Norm::None};
  EXPECT_NEAR(pool(s.pooled(), p).values[0], 0.01, 1e-8);
  EXPECT_EQ(featureRelevance({3}, s.pooled(), p), (std::vector<double>{1.5, 1.5}));
}

TEST(BowHistogram, MeansGoFromTheMeanToTheMaximumAsThePowerGrows) {
  const Scene s = scene(40, 7);
  double before = 0;
  for (double power : {1.0, 2.0, 3.5, 20.0, 1000.0, kMaximum}) {
    const double x = pool(s.pooled(), {power, {{1, 1}}, PoolingSettings::Norm::None}).values[2];
    EXPECT_GT(x, before);
    before = x;
  }
}

TEST(BowFeatureRelevance, GoesToTheFirstOfEqualWinners) {
  Scene s;
  s.words = 1, s.supports = {{1, 1, 1}, {2, 2, 1}, {3, 3, 1}}, s.mapped = {1, {0, 0, 0}, {0.25f, 0.5f, 0.5f}};
  EXPECT_EQ(featureRelevance({-2}, s.pooled(), {kMaximum, {{1, 1}}}), (std::vector<double>{0, -2, 0}));
}

TEST(BowFeatureRelevance, OfWhatNobodyMapsToIsSharedByTheTileOrByAll) {
  // Both features lie in the left half and map to word 0; word 1 is nobody's, and the right half is empty.
  Scene s;
  s.words = 2, s.supports = {{1, 1, 1}, {2, 2, 1}}, s.mapped = {1, {0, 0}, {0.75f, 0.25f}};
  const std::vector<double> left0{8, 0, 0, 0}, left1{0, 8, 0, 0}, right0{0, 0, 8, 0};
  const PoolingSettings halves{1, {{1, 2}}};
  EXPECT_EQ(featureRelevance(left0, s.pooled(), halves), (std::vector<double>{6, 2}));
  EXPECT_EQ(featureRelevance(left1, s.pooled(), halves), (std::vector<double>{4, 4}));
  EXPECT_EQ(featureRelevance(right0, s.pooled(), halves), (std::vector<double>{4, 4}));
  s.supports.push_back({40, 1, 1}), s.mapped.words.push_back(1), s.mapped.weights.push_back(1);
  EXPECT_EQ(featureRelevance(left1, s.pooled(), halves), (std::vector<double>{4, 4, 0}));
  EXPECT_EQ(featureRelevance(right0, s.pooled(), halves), (std::vector<double>{0, 0, 8}));
}

TEST(BowFeatureRelevance, WithoutFeaturesIsEmpty) {
  const Scene s = scene(0, 1);
  EXPECT_TRUE(featureRelevance(signedNoise(11, 1), s.pooled(), {1, {{1, 1}}}).empty());
}

namespace {

bool covers(const Support& s, int y, int x) {
  const double dy = y + 0.5 - s.y, dx = x + 0.5 - s.x;
  return dy >= -s.radius && dy < s.radius && dx >= -s.radius && dx < s.radius;
}

std::vector<Cover> patches(const std::vector<Support>& supports, int height, int width) {
  std::vector<Cover> covers;
  for (const Support& s : supports) covers.push_back({areaOf(s, height, width)});
  return covers;
}
std::vector<Cover> patches(const Scene& s) {
  return patches(s.supports, s.height, s.width);
}

std::vector<double> slowPixels(const std::vector<double>& features, const Scene& s) {
  std::vector<double> result(static_cast<std::size_t>(s.height * s.width));
  for (std::size_t l = 0; l < features.size(); ++l) {
    std::vector<std::size_t> mine;
    for (int y = 0; y < s.height; ++y)
      for (int x = 0; x < s.width; ++x)
        if (covers(s.supports[l], y, x)) mine.push_back(static_cast<std::size_t>(y * s.width + x));
    for (std::size_t i : mine) result[i] += features[l] / static_cast<double>(mine.size());
  }
  return result;
}

}  // namespace

TEST(BowPixelRelevance, IsSpreadEvenlyOverThePatches) {
  for (double scale : {1.0, 1e-300, 1e290}) {
    const Scene s = scene(60, 8);
    std::vector<double> features = signedNoise(60, 9);
    for (double& v : features) v *= scale;
    const std::vector<double> out = pixelRelevance(features, patches(s), s.height, s.width);
    expectNear(out, slowPixels(features, s));
    EXPECT_NEAR(total(out), total(features), 1e-12 * magnitude(features));
  }
}

TEST(BowPixelRelevance, OfPixelsThatNoPatchCoversIsExactlyZero) {
  Scene s = scene(7, 10);
  s.supports.push_back({46.5f, 29.5f, 3});  // beyond two edges of the picture
  const std::vector<double> out = pixelRelevance(signedNoise(8, 11), patches(s), s.height, s.width);
  std::int64_t none = 0;
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      const bool covered = std::any_of(s.supports.begin(), s.supports.end(), [&](auto& p) { return covers(p, y, x); });
      none += !covered;
      const double r = out[static_cast<std::size_t>(y * s.width + x)];
      EXPECT_TRUE(covered || r == 0) << y << " " << x << ": " << r;
    }
  EXPECT_GT(none, 0);
  EXPECT_EQ(uncovered(patches(s), s.height, s.width), none);
}

TEST(BowPixelRelevance, OfOnePatchByHand) {
  // 2×2 pixels, one of them beyond the corner of the picture and its neighbours with it.
  EXPECT_EQ(pixelRelevance({6}, patches({{1, 1, 1}}, 2, 3), 2, 3), (std::vector<double>{1.5, 1.5, 0, 1.5, 1.5, 0}));
  EXPECT_EQ(pixelRelevance({6}, patches({{3, 0, 1}}, 2, 3), 2, 3), (std::vector<double>{0, 0, 6, 0, 0, 0}));
}

TEST(BowPixelRelevance, OfARegionLiesOnAllOfItAlike) {
  // An L of three pixels, and one pixel that it shares with a row of two.
  const std::vector<Cover> covers{{{0, 0, 1, 2}, {1, 1, 2, 2}}, {{1, 1, 3, 2}}};
  EXPECT_EQ(pixelRelevance({6, -2}, covers, 2, 3), (std::vector<double>{2, 0, 0, 2, 1, -1}));
  EXPECT_EQ(uncovered(covers, 2, 3), 2);
}

TEST(BowPixelRelevance, OfNothingIsNothing) {
  EXPECT_EQ(pixelRelevance({}, {}, 2, 2), std::vector<double>(4));
  EXPECT_EQ(pixelRelevance({0}, patches({{1, 1, 1}}, 2, 2), 2, 2), std::vector<double>(4));
  EXPECT_EQ(pixelRelevance({5}, patches({{9, 9, 1}}, 2, 2), 2, 2), std::vector<double>(4));
  EXPECT_EQ(uncovered({}, 3, 5), 15);
}

TEST(BowPixelRelevance, ThatIsNoNumberIsSeen) {
  const std::vector<Cover> covers = patches({{1, 1, 1}, {2, 2, 1}}, 3, 3);
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (double v : pixelRelevance({1, bad}, covers, 3, 3)) EXPECT_FALSE(std::isfinite(v));
}

}  // namespace relprop::bow::test
