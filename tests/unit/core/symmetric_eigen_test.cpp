// Eigenvalues against what makes them ones: a v = λ v, vectors at right angles.
#include "core/symmetric_eigen.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace relprop::test {
namespace {

SquareMatrix randomSymmetric(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> draw(-1, 1);
  SquareMatrix a(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k <= i; ++k) a.at(i, k) = a.at(k, i) = draw(random);
  return a;
}

double dot(const SquareMatrix& v, std::size_t a, std::size_t b) {
  double sum = 0;
  for (std::size_t i = 0; i < v.n; ++i) sum += v.at(i, a) * v.at(i, b);
  return sum;
}

TEST(SymmetricEigen, OnlyLengthensItsVectors) {
  for (const std::size_t n : {1u, 2u, 5u, 12u}) {
    const SquareMatrix a = randomSymmetric(n, static_cast<unsigned>(n));
    const SymmetricEigen eigen = symmetricEigen(a);
    ASSERT_EQ(eigen.values.size(), n);
    for (std::size_t k = 0; k < n; ++k) {
      if (k > 0) EXPECT_GE(eigen.values[k - 1], eigen.values[k]);
      for (std::size_t other = 0; other < n; ++other)
        EXPECT_NEAR(dot(eigen.vectors, k, other), other == k ? 1 : 0, 1e-14);
      for (std::size_t i = 0; i < n; ++i) {
        double image = 0;
        for (std::size_t j = 0; j < n; ++j) image += a.at(i, j) * eigen.vectors.at(j, k);
        EXPECT_NEAR(image, eigen.values[k] * eigen.vectors.at(i, k), 1e-13);
      }
    }
  }
}

TEST(SymmetricEigen, OfDiagonalAndEmptyMatrices) {
  SquareMatrix a(3);
  a.at(0, 0) = 1, a.at(1, 1) = 3, a.at(2, 2) = -2;
  EXPECT_EQ(symmetricEigen(a).values, (std::vector<double>{3, 1, -2}));
  EXPECT_EQ(symmetricEigen(SquareMatrix(2)).values, (std::vector<double>{0, 0}));
  EXPECT_TRUE(symmetricEigen(SquareMatrix(0)).values.empty());
}

}  // namespace
}  // namespace relprop::test
