#include "eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "eval/random.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

double sumOf(const std::vector<double>& values) {
  double sum = 0.0;
  for (double value : values) sum += value;
  return sum;
}

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), std::minus<>());
  return result;
}

// The mean of as many values as there are, drawn with replacement.
double resampledMean(const std::vector<double>& values, Random& random) {
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
  return sum / static_cast<double>(values.size());
}

void checkPairs(const std::vector<double>& a, const std::vector<double>& b, int resamples) {
  if (a.size() != b.size())
    throw Error(ErrorCode::InvalidArgument, "paired bootstrap",
                std::to_string(a.size()) + " and " + std::to_string(b.size()) + " values",
                "as many of one as of the other");
  if (resamples < 1) throw Error(ErrorCode::InvalidArgument, "resamples", std::to_string(resamples), "at least 1");
}

}  // namespace

SampleMean meanOf(const std::vector<double>& values) {
  SampleMean result;
  result.count = values.size();
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  result.mean = sumOf(values) / n;
  if (values.size() < 2) return result;
  // Equal values have their value as mean and no error, whatever rounding makes of their sum.
  if (std::equal(values.begin() + 1, values.end(), values.begin())) {
    result.mean = values.front(), result.standardError = 0;
    return result;
  }
  double squares = 0.0;
  for (double value : values) squares += (value - result.mean) * (value - result.mean);
  result.standardError = std::sqrt(squares / (n - 1.0) / n);
  return result;
}

double meanHeight(const std::vector<double>& y) {
  double sum = -0.5 * (y.front() + y.back());
  for (const double v : y) sum += v;
  return sum / static_cast<double>(y.size() - 1);
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0.0;
  const double rank = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  if (below + 1 == sorted.size()) return sorted[below];
  return std::lerp(sorted[below], sorted[below + 1], rank - std::floor(rank));
}

double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

// Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
DifferenceInterval pairedBootstrap(const std::vector<double>& a, const std::vector<double>& b, std::uint64_t seed,
                                   int resamples) {
  checkPairs(a, b, resamples);
  DifferenceInterval result;
  result.count = a.size();
  if (a.empty()) return result;
  const std::vector<double> difference = differences(a, b);
  Random random(seed);
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& mean : means) mean = resampledMean(difference, random);
  std::sort(means.begin(), means.end());
  result.difference = sumOf(difference) / static_cast<double>(a.size());
  result.low = quantile(means, 0.025);
  result.high = quantile(means, 0.975);
  return result;
}

}  // namespace relprop::eval
