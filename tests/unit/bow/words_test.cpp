#include "bow/words.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <opencv2/core.hpp>
#include <random>
#include <set>

#include "bow/nearest.h"
#include "support/expect_error.h"

namespace relprop::bow::test {

namespace {

using relprop::test::expectError;

std::vector<float> wholeNumbers(std::size_t count, unsigned below, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> result(count);
  for (float& v : result) v = static_cast<float>(random() % below);
  return result;
}

std::vector<float> fractions(std::size_t count, unsigned seed) {
  std::vector<float> result = wholeNumbers(count, 1u << 24, seed);
  for (float& v : result) v /= 1 << 24;
  return result;
}

Rows rows(const std::vector<float>& values, std::int64_t length) {
  return {values.data(), static_cast<std::int64_t>(values.size()) / length, length};
}

double slowSquare(const float* a, const float* b, std::int64_t length) {
  double sum = 0;
  for (std::int64_t k = 0; k < length; ++k) sum += std::pow(static_cast<double>(a[k]) - b[k], 2);
  return sum;
}

// All centres, sorted.
std::vector<std::pair<double, int>> slowOrder(const float* point, const Rows& centres) {
  std::vector<std::pair<double, int>> all;
  for (std::int64_t c = 0; c < centres.count; ++c)
    all.emplace_back(slowSquare(point, centres.row(c), centres.length), static_cast<int>(c));
  std::sort(all.begin(), all.end());
  return all;
}

void expectNearest(const Rows& points, const Rows& centres, std::int64_t nearest) {
  for (const ProductKernel& kernel : productKernels()) {
    const Neighbours found = nearestOf(points, centres, nearest, kernel);
    ASSERT_EQ(found.centres.size(), static_cast<std::size_t>(points.count * nearest));
    for (std::int64_t i = 0; i < points.count; ++i) {
      const auto order = slowOrder(points.row(i), centres);
      for (std::int64_t n = 0; n < nearest; ++n) {
        const auto& [square, centre] = order[static_cast<std::size_t>(n)];
        ASSERT_EQ(found.centres[static_cast<std::size_t>(i * nearest + n)], centre)
            << kernel.instructions << " point " << i << " rank " << n;
        ASSERT_NEAR(found.squares[static_cast<std::size_t>(i * nearest + n)], square, 1e-13 * square);
      }
    }
  }
}

}  // namespace

TEST(BowNearest, IsThatOfASortOfAllDistances) {
  for (std::int64_t length : {1, 3, 16, 130})
    for (std::int64_t centres : {1, 5, 16, 40})
      for (std::int64_t points : {1, 7, 12, 301}) {
        const std::vector<float> p = fractions(static_cast<std::size_t>(points * length), 1);
        const std::vector<float> c = fractions(static_cast<std::size_t>(centres * length), 2);
        for (std::int64_t nearest : {std::int64_t{1}, std::min<std::int64_t>(5, centres), centres})
          expectNearest(rows(p, length), rows(c, length), nearest);
      }
}

TEST(BowNearest, EqualDistancesComeInTheOrderOfTheCentres) {
  // Few whole numbers: most distances occur many times, and so do centres.
  const std::vector<float> p = wholeNumbers(4 * 100, 3, 3), c = wholeNumbers(4 * 60, 3, 4);
  expectNearest(rows(p, 4), rows(c, 4), 9);
  const Neighbours found = nearestOf(rows(p, 4), rows(std::vector<float>(40, 1.0f), 4), 10);
  for (std::size_t i = 0; i < found.centres.size(); ++i) EXPECT_EQ(found.centres[i], static_cast<int>(i % 10));
}

TEST(BowNearest, IsExactWhereProductsInFloatAreNot) {
  // All far from the origin and within 0.01 of each other: |c|² − 2x·c has no digit of the distance in float.
  std::vector<float> p = fractions(8 * 50, 5), c = fractions(8 * 30, 6);
  for (float& v : p) v = 1000 + v / 100;
  for (float& v : c) v = 1000 + v / 100;
  expectNearest(rows(p, 8), rows(c, 8), 4);
}

TEST(BowNearest, IsExactWhereProductsOverflow) {
  std::vector<float> p = fractions(8 * 20, 7), c = fractions(8 * 30, 8);
  for (float& v : c) v *= 1e30f;
  expectNearest(rows(p, 8), rows(c, 8), 4);
  for (float& v : p) v *= 1e30f;
  expectNearest(rows(p, 8), rows(c, 8), 4);
}

TEST(BowNearest, HasAKernelForEveryProcessor) {
  EXPECT_STREQ(productKernels().back().instructions, "baseline");
}

namespace {

// Three words on a line at 0, 1 and 3; features at 0.9 and 3.
const Vocabulary& line() {
  static const Vocabulary v{1, {0, 1, 3}, 0.5};
  return v;
}

LocalFeatures onTheLine() {
  return {{{1, 1, 1}, {2, 2, 1}}, {}, 1, {0.9f, 3}};
}

void expectWeights(const Mapped& mapped, const std::vector<int>& words, const std::vector<double>& weights) {
  EXPECT_EQ(mapped.words, words);
  ASSERT_EQ(mapped.weights.size(), weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(mapped.weights[i], weights[i], 1e-7 * weights[i] + 1e-12);
}

}  // namespace

TEST(BowMapping, HardIsTheNearestWord) {
  expectWeights(mapWords(onTheLine(), line(), {.kind = MappingSettings::Kind::Hard, .nearest = 3}), {1, 2}, {1, 1});
}

TEST(BowMapping, RankFallsByTheBaseFromWordToWord) {
  const Mapped m = mapWords(onTheLine(), line(), {.kind = MappingSettings::Kind::Rank, .nearest = 2, .base = 2.4});
  EXPECT_EQ(m.nearest, 2);
  expectWeights(m, {1, 0, 2, 1}, {1 / 2.4, 1 / (2.4 * 2.4), 1 / 2.4, 1 / (2.4 * 2.4)});
}

TEST(BowMapping, GaussianFallsWithTheDistance) {
  // σ = 2 · 0.5
  const Mapped m = mapWords(onTheLine(), line(), {.kind = MappingSettings::Kind::Gaussian, .nearest = 2, .width = 2});
  expectWeights(m, {1, 0, 2, 1}, {std::exp(-0.005), std::exp(-0.405), 1, std::exp(-2)});
}

TEST(BowMapping, GaussianOfNoWidthIsHardOnTheWordItself) {
  Vocabulary v = line();
  v.scale = 0;
  const Mapped m = mapWords(onTheLine(), v, {.kind = MappingSettings::Kind::Gaussian, .nearest = 2});
  expectWeights(m, {1, 0, 2, 1}, {0, 0, 1, 0});
}

TEST(BowMapping, HasNoMoreWordsThanThereAre) {
  const Mapped m = mapWords(onTheLine(), line(), {.kind = MappingSettings::Kind::Rank, .nearest = 8, .base = 2});
  EXPECT_EQ(m.nearest, 3);
  expectWeights(m, {1, 0, 2, 2, 1, 0}, {0.5, 0.25, 0.125, 0.5, 0.25, 0.125});
}

TEST(BowMapping, OfNoFeatureIsEmpty) {
  const Mapped m = mapWords({{}, {}, 1, {}}, line(), {});
  EXPECT_TRUE(m.words.empty());
  EXPECT_TRUE(m.weights.empty());
}

namespace {

// So many points around each of so many places in 8 dimensions.
std::vector<float> blobs(std::size_t places, std::size_t each, double width, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> middles = wholeNumbers(places * 8, 100, seed), result;
  for (std::size_t i = 0; i < places * each; ++i)
    for (std::size_t k = 0; k < 8; ++k) {
      const double noise = (static_cast<double>(random()) + static_cast<double>(random())) / 4294967296.0 - 1;
      result.push_back(middles[i % places * 8 + k] + static_cast<float>(width * noise));
    }
  return result;
}

struct Assigned {
  std::vector<std::vector<std::int64_t>> points;  // word by word
  double squares = 0;
};

Assigned assigned(const Rows& points, const Vocabulary& v) {
  Assigned result{std::vector<std::vector<std::int64_t>>(static_cast<std::size_t>(v.words())), 0};
  for (std::int64_t i = 0; i < points.count; ++i) {
    const auto [square, word] = slowOrder(points.row(i), rows(v.centres, v.length)).front();
    result.points[static_cast<std::size_t>(word)].push_back(i);
    result.squares += square;
  }
  return result;
}

// So long as it lives, threads that are asked for come from one processor.
class OneProcessor {
 public:
  OneProcessor() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &before_)) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneProcessor() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

}  // namespace

TEST(BowClusters, FindWhatLiesTogether) {
  const std::vector<float> points = blobs(12, 30, 1, 1);
  const Vocabulary v = cluster(points, 8, {.words = 12, .restarts = 8, .iterations = 50});
  const Assigned a = assigned(rows(points, 8), v);
  for (const auto& mine : a.points) {
    ASSERT_EQ(mine.size(), 30u);
    for (std::int64_t i : mine) EXPECT_EQ(i % 12, mine.front() % 12);
  }
  EXPECT_NEAR(v.scale, std::sqrt(a.squares / 360), 1e-9);
}

TEST(BowClusters, EndWhereEachWordIsTheMeanOfItsPoints) {
  const std::vector<float> points = fractions(8 * 400, 9);
  const Vocabulary v = cluster(points, 8, {.words = 20, .restarts = 1, .iterations = 1000});
  const Assigned a = assigned(rows(points, 8), v);
  for (std::size_t w = 0; w < 20; ++w)
    for (std::size_t k = 0; k < 8; ++k) {
      double sum = 0;
      for (std::int64_t i : a.points[w]) sum += points[static_cast<std::size_t>(i) * 8 + k];
      EXPECT_NEAR(v.centres[w * 8 + k], sum / static_cast<double>(a.points[w].size()), 1e-6);
    }
}

TEST(BowClusters, AreAsTightAsThoseOfOpenCv) {
  const std::vector<float> points = fractions(8 * 3000, 10);
  const Vocabulary v = cluster(points, 8, {.words = 50, .restarts = 3, .iterations = 30});
  cv::Mat labels;
  const double theirs = cv::kmeans(cv::Mat(3000, 8, CV_32F, const_cast<float*>(points.data())), 50, labels,
                                   cv::TermCriteria(cv::TermCriteria::COUNT, 30, 0), 3, cv::KMEANS_PP_CENTERS);
  EXPECT_NEAR(v.scale * v.scale * 3000, theirs, 0.02 * theirs);
}

TEST(BowClusters, DependOnTheSeedAlone) {
  const std::vector<float> points = fractions(8 * 2500, 11);
  const ClusterOptions options{.words = 30, .restarts = 2, .iterations = 10, .seed = 5};
  const Vocabulary v = cluster(points, 8, options);
  ClusterOptions other = options;
  other.seed = 6;
  EXPECT_NE(cluster(points, 8, other).centres, v.centres);
  const OneProcessor one;
  const Vocabulary again = cluster(points, 8, options);
  EXPECT_EQ(again.centres, v.centres);
  EXPECT_EQ(again.scale, v.scale);
}

TEST(BowClusters, MoreRestartsAreNeverWorse) {
  const std::vector<float> points = blobs(15, 10, 2, 12);
  double before = 1e300;
  for (int restarts : {1, 2, 4, 8, 16}) {
    const double scale = cluster(points, 8, {.words = 15, .restarts = restarts}).scale;
    EXPECT_LE(scale, before);
    before = scale;
  }
}

TEST(BowClusters, LeaveNoWordWithoutPoints) {
  // With this seed one of the words loses its last point on the way.
  const std::vector<float> points = {20,  23,  17, 400, 0,  24, 27,  2,  29, 10,  484, 23, 26,  196,
                                     529, 17,  6,  361, 25, 16, 169, 1,  17, 21,  24,  4,  225, 6,
                                     11,  225, 29, 21,  12, 26, 121, 16, 14, 625, 1,   15};
  const Vocabulary v = cluster(points, 2, {.words = 7, .restarts = 1, .iterations = 100, .seed = 87});
  for (const auto& mine : assigned(rows(points, 2), v).points) EXPECT_FALSE(mine.empty());
}

TEST(BowClusters, OfAsManyDifferentPointsAreThePoints) {
  std::vector<float> points = fractions(8 * 6, 13);
  for (int copies = 0; copies < 4; ++copies) points.insert(points.end(), points.begin(), points.begin() + 48);
  const Vocabulary v = cluster(points, 8, {.words = 6});
  EXPECT_EQ(v.scale, 0);
  std::set<std::vector<float>> words, different;
  for (std::ptrdiff_t i = 0; i < 48; i += 8) {
    words.emplace(v.centres.begin() + i, v.centres.begin() + i + 8);
    different.emplace(points.begin() + i, points.begin() + i + 8);
  }
  EXPECT_EQ(words, different);
}

TEST(BowClusters, OfFewerDifferentPointsThanWordsAreRefused) {
  std::vector<float> points = fractions(8 * 6, 13);
  points.insert(points.end(), points.begin(), points.begin() + 48);
  const Error error = expectError(ErrorCode::InvalidArgument, [&] { cluster(points, 8, {.words = 7}); });
  EXPECT_EQ(error.got(), "7 words from 6 different descriptors");
  EXPECT_EQ(error.expected(), "at most 6 words");
  const Error none = expectError(ErrorCode::InvalidArgument, [&] { cluster({}, 8, {.words = 1}); });
  EXPECT_EQ(none.got(), "1 words from 0 different descriptors");
}

}  // namespace relprop::bow::test
