// Quotients that are cut to whole numbers or compared, where the last bit decides, and those of integers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr std::int64_t kFloat = 1, kInt64 = 7;

Shape rowOf(std::size_t count) {
  return {1, 1, 1, static_cast<std::int64_t>(count)};
}

Graph specialised(const Build& b) {
  return specialise(b.graph, {.inputShape = b.graph.value(b.x()).shape, .disabled = {}}).graph;
}

// What the canonical graph makes of a row of numbers.
std::vector<double> results(const Build& b, const std::vector<double>& row) {
  return runGraph(specialised(b), {rowOf(row.size()), row}).data;
}

ValueId whole(Build& b, ValueId x) {
  return b.add(Op::Cast, {x}, {{"to", kInt64}});
}

// The multiples of `unit` from −60 times to 60 times.
std::vector<double> multiples(double unit) {
  std::vector<double> all;
  for (int k = -60; k <= 60; ++k) all.push_back(unit * k);
  return all;
}

TEST(Quotients, OfComputedIntegersAreCutTowardsZero) {
  const std::vector<double> row{-7, -3, -2.9, -1, 0, 2.9, 3, 8};
  Build by(rowOf(8));
  by.add(Op::Cast, {by.add(Op::Div, {whole(by, by.x()), by.ints({3}, true)})}, {{"to", kFloat}});
  EXPECT_THAT(results(by, row), ElementsAre(-2, -1, 0, 0, 0, 0, 1, 2));

  Build of(rowOf(4));
  of.add(Op::Cast, {of.add(Op::Div, {of.ints({100}, true), whole(of, of.x())})}, {{"to", kFloat}});
  EXPECT_THAT(results(of, {7, -7, 3, 40}), ElementsAre(14, -14, 33, 2));

  Build both(rowOf(4));
  const ValueId x = whole(both, both.x()), y = both.add(Op::Add, {x, both.ints({2}, true)});
  both.add(Op::Cast, {both.add(Op::Div, {y, x})}, {{"to", kFloat}});
  EXPECT_THAT(results(both, {1, 2, 3, -4}), ElementsAre(3, 2, 1, 0));
}

TEST(Quotients, OfFloatsHaveFractions) {
  Build b(rowOf(2));
  b.add(Op::Div, {b.x(), b.floats({}, {4})});
  EXPECT_THAT(results(b, {3, -6}), ElementsAre(0.75, -1.5));
}

TEST(Powers, OfComputedIntegersAreCutTowardsZero) {
  const auto power = [](float exponent) {
    Build b(rowOf(4));
    b.add(Op::Cast, {b.add(Op::Pow, {whole(b, b.x()), b.floats({}, {exponent})})}, {{"to", kFloat}});
    return results(b, {1, 4, 8, 9});
  };
  EXPECT_THAT(power(0.5f), ElementsAre(1, 2, 2, 3));
  EXPECT_THAT(power(-1), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(power(2), ElementsAre(1, 16, 64, 81));

  Build b(rowOf(4));
  b.add(Op::Cast, {b.add(Op::Pow, {whole(b, b.x()), b.ints({-1}, true)})}, {{"to", kFloat}});
  EXPECT_THAT(results(b, {1, 4, -1, 9}), ElementsAre(1, 0, -1, 0));
}

TEST(Quotients, AreExactWhereTheyAreCut) {
  const std::vector<double> sevens = multiples(7), counts = multiples(1);
  for (const Op op : {Op::Floor, Op::Ceil}) {
    Build b(rowOf(sevens.size()));
    b.add(op, {b.add(Op::Div, {b.x(), b.floats({}, {7})})});
    EXPECT_THAT(results(b, sevens), ElementsAreArray(counts)) << opName(op);
    EXPECT_THAT(opsOf(specialised(b)), ElementsAre(Op::Div, op));
  }
  Build rounded(rowOf(2));
  rounded.add(Op::Round, {rounded.add(Op::Div, {rounded.x(), rounded.floats({}, {14})})});
  EXPECT_THAT(results(rounded, {49, -49}), ElementsAre(4, -4));  // 3.5
  Build cast(rowOf(sevens.size()));
  cast.add(Op::Cast, {whole(cast, cast.add(Op::Div, {cast.x(), cast.floats({}, {7})}))}, {{"to", kFloat}});
  EXPECT_THAT(results(cast, sevens), ElementsAreArray(counts));
}

TEST(Quotients, AreExactWhereTheyAreCutBehindMovesAndArithmetic) {
  const std::vector<double> sevens = multiples(7), counts = multiples(1);
  Build b(rowOf(sevens.size()));
  const ValueId quotient = b.add(Op::Div, {b.x(), b.floats({}, {7})});
  const ValueId moved = b.add(Op::Transpose, {quotient}, {{"perm", Ints{0, 1, 3, 2}}});
  const ValueId shifted = b.add(Op::Sub, {b.add(Op::Neg, {moved}), b.floats({}, {2})});
  const ValueId most = b.add(Op::Max, {shifted, b.floats({1, 1}, {-1000})});
  b.add(Op::Neg, {b.add(Op::Add, {b.add(Op::Ceil, {most}), b.floats({}, {2})})});
  EXPECT_THAT(results(b, sevens), ElementsAreArray(counts));
}

TEST(Quotients, AreExactWhereTheyAreCompared) {
  Build b(rowOf(3));
  const ValueId quotient = b.add(Op::Div, {b.x(), b.floats({}, {49})});
  b.add(Op::Where, {b.add(Op::Equal, {quotient, b.floats({}, {-1})}), b.x(), b.floats({}, {1})});
  EXPECT_THAT(results(b, {49, -49, 7}), ElementsAre(1, -49, 1));
}

TEST(Quotients, AreProductsEverywhereElse) {
  Build plain({1, 2, 3, 3});
  plain.add(Op::Sigmoid, {plain.add(Op::Div, {plain.x(), plain.floats({}, {7})})});
  EXPECT_THAT(opsOf(canonical(plain, {1, 2, 3, 3})), ElementsAre(Op::Mul, Op::Sigmoid));
  Build halves({1, 2, 3, 3});
  halves.add(Op::Floor, {halves.add(Op::Div, {halves.x(), halves.floats({}, {0.25f})})});
  EXPECT_THAT(opsOf(canonical(halves, {1, 2, 3, 3})), ElementsAre(Op::Mul, Op::Floor));
}

TEST(Quotients, DoNotGoIntoWeightsWhereTheyAreCut) {
  Build b({1, 2, 5, 5});
  const ValueId conv = b.add(Op::Conv, {b.x(), b.random({3, 2, 3, 3}, 5, 9)});
  b.add(Op::Floor, {b.add(Op::Div, {conv, b.floats({}, {7})})});
  EXPECT_THAT(opsOf(canonical(b, {1, 2, 5, 5})), ElementsAre(Op::Conv, Op::Div, Op::Floor));
}

TEST(Remainders, AreZeroAtMultiples) {
  const std::vector<double> nothing(121, 0.0);
  for (const std::int64_t fmod : {0, 1}) {
    Build ints(rowOf(121)), floats(rowOf(121));
    const ValueId rest = ints.add(Op::Mod, {whole(ints, ints.x()), ints.ints({7}, true)}, {{"fmod", fmod}});
    ints.add(Op::Cast, {rest}, {{"to", kFloat}});
    EXPECT_THAT(results(ints, multiples(7)), ElementsAreArray(nothing));
    floats.add(Op::Mod, {floats.x(), floats.floats({}, {3.5f})}, {{"fmod", fmod}});
    EXPECT_THAT(results(floats, multiples(3.5)), ElementsAreArray(nothing));
  }
}

TEST(Remainders, HaveTheSignOfTheDivisorOrWithFmodOfWhatIsDivided) {
  for (const std::int64_t fmod : {0, 1}) {
    Build b(rowOf(4));
    b.add(Op::Cast, {b.add(Op::Mod, {whole(b, b.x()), b.ints({-7}, true)}, {{"fmod", fmod}})}, {{"to", kFloat}});
    const std::vector<double> expected =
        fmod == 0 ? std::vector<double>{-6, -1, 0, -6} : std::vector<double>{1, -1, 0, 1};
    EXPECT_THAT(results(b, {8, -8, 14, 1}), ElementsAreArray(expected));
  }
}

}  // namespace
}  // namespace relprop::test
