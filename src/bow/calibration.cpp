#include "bow/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace relprop::bow {

std::int64_t countOf(const std::vector<bool>& positive) {
  return std::count(positive.begin(), positive.end(), true);
}

double averagePrecision(std::span<const double> scores, const std::vector<bool>& positive) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<std::array<double, 2>> curve;  // positives above a threshold, precision
  double found = 0;
  for (std::size_t n = 0; n < order.size(); ++n) {
    found += positive[order[n]] ? 1 : 0;
    const bool last = n + 1 == order.size() || scores[order[n + 1]] != scores[order[n]];
    if (last) curve.push_back({found, found / static_cast<double>(n + 1)});
  }
  double area = 0, highest = 0;
  for (std::size_t n = curve.size(); n-- > 0;) {
    highest = std::max(highest, curve[n][1]);
    area += (curve[n][0] - (n > 0 ? curve[n - 1][0] : 0)) * highest;
  }
  return found > 0 ? area / found : 0;
}

namespace {

// −log likelihood of targets t under P = 1/(1 + exp(z)), z = A f + B, is Σ log(1 + e^−|z|) + max(z, 0) − (1 − t) z;
// with its derivatives by A and B.
struct Likelihood {
  double value = 0;
  std::array<double, 2> slope{};
  std::array<double, 3> curvature{};  // AA, AB, BB
};

Likelihood likelihood(std::span<const double> scores, const std::vector<double>& targets, std::array<double, 2> ab) {
  Likelihood sum;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double f = scores[i], z = ab[0] * f + ab[1], small = std::exp(-std::abs(z));
    const double p = z > 0 ? small / (1 + small) : 1 / (1 + small), curve = p * (1 - p);
    sum.value += std::log1p(small) + std::max(z, 0.0) - (1 - targets[i]) * z;
    sum.slope[0] += f * (targets[i] - p);
    sum.slope[1] += targets[i] - p;
    sum.curvature[0] += f * f * curve;
    sum.curvature[1] += f * curve;
    sum.curvature[2] += curve;
  }
  return sum;
}

// Newton's step downhill, halved until the likelihood gains; nothing where none does.
bool improve(std::span<const double> scores, const std::vector<double>& targets, const Likelihood& now,
             std::array<double, 2>& ab) {
  const double ridge = 1e-12;
  const double aa = now.curvature[0] + ridge, cross = now.curvature[1], bb = now.curvature[2] + ridge;
  const double determinant = aa * bb - cross * cross;
  const std::array<double, 2> step{-(bb * now.slope[0] - cross * now.slope[1]) / determinant,
                                   -(aa * now.slope[1] - cross * now.slope[0]) / determinant};
  const double promised = now.slope[0] * step[0] + now.slope[1] * step[1];
  for (double part = 1; part > 1e-10; part /= 2) {
    const std::array<double, 2> next{ab[0] + part * step[0], ab[1] + part * step[1]};
    if (likelihood(scores, targets, next).value < now.value + 1e-4 * part * promised) {
      ab = next;
      return true;
    }
  }
  return false;
}

}  // namespace

std::array<double, 2> fitSigmoid(std::span<const double> scores, const std::vector<bool>& positive) {
  const auto positives = static_cast<double>(countOf(positive));
  const double negatives = static_cast<double>(positive.size()) - positives;
  std::vector<double> targets;
  for (const bool is : positive) targets.push_back(is ? (positives + 1) / (positives + 2) : 1 / (negatives + 2));
  std::array<double, 2> ab{0, std::log((negatives + 1) / (positives + 1))};
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  if (scores.empty()) return ab;
  if (*low == *high) {  // only B can be told
    const double mean = std::accumulate(targets.begin(), targets.end(), 0.0) / static_cast<double>(targets.size());
    return {0, std::log((1 - mean) / mean)};
  }
  for (int iteration = 0; iteration < 100; ++iteration) {
    const Likelihood now = likelihood(scores, targets, ab);
    if (std::hypot(now.slope[0], now.slope[1]) < 1e-10) break;
    if (!improve(scores, targets, now, ab)) break;
  }
  return ab;
}

}  // namespace relprop::bow
