// How well scores tell two sides apart, and the probabilities that they stand for.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace relprop::bow {

std::int64_t countOf(const std::vector<bool>& positive);

// Area under precision over recall, precision made monotone, all points (VOC 2012). Equal scores are one point, so
// their order does not matter. 0 without positives.
double averagePrecision(std::span<const double> scores, const std::vector<bool>& positive);

// A and B of P(y = 1) = 1/(1 + exp(A f + B)): maximum likelihood for targets (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2).
std::array<double, 2> fitSigmoid(std::span<const double> scores, const std::vector<bool>& positive);

}  // namespace relprop::bow
