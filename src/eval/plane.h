// What several metrics ask of a heatmap.
#pragma once

#include <algorithm>
#include <cmath>

#include "eval/metric.h"

namespace relprop::eval {

inline constexpr const char* kZeroMap = "the map is zero";
inline constexpr const char* kConstantMap = "the map is constant";
inline constexpr const char* kNoPositive = "the map has no positive relevance";

inline double positivePart(float h) {
  return h > 0 ? static_cast<double>(h) : 0.0;
}
inline double negativePart(float h) {
  return h < 0 ? -static_cast<double>(h) : 0.0;
}

inline bool isZero(const Plane& map) {
  return std::all_of(map.values.begin(), map.values.end(), [](float h) { return h == 0; });
}
inline bool hasPositive(const Plane& map) {
  return std::any_of(map.values.begin(), map.values.end(), [](float h) { return h > 0; });
}

// |H|
inline Plane magnitudeOf(Plane map) {
  for (float& h : map.values) h = std::abs(h);
  return map;
}

// Euclidean.
inline double distance(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum);
}
inline double norm(const Plane& map) {
  return distance(map.values.data(), std::vector<float>(map.count()).data(), map.count());
}

// (H − min)/(max − min) of a map that is not constant.
inline std::vector<float> shareOfRange(const Plane& map) {
  const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
  const double base = *low, range = static_cast<double>(*high) - base;
  std::vector<float> shares;
  for (const float h : map.values) shares.push_back(static_cast<float>((static_cast<double>(h) - base) / range));
  return shares;
}

// Whether a correlation with the values is undefined. Compared exactly: a mean has rounding of its own.
template <class Values>
bool isConstant(const Values& values) {
  return std::all_of(values.begin(), values.end(), [&](auto v) { return v == values.front(); });
}

// Pearson's correlation of two equally long, not constant lists.
template <class Values>
double correlation(const Values& a, const Values& b) {
  const auto n = static_cast<double>(a.size());
  double meanA = 0, meanB = 0, ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) meanA += a[i] / n, meanB += b[i] / n;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double da = a[i] - meanA, db = b[i] - meanB;
    ab += da * db, aa += da * da, bb += db * db;
  }
  return std::clamp(ab / std::sqrt(aa * bb), -1.0,
                    1.0);  // one root: of a square it is exact, so a list has 1 with itself
}

}  // namespace relprop::eval
