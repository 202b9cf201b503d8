// Integers that are computed when a network is loaded: exact in 64 bits, and wrapped as the narrower types are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "relprop/error.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kLeast = INT64_MIN, kMost = INT64_MAX, kWide = std::int64_t{1} << 60;
constexpr IntegerKind kUint8{8, false}, kInt8{8, true}, kInt32{32, true}, kUint64{64, false};

class WholeNumbers : public testing::Test {
 protected:
  // The value's constant once constants are folded.
  const Constant& folded(ValueId id) {
    SpecialiseOptions options;
    options.inputShape = {1, 1, 1, 4};
    PassContext context{options, foldLimitOf(b.graph), {}, {}, {}};
    b.graph.outputs = {id};
    runPass(passList().front(), b.graph, context);
    return *b.graph.value(id).constant;
  }
  Ints ints(ValueId id) { return *folded(id).ints; }
  std::vector<float> floats(ValueId id) { return *folded(id).floats; }

  // Of op(a, b), or of op(a), as integers of that kind.
  Ints result(Op op, Ints first, Ints second = {}, IntegerKind kind = {}, const Attributes& attributes = {}) {
    std::vector<ValueId> inputs{b.ints(std::move(first))};
    if (!second.empty()) inputs.push_back(b.ints(std::move(second)));
    const ValueId id = b.add(op, inputs, attributes);
    b.graph.value(id).integers = kind;
    return ints(id);
  }
  ValueId cast(ValueId x, std::int64_t to, IntegerKind kind = {}) {
    const ValueId id = b.add(Op::Cast, {x}, {{"to", to}});
    b.graph.value(id).integers = kind;
    return id;
  }
  void expectRefused(ValueId id, ErrorCode code, const std::string& message) {
    try {
      folded(id);
      ADD_FAILURE() << "no error; expected " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_EQ(error.what(), message);
    }
  }

  Build b{{1, 1, 1, 4}};
};

TEST_F(WholeNumbers, AreToldApartWhereDoublesAreNot) {
  const Ints a{kWide, kWide}, c{kWide, kWide + 1};
  EXPECT_THAT(result(Op::Equal, a, c), ElementsAre(1, 0));
  EXPECT_THAT(result(Op::Less, a, c), ElementsAre(0, 1));
  EXPECT_THAT(result(Op::Greater, c, a), ElementsAre(0, 1));
  EXPECT_THAT(result(Op::LessOrEqual, c, a), ElementsAre(1, 0));
  EXPECT_THAT(result(Op::GreaterOrEqual, a, c), ElementsAre(1, 0));
  EXPECT_THAT(result(Op::Max, a, c), ElementsAre(kWide, kWide + 1));
  EXPECT_THAT(result(Op::Min, a, c), ElementsAre(kWide, kWide));
  EXPECT_THAT(result(Op::ArgMax, c, {}, {}, {{"keepdims", std::int64_t{0}}}), ElementsAre(1));
}

TEST_F(WholeNumbers, WrapAroundAtTheEndsOf64Bits) {
  EXPECT_THAT(result(Op::Add, {kMost}, {1}), ElementsAre(kLeast));
  EXPECT_THAT(result(Op::Sub, {kLeast}, {1}), ElementsAre(kMost));
  EXPECT_THAT(result(Op::Mul, {kWide}, {16}), ElementsAre(0));
  EXPECT_THAT(result(Op::Neg, {kLeast, kMost}), ElementsAre(kLeast, -kMost));
  EXPECT_THAT(result(Op::Abs, {kLeast, -kMost}), ElementsAre(kLeast, kMost));
  EXPECT_THAT(result(Op::Sign, {kLeast, 0, kMost}), ElementsAre(-1, 0, 1));
  EXPECT_THAT(result(Op::Div, {kLeast, -7, kWide + 1}, {-1, 2, 1}), ElementsAre(kLeast, -3, kWide + 1));
}

TEST_F(WholeNumbers, HaveRemainders) {
  EXPECT_THAT(result(Op::Mod, {kWide + 1, -7, 7, kLeast}, {10, 3, -3, -1}), ElementsAre(7, 2, -2, 0));
  EXPECT_THAT(result(Op::Mod, {-7, 7}, {3, -3}, {}, {{"fmod", std::int64_t{1}}}), ElementsAre(-1, 1));
  expectRefused(b.add(Op::Mod, {b.ints({1}), b.ints({0})}), ErrorCode::MalformedModel,
                "node 'Mod0' (Mod): a division of integers by 0");
}

TEST_F(WholeNumbers, HavePowers) {
  EXPECT_THAT(result(Op::Pow, {3, -2, 2, 7}, {39, 63, 64, 0}), ElementsAre(4052555153018976267, kLeast, 0, 1));
  EXPECT_THAT(result(Op::Pow, {1, -1, -1, 5}, {-3, -3, -2, -1}), ElementsAre(1, -1, 1, 0));
  EXPECT_THAT(floats(b.add(Op::Pow, {b.floats({2}, {3, 0.5f}), b.ints({2, -1})})), ElementsAre(9, 2));
}

TEST_F(WholeNumbers, AreSummedExactly) {
  EXPECT_THAT(result(Op::ReduceSum, {kWide, 7, -kWide}), ElementsAre(7));
  EXPECT_THAT(result(Op::ReduceProd, {3, kWide + 1}), ElementsAre(3 * kWide + 3));
  EXPECT_THAT(result(Op::ReduceMax, {kWide, kWide + 1}), ElementsAre(kWide + 1));
  EXPECT_THAT(result(Op::ReduceMin, {kWide + 1, kWide + 2}), ElementsAre(kWide + 1));
  const ValueId axis = b.ints({0}, true), terms = b.ints({kWide, 1, -kWide});
  EXPECT_THAT(ints(b.add(Op::CumSum, {terms, axis})), ElementsAre(kWide, kWide + 1, 1));
  EXPECT_THAT(ints(b.add(Op::CumSum, {terms, axis}, {{"exclusive", std::int64_t{1}}})),
              ElementsAre(0, kWide, kWide + 1));
}

TEST_F(WholeNumbers, AreCountedExactly) {
  const auto range = [&](std::int64_t start, std::int64_t limit, std::int64_t step) {
    return ints(b.add(Op::Range, {b.ints({start}, true), b.ints({limit}, true), b.ints({step}, true)}));
  };
  EXPECT_THAT(range(kWide, kWide + 3, 2), ElementsAre(kWide, kWide + 2));
  EXPECT_THAT(range(2, -1, -1), ElementsAre(2, 1, 0));
  EXPECT_THAT(range(kLeast, kMost, kMost), ElementsAre(kLeast, -1, kMost - 1));
  EXPECT_TRUE(range(1, 1, 1).empty());
  const ValueId endless = b.add(Op::Range, {b.ints({0}, true), b.ints({1}, true), b.ints({0}, true)});
  EXPECT_THROW(folded(endless), Error);
}

TEST_F(WholeNumbers, AreMovedAsTheyAre) {
  const ValueId padded = b.add(Op::Pad, {b.ints({1}), b.ints({1, 1}), b.ints({kWide + 1}, true)});
  EXPECT_THAT(ints(padded), ElementsAre(kWide + 1, 1, kWide + 1));
  const ValueId hot = b.add(Op::OneHot, {b.ints({-1}), b.ints({2}, true), b.ints({kWide, kWide + 1})});
  EXPECT_THAT(ints(hot), ElementsAre(kWide, kWide + 1));
  const ValueId best = b.add(Op::TopK, {b.ints({kWide, kWide + 1}), b.ints({1})}, {}, 2);
  EXPECT_THAT(ints(best), ElementsAre(kWide + 1));
}

TEST_F(WholeNumbers, LieOnADiagonalHoweverFarOff) {
  const auto diagonal = [&](std::int64_t k) {
    return floats(b.add(Op::EyeLike, {b.floats({2, 2}, {0, 0, 0, 0})}, {{"k", k}}));
  };
  EXPECT_THAT(diagonal(1), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(diagonal(kMost), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(diagonal(kLeast), ElementsAre(0, 0, 0, 0));
}

TEST_F(WholeNumbers, SayWhichInfinitiesThereAre) {
  const auto flags = [&](const Attributes& attributes) {
    const ValueId x = b.floats({3}, {INFINITY, -INFINITY, 1});
    return ints(b.add(Op::IsInf, {x}, attributes));
  };
  EXPECT_THAT(flags({}), ElementsAre(1, 1, 0));
  EXPECT_THAT(flags({{"detect_negative", std::int64_t{0}}}), ElementsAre(1, 0, 0));
  EXPECT_THAT(flags({{"detect_positive", std::int64_t{0}}}), ElementsAre(0, 1, 0));
}

TEST_F(WholeNumbers, WrapAroundAsNarrowerTypes) {
  EXPECT_THAT(result(Op::Sub, {3}, {5}, kUint8), ElementsAre(254));
  EXPECT_THAT(result(Op::Add, {100}, {100}, kInt8), ElementsAre(-56));
  EXPECT_THAT(result(Op::Mul, {1 << 20}, {1 << 13}, kInt32), ElementsAre(0));
  EXPECT_THAT(result(Op::Div, {-128}, {-1}, kInt8), ElementsAre(-128));
  EXPECT_THAT(result(Op::ReduceSum, {200, 100}, {}, kUint8), ElementsAre(44));
  EXPECT_THAT(ints(cast(b.ints({300, -1, 7}), 2, kUint8)), ElementsAre(44, 255, 7));
  EXPECT_THAT(result(Op::Sub, {5}, {3}, kUint64), ElementsAre(2));
}

TEST_F(WholeNumbers, OfAllBitsWithoutASignAreRefused) {
  const ValueId below = b.add(Op::Sub, {b.ints({3}), b.ints({5})});
  b.graph.value(below).integers = kUint64;
  expectRefused(below, ErrorCode::UnsupportedModel,
                "node 'Sub0' (Sub): 18446744073709551614 as uint64 (expected integers below 2^63)");
}

TEST_F(WholeNumbers, AreFloatsWithoutTheirFraction) {
  EXPECT_THAT(ints(cast(b.floats({4}, {2.9f, -2.9f, 0.5f, -0.5f}), 7)), ElementsAre(2, -2, 0, 0));
  EXPECT_THAT(ints(cast(b.floats({2}, {255.9f, -0.9f}), 2, kUint8)), ElementsAre(255, 0));
  EXPECT_THAT(ints(cast(b.floats({1}, {-0x1p63f}), 7)), ElementsAre(kLeast));
  EXPECT_THAT(ints(cast(b.floats({2}, {0.5f, 0}), 9)), ElementsAre(1, 0));
}

TEST_F(WholeNumbers, AreNotMadeOfFloatsBeyondThem) {
  expectRefused(cast(b.floats({1}, {300}), 2, kUint8), ErrorCode::UnsupportedModel,
                "node 'Cast0' (Cast): 300 as uint8 (expected 0 to 2^8 − 1)");
  Build other({1, 1, 1, 4});
  std::swap(b.graph, other.graph);
  expectRefused(cast(b.floats({1}, {0x1p63f}), 7), ErrorCode::UnsupportedModel,
                "node 'Cast0' (Cast): 9.223372e+18 as int64 (expected −2^63 to 2^63 − 1)");
  for (const float value : {-std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Build one({1, 1, 1, 4});
    std::swap(b.graph, one.graph);
    EXPECT_THROW(folded(cast(b.floats({1}, {value}), 6, kInt32)), Error);
  }
}

// Halves have 11 binary digits, 2⁻²⁴ as their smallest number and 65504 as their largest; bfloat16 has 8 digits.
TEST_F(WholeNumbers, FloatsAreRoundedToNarrowerTypes) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> given{1e6f, -1e6f, 65519, 2049, 2051, 0.1f, 0x1p-25f, 0x1.8p-24f, 0};
  EXPECT_THAT(floats(cast(b.floats({9}, given), 10)),
              ElementsAre(infinity, -infinity, 65504, 2048, 2052, 0x1.998p-4f, 0, 0x1p-23f, 0));
  EXPECT_THAT(floats(cast(b.floats({4}, {257, 259, 0.1f, 3.4e38f}), 16)), ElementsAre(256, 260, 0x1.9ap-4f, infinity));
  EXPECT_THAT(floats(cast(b.ints({65520, 2049}), 10)), ElementsAre(infinity, 2048));
  EXPECT_THAT(floats(cast(b.floats({1}, {0.1f}), 11)), ElementsAre(0.1f));
}

}  // namespace
}  // namespace relprop::test
