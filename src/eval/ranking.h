// Orders and ranks of pixels by value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace relprop::eval {

// Pixels by decreasing value; among equal ones the lower index comes first.
inline std::vector<std::uint32_t> decreasingOrder(const std::vector<float>& values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] > values[b]; });
  return order;
}

// Pixels by increasing value; among equal ones the lower index comes first here too.
inline std::vector<std::uint32_t> increasingOrder(const std::vector<float>& values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  return order;
}

// Ranks from 1 for the lowest value; equal values share the mean of the ranks they take.
inline std::vector<double> averageRanks(const std::vector<float>& values) {
  const std::vector<std::uint32_t> order = increasingOrder(values);
  std::vector<double> ranks(values.size());
  for (std::size_t from = 0, to = 0; from < order.size(); from = to) {
    while (to < order.size() && values[order[to]] == values[order[from]]) ++to;
    for (std::size_t i = from; i < to; ++i) ranks[order[i]] = 0.5 * static_cast<double>(from + 1 + to);
  }
  return ranks;
}

}  // namespace relprop::eval
