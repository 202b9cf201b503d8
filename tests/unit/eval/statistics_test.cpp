#include "eval/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "unit/core/failure.h"

namespace relprop::eval {
namespace {

using Values = std::vector<double>;

// Half the mean squared difference of all pairs is the variance.
double varianceByPairs(const Values& values) {
  double sum = 0.0;
  for (double a : values)
    for (double b : values) sum += (a - b) * (a - b);
  const auto n = static_cast<double>(values.size());
  return sum / (2.0 * n * (n - 1.0));
}

TEST(MeanOf, AgreesWithTheVarianceOfPairs) {
  const Values values = {1.0, 2.0, 4.0, 8.5, -3.0};
  const SampleMean mean = meanOf(values);
  EXPECT_DOUBLE_EQ(mean.mean, 2.5);
  EXPECT_NEAR(mean.standardError, std::sqrt(varianceByPairs(values) / 5.0), 1e-15);
  EXPECT_EQ(mean.count, 5u);
}

// What a single value is worth is not known: it is not 0.
TEST(MeanOf, EqualValuesHaveAnErrorOfZero) {
  const SampleMean mean = meanOf(std::vector<double>(10, 0.1));
  EXPECT_EQ(mean.mean, 0.1);
  EXPECT_EQ(mean.standardError, 0);
}

TEST(MeanOf, FewValuesHaveNoError) {
  EXPECT_EQ(meanOf({}).count, 0u);
  EXPECT_EQ(meanOf({}).mean, 0.0);
  EXPECT_EQ(meanOf({3.0}).mean, 3.0);
  for (const Values& few : {Values{}, Values{3.0}}) EXPECT_TRUE(std::isnan(meanOf(few).standardError));
  EXPECT_TRUE(std::isnan(SampleMean().standardError));
}

TEST(MeanOf, LargeOffsetsKeepTheirSpread) {
  EXPECT_DOUBLE_EQ(meanOf({1e9 + 1.0, 1e9 + 3.0}).standardError, 1.0);
}

// As numpy.quantile gives them.
TEST(Quantile, IsLinearBetweenRanks) {
  EXPECT_EQ(quantile({1, 2, 3, 4, 5}, 0.25), 2);
  EXPECT_DOUBLE_EQ(quantile({-1, 0, 10}, 0.9), 8);
  EXPECT_EQ(quantile({3, 7}, 1), 7);
  EXPECT_EQ(medianOf({9, 1, 2, 4}), 3);
  EXPECT_EQ(medianOf({}), 0);
}

DifferenceInterval ofDifferences(const Values& differences, std::uint64_t seed = 0, int resamples = 2000) {
  return pairedBootstrap(differences, Values(differences.size(), 0.0), seed, resamples);
}

TEST(PairedBootstrap, OnePairIsAllThatCanBeDrawn) {
  const DifferenceInterval interval = pairedBootstrap({5.0}, {3.0});
  EXPECT_EQ(interval.difference, 2.0);
  EXPECT_EQ(interval.low, 2.0);
  EXPECT_EQ(interval.high, 2.0);
  EXPECT_EQ(interval.count, 1u);
}

// Of four resamples of two pairs one is the lower pair twice and one the higher: a quarter each, more than 2.5 %.
TEST(PairedBootstrap, TwoPairsReachToBoth) {
  const DifferenceInterval interval = ofDifferences({-1.0, 4.0});
  EXPECT_EQ(interval.difference, 1.5);
  EXPECT_EQ(interval.low, -1.0);
  EXPECT_EQ(interval.high, 4.0);
}

TEST(PairedBootstrap, NoPairsGiveNothing) {
  const DifferenceInterval interval = pairedBootstrap({}, {});
  EXPECT_EQ(interval.count, 0u);
  EXPECT_EQ(interval.low, 0.0);
  EXPECT_EQ(interval.high, 0.0);
}

// The means of all n^n resamples, sorted.
Values allMeans(const Values& values) {
  Values means;
  const auto n = values.size();
  const auto count = static_cast<std::size_t>(std::pow(n, n));
  for (std::size_t code = 0; code < count; ++code) {
    double sum = 0.0;
    for (std::size_t i = 0, rest = code; i < n; ++i, rest /= n) sum += values[rest % n];
    means.push_back(sum / static_cast<double>(n));
  }
  std::sort(means.begin(), means.end());
  return means;
}

// Where the quantile cannot be missed: the same value half a per cent below and above it.
double clearQuantile(const Values& sorted, double share) {
  const auto at = [&](double s) {
    return sorted[static_cast<std::size_t>(s * static_cast<double>(sorted.size() - 1))];
  };
  EXPECT_EQ(at(share - 0.005), at(share + 0.005)) << "choose other values";
  return at(share);
}

TEST(PairedBootstrap, ManyResamplesAgreeWithAllThereAre) {
  for (const Values& values : {Values{-3, 1, 4, 12}, Values{0, 0, 0, 1, 1}, Values{2, 2, 5, 5, 11}}) {
    const Values means = allMeans(values);
    const DifferenceInterval interval = ofDifferences(values, 1, 40000);
    EXPECT_DOUBLE_EQ(interval.low, clearQuantile(means, 0.025));
    EXPECT_DOUBLE_EQ(interval.high, clearQuantile(means, 0.975));
  }
}

TEST(PairedBootstrap, ComparesPairsAndNotMeans) {
  // The pictures differ far more than the methods: only pairs tell the methods apart.
  Values a, b;
  for (int i = 0; i < 20; ++i) a.push_back(100.0 * i + 1.0 + 0.1 * (i % 3)), b.push_back(100.0 * i);
  const DifferenceInterval interval = pairedBootstrap(a, b);
  EXPECT_GT(interval.low, 1.0);
  EXPECT_LT(interval.high, 1.2);
  EXPECT_NEAR(interval.difference, meanOf(a).mean - meanOf(b).mean, 1e-9);
}

TEST(PairedBootstrap, EqualMethodsDifferByNothing) {
  const Values values = {1.0, 7.0, 3.0};
  const DifferenceInterval interval = pairedBootstrap(values, values);
  EXPECT_EQ(interval.low, 0.0);
  EXPECT_EQ(interval.high, 0.0);
}

TEST(PairedBootstrap, ExchangedMethodsTurnTheInterval) {
  const Values a = {1.0, 2.5, 3.0, 8.0, 2.0}, b = {0.5, 3.5, 1.0, 4.0, 2.5};
  const DifferenceInterval there = pairedBootstrap(a, b), back = pairedBootstrap(b, a);
  EXPECT_EQ(there.difference, -back.difference);
  EXPECT_NEAR(there.low, -back.high, 1e-12);
  EXPECT_NEAR(there.high, -back.low, 1e-12);
}

TEST(PairedBootstrap, SameSeedSameBits) {
  Values values;
  for (int i = 0; i < 50; ++i) values.push_back(std::sin(i * 12.9898) * 43.7);
  EXPECT_EQ(ofDifferences(values, 5).low, ofDifferences(values, 5).low);
  EXPECT_NE(ofDifferences(values, 5).low, ofDifferences(values, 6).low);
}

// For normal differences the interval is nearly mean ± 1.96 standard errors.
TEST(PairedBootstrap, AgreesWithTheNormalInterval) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal(0.5, 2.0);
  Values values(1000);
  for (double& value : values) value = normal(random);
  const SampleMean mean = meanOf(values);
  const DifferenceInterval interval = ofDifferences(values);
  EXPECT_NEAR(interval.low, mean.mean - 1.96 * mean.standardError, 0.2 * mean.standardError);
  EXPECT_NEAR(interval.high, mean.mean + 1.96 * mean.standardError, 0.2 * mean.standardError);
}

// Percentile intervals of 40 pairs hold a little less than they promise; 500 trials are sure to 2 %.
TEST(PairedBootstrap, CoversTheTruthAsOftenAsItSays) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal(0.3, 1.0);
  int covered = 0;
  constexpr int trials = 500;
  for (int trial = 0; trial < trials; ++trial) {
    Values values(40);
    for (double& value : values) value = normal(random);
    const DifferenceInterval interval = ofDifferences(values, static_cast<std::uint64_t>(trial), 400);
    covered += interval.low <= 0.3 && 0.3 <= interval.high;
  }
  EXPECT_GT(covered, trials * 0.90);
  EXPECT_LT(covered, trials * 0.98);
}

TEST(PairedBootstrap, RefusesWhatIsNotPaired) {
  const Error unequal = relprop::test::failureOf([] { pairedBootstrap({1.0, 2.0}, {1.0}); });
  EXPECT_EQ(unequal.code(), ErrorCode::InvalidArgument);
  EXPECT_STREQ(unequal.what(), "paired bootstrap: 2 and 1 values (expected as many of one as of the other)");
  const Error none = relprop::test::failureOf([] { pairedBootstrap({1.0}, {1.0}, 0, 0); });
  EXPECT_EQ(none.code(), ErrorCode::InvalidArgument);
  EXPECT_STREQ(none.what(), "resamples: 0 (expected at least 1)");
}

}  // namespace
}  // namespace relprop::eval
