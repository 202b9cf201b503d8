// Heatmaps, orders of pixels and random numbers: what metrics stand on.
#include "eval/plane.h"

#include <cmath>
#include <limits>

#include "eval/random.h"
#include "eval/ranking.h"
#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

using Order = std::vector<std::uint32_t>;

TEST(PlaneOf, SumsChannelsAtEachPixel) {
  const Plane plane = eval::planeOf(Tensor({1, 3, 1, 2}, {1, 2, 10, 20, -100, 200}));
  EXPECT_EQ(plane.height, 1);
  EXPECT_EQ(plane.width, 2);
  EXPECT_EQ(plane.values, (std::vector<float>{-89, 222}));
  EXPECT_EQ(eval::planeOf(Tensor({3, 1, 1}, {1e8f, 1, -1e8f})).values, std::vector<float>{1}) << "floats lose the 1";
}

TEST(PlaneOf, RefusesWhatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  for (const float bad : {inf, -inf, nan}) {
    const Error e = failureOf([&] { eval::planeOf(Tensor({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, bad, 7})); });
    EXPECT_EQ(e.code(), ErrorCode::NumericFailure);
    EXPECT_THAT(e.got(), testing::EndsWith("at column 0, row 1"));
  }
  EXPECT_EQ(codeOf([&] { eval::planeOf(Tensor({2, 1, 1}, {inf, -inf})); }), ErrorCode::NumericFailure);
  EXPECT_EQ(codeOf([&] {
              eval::planeOf(Tensor({2, 1, 1}, {3e38f, 3e38f}));
            }),
            ErrorCode::NumericFailure)
      << "the sum overflows";
}

TEST(PlaneOf, RefusesOtherShapes) {
  for (const Shape& shape : {Shape{2, 2}, Shape{2, 3, 1, 1}, Shape{3, 0, 4}})
    EXPECT_EQ(codeOf([&] { eval::planeOf(Tensor(shape)); }), ErrorCode::ShapeMismatch) << toString(shape);
}

TEST(Ranking, OrdersTiesByIndex) {
  const std::vector<float> values = {1, 3, -2, 3, 1, 0};
  EXPECT_EQ(eval::decreasingOrder(values), (Order{1, 3, 0, 4, 5, 2}));
  EXPECT_EQ(eval::increasingOrder(values), (Order{2, 5, 0, 4, 1, 3}));
  EXPECT_EQ(eval::decreasingOrder({7, 7, 7}), (Order{0, 1, 2}));
  EXPECT_EQ(eval::increasingOrder({0.0f, -0.0f}), (Order{0, 1})) << "zeros are equal whatever their sign";
  EXPECT_TRUE(eval::decreasingOrder({}).empty());
}

TEST(Ranking, SharesRanksAmongTies) {
  EXPECT_EQ(eval::averageRanks({10, 30, 20}), (std::vector<double>{1, 3, 2}));
  EXPECT_EQ(eval::averageRanks({5, 1, 5, 5, 0}), (std::vector<double>{4, 2, 4, 4, 1}));
  EXPECT_EQ(eval::averageRanks({2, 2}), (std::vector<double>{1.5, 1.5}));
}

// By definition: one more than what is lower, and half of the other equal ones.
TEST(Ranking, RanksCountWhatIsLower) {
  const std::vector<float> values = coarseValues(200, 3, 9);
  const std::vector<double> ranks = eval::averageRanks(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    double lower = 0, equal = 0;
    for (const float v : values) lower += v < values[i], equal += v == values[i];
    EXPECT_EQ(ranks[i], lower + 0.5 * (equal + 1));
  }
}

TEST(Random, IsTheSameEverywhere) {
  // The first number of the engine that the standard names for the default seed is 14514284786278117030.
  const double first = static_cast<double>(14514284786278117030ull >> 11) / 9007199254740992.0;
  EXPECT_NEAR(eval::Random(5489).uniform(), first, 1e-15);
}

TEST(Random, HasItsMoments) {
  eval::Random random(7);
  const int count = 100000;
  double uniform = 0, normal = 0, square = 0;
  std::vector<int> hits(5);
  for (int i = 0; i < count; ++i) {
    const double u = random.uniform(), n = random.normal();
    ASSERT_TRUE(u > 0 && u < 1);
    uniform += u / count, normal += n / count, square += n * n / count;
    ++hits.at(random.below(5));
  }
  EXPECT_NEAR(uniform, 0.5, 0.005);
  EXPECT_NEAR(normal, 0, 0.015);
  EXPECT_NEAR(square, 1, 0.02);
  for (const int h : hits) EXPECT_NEAR(h, count / 5, 600);
}

// To the last bit, whatever the sums round to.
TEST(Correlation, OfAListWithItselfIsOne) {
  eval::Random random(5);
  for (std::size_t count = 2; count < 200; ++count) {
    std::vector<double> list(count), mirrored(count);
    for (std::size_t i = 0; i < count; ++i) list[i] = random.uniform() * std::pow(10.0, random.uniform() * 8 - 4);
    for (std::size_t i = 0; i < count; ++i) mirrored[i] = -list[i];
    EXPECT_EQ(eval::correlation(list, list), 1.0) << count;
    EXPECT_EQ(eval::correlation(list, mirrored), -1.0) << count;
  }
}

TEST(Seeds, DependOnPictureUseAndRunAlone) {
  Case a, b;
  a.picture = "a", b.picture = "b";
  EXPECT_EQ(a.seedOf("x"), a.seedOf("x"));
  EXPECT_NE(a.seedOf("x"), a.seedOf("y"));
  EXPECT_NE(a.seedOf("x"), b.seedOf("x"));
  Case other = a;
  other.runSeed = 1;
  EXPECT_NE(a.seedOf("x"), other.seedOf("x"));
}

}  // namespace
}  // namespace relprop::test
