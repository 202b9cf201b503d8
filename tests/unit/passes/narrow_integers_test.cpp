// Integers that are computed from the input, of types that they may leave.
#include <gmock/gmock.h>

#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace narrow_integers_test {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

constexpr IntegerKind kUint8{8, false}, kInt8{8, true}, kUint16{16, false}, kInt32{32, true};
const Shape kRow{1, 4};

class NarrowIntegers : public testing::Test {
 protected:
  ValueId as(IntegerKind kind, ValueId id) {
    b.graph.value(id).integers = kind;
    return id;
  }
  ValueId cast(ValueId x, IntegerKind kind) {
    const std::int64_t to = kind == kUint8 ? 2 : kind == kInt8 ? 3 : kind == kUint16 ? 4 : 6;
    return as(kind, b.add(Op::Cast, {x}, {{"to", to}}));
  }
  ValueId number(std::int64_t value, IntegerKind kind) { return as(kind, b.ints({value}, true)); }

  Graph specialised(ValueId integers) {
    b.graph.outputs = {b.add(Op::Cast, {integers}, {{"to", std::int64_t{1}}})};
    return specialise(b.graph, {.inputShape = kRow, .disabled = {}}).graph;
  }
  std::vector<double> values(ValueId integers, const std::vector<double>& x) {
    return runGraph(specialised(integers), {kRow, x}).data;
  }

  Build b{kRow};
};

TEST_F(NarrowIntegers, WrapAroundAsProducts) {
  const ValueId q = cast(b.x(), kUint8);
  EXPECT_THAT(values(as(kUint8, b.add(Op::Mul, {q, number(200, kUint8)})), {6, 1, 255, 0}),
              ElementsAre(176, 200, 56, 0));
}

TEST_F(NarrowIntegers, WrapAroundAsSumsAndDifferences) {
  const ValueId q = cast(b.x(), kInt8);
  EXPECT_THAT(values(as(kInt8, b.add(Op::Add, {q, q})), {100, -100, 63, -64}), ElementsAre(-56, 56, 126, -128));
  EXPECT_THAT(values(as(kInt8, b.add(Op::Neg, {q})), {-128, 127, 0, 5}), ElementsAre(-128, -127, 0, -5));
  EXPECT_THAT(values(as(kInt8, b.add(Op::Abs, {q})), {-128, -127, 0, 5}), ElementsAre(-128, 127, 0, 5));
  const ValueId u = cast(b.x(), kUint8);
  EXPECT_THAT(values(as(kUint8, b.add(Op::Sub, {u, number(5, kUint8)})), {3, 5, 7, 255}), ElementsAre(254, 0, 2, 250));
}

TEST_F(NarrowIntegers, WrapAroundAsReductions) {
  const ValueId q = cast(b.x(), kUint8);
  const ValueId sum = as(kUint8, b.add(Op::ReduceSum, {q, b.ints({1})}));
  EXPECT_THAT(values(sum, {200, 100, 0, 1}), ElementsAre(45));
}

TEST_F(NarrowIntegers, WrapAroundWhereTheyBecomeNarrower) {
  const ValueId wide = cast(b.x(), kInt32);
  EXPECT_THAT(values(cast(wide, kUint8), {300, -1, 7, 256}), ElementsAre(44, 255, 7, 0));
  EXPECT_THAT(values(cast(wide, kInt8), {200, -129, 7, -128}), ElementsAre(-56, 127, 7, -128));
  EXPECT_THAT(values(cast(wide, kUint16), {65537, -1, 7, 65535}), ElementsAre(1, 65535, 7, 65535));
  EXPECT_THAT(values(cast(cast(b.x(), kUint8), kInt8), {200, 127, 128, 0}), ElementsAre(-56, 127, -128, 0));
}

TEST_F(NarrowIntegers, ThatStayWithinTheirTypeAreLeftAlone) {
  const ValueId mask = cast(b.add(Op::Greater, {b.x(), b.floats({}, {0.5f})}), kUint8);
  const ValueId other = as(kUint8, b.add(Op::Sub, {number(1, kUint8), mask}));
  const ValueId shaped = as(kUint8, b.add(Op::Reshape, {other, b.ints({1, 4})}));
  const ValueId scaled = as(kUint8, b.add(Op::Mul, {shaped, number(255, kUint8)}));
  EXPECT_THAT(opsOf(specialised(scaled)), Not(Contains(Op::Floor)));
  EXPECT_THAT(values(scaled, {1, 0, 0.7, 0.2}), ElementsAre(0, 255, 0, 255));
}

TEST_F(NarrowIntegers, BeyondWhatFloatsHoldAreRefused) {
  const ValueId q = cast(b.x(), kUint16);
  const Error error = failureOf([&] { specialised(as(kUint16, b.add(Op::Mul, {q, q}))); });
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_EQ(error.got(), "computed integers of 16 bits, up to 4294836225 before they wrap around");
  EXPECT_EQ(error.expected(), "2^24 at most");
}

}  // namespace narrow_integers_test
}  // namespace relprop::test
