#include "core/linear_system.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace relprop {
namespace {

constexpr double kVanished = 1e-12;

double largestOf(const std::vector<double>& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

std::size_t pivotRow(const SquareMatrix& a, std::size_t k) {
  std::size_t best = k;
  for (std::size_t row = k + 1; row < a.n; ++row)
    if (std::abs(a.at(row, k)) > std::abs(a.at(best, k))) best = row;
  return best;
}

void swapRows(SquareMatrix& a, std::vector<std::vector<double>>& b, std::size_t i, std::size_t j) {
  if (i == j) return;
  for (std::size_t column = 0; column < a.n; ++column) std::swap(a.at(i, column), a.at(j, column));
  for (std::vector<double>& side : b) std::swap(side[i], side[j]);
}

void eliminateBelow(SquareMatrix& a, std::vector<std::vector<double>>& b, std::size_t k) {
  for (std::size_t row = k + 1; row < a.n; ++row) {
    const double factor = a.at(row, k) / a.at(k, k);
    if (factor == 0) continue;
    for (std::size_t column = k; column < a.n; ++column) a.at(row, column) -= factor * a.at(k, column);
    for (std::vector<double>& side : b) side[row] -= factor * side[k];
  }
}

void substituteBack(const SquareMatrix& a, std::vector<double>& side) {
  for (std::size_t k = a.n; k-- > 0;) {
    for (std::size_t column = k + 1; column < a.n; ++column) side[k] -= a.at(k, column) * side[column];
    side[k] /= a.at(k, k);
  }
}

}  // namespace

std::optional<std::vector<std::vector<double>>> solved(SquareMatrix a, std::vector<std::vector<double>> b) {
  const double least = kVanished * largestOf(a.values);
  for (std::size_t k = 0; k < a.n; ++k) {
    swapRows(a, b, k, pivotRow(a, k));
    if (std::abs(a.at(k, k)) <= least) return std::nullopt;
    eliminateBelow(a, b, k);
  }
  for (std::vector<double>& side : b) substituteBack(a, side);
  return b;
}

}  // namespace relprop
