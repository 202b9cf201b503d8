#include "core/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace relprop {
namespace {

double besideTheDiagonal(const SquareMatrix& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.n; ++i)
    for (std::size_t k = i + 1; k < a.n; ++k) sum += a.at(i, k) * a.at(i, k);
  return sum;
}

double onTheDiagonal(const SquareMatrix& a) {
  double sum = 0;
  for (std::size_t i = 0; i < a.n; ++i) sum += a.at(i, i) * a.at(i, i);
  return sum;
}

// x, y → cos·x − sin·y, sin·x + cos·y
void turn(double& x, double& y, double cosine, double sine) {
  const double before = x;
  x = cosine * x - sine * y, y = sine * before + cosine * y;
}

// The rotation of axes p and q after which a(p, q) is 0 [Golub & Van Loan, Matrix Computations, section 8.5].
void takeOut(SquareMatrix& a, SquareMatrix& vectors, std::size_t p, std::size_t q) {
  if (a.at(p, q) == 0) return;
  const double half = (a.at(q, q) - a.at(p, p)) / (2 * a.at(p, q));
  const double tangent = std::copysign(1 / (std::abs(half) + std::hypot(1, half)), half);
  const double cosine = 1 / std::hypot(1, tangent), sine = tangent * cosine;
  for (std::size_t i = 0; i < a.n; ++i) turn(a.at(i, p), a.at(i, q), cosine, sine);
  for (std::size_t i = 0; i < a.n; ++i) turn(a.at(p, i), a.at(q, i), cosine, sine);
  for (std::size_t i = 0; i < a.n; ++i) turn(vectors.at(i, p), vectors.at(i, q), cosine, sine);
}

SymmetricEigen sorted(const SquareMatrix& a, const SquareMatrix& vectors) {
  std::vector<std::size_t> order(a.n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return a.at(x, x) > a.at(y, y); });
  SymmetricEigen result{{}, SquareMatrix(a.n)};
  for (std::size_t k = 0; k < a.n; ++k) {
    result.values.push_back(a.at(order[k], order[k]));
    for (std::size_t i = 0; i < a.n; ++i) result.vectors.at(i, k) = vectors.at(i, order[k]);
  }
  return result;
}

}  // namespace

SymmetricEigen symmetricEigen(SquareMatrix a) {
  constexpr int kMostRounds = 50;  // some ten are enough
  constexpr double kSettled = 1e-32;
  SquareMatrix vectors(a.n);
  for (std::size_t i = 0; i < a.n; ++i) {
    vectors.at(i, i) = 1;
    for (std::size_t k = 0; k < i; ++k) a.at(i, k) = a.at(k, i);
  }
  for (int round = 0; round < kMostRounds && besideTheDiagonal(a) > kSettled * onTheDiagonal(a); ++round)
    for (std::size_t p = 0; p < a.n; ++p)
      for (std::size_t q = p + 1; q < a.n; ++q) takeOut(a, vectors, p, q);
  return sorted(a, vectors);
}

}  // namespace relprop
