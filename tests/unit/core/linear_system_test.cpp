#include "core/linear_system.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace relprop::test {
namespace {

SquareMatrix matrixOf(std::size_t n, std::vector<double> values) {
  SquareMatrix a(n);
  a.values = std::move(values);
  return a;
}

TEST(LinearSystem, GivesBackWhatWasPutIn) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (const std::size_t n : {1u, 2u, 7u, 40u}) {
    SquareMatrix a(n);
    for (double& v : a.values) v = uniform(random);
    std::vector<std::vector<double>> x(2, std::vector<double>(n)), b(2, std::vector<double>(n));
    for (std::size_t s = 0; s < 2; ++s) {
      for (double& v : x[s]) v = uniform(random);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) b[s][i] += a.at(i, j) * x[s][j];
    }
    const auto got = solved(a, b);
    ASSERT_TRUE(got);
    for (std::size_t s = 0; s < 2; ++s)
      for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR((*got)[s][i], x[s][i], 1e-9) << n;
  }
}

TEST(LinearSystem, TakesAPivotFromBelow) {
  const auto got = solved(matrixOf(2, {0, 1, 1, 0}), {{3, 5}});
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[0], (std::vector<double>{5, 3}));
}

TEST(LinearSystem, SaysNothingWhereTheEquationsDoNot) {
  EXPECT_FALSE(solved(matrixOf(2, {1, 2, 2, 4}), {{1, 2}}));
  EXPECT_FALSE(solved(SquareMatrix(3), {{0, 0, 0}}));
}

}  // namespace
}  // namespace relprop::test
