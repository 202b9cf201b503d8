// Numbers that have more axes than what they stand beside: the result has them too, and axes are counted in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

const Shape kOne{1, 3, 7, 6}, kNumber{1, 1, 1, 1, 1};

// The mean along axis 3 of five, the fourth of an image.
void expectMeanAlongLines(Build& b, ValueId value) {
  b.add(Op::ReduceMean, {value}, {{"axes", Ints{3}}, {"keepdims", std::int64_t{0}}});
  const Graph g = canonical(b, kOne);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{1, 1, 3, 6}));
}

TEST(Ranks, OfPowersAreThoseOfTheResult) {
  for (const float exponent : {-3.0f, -2.0f, -1.0f, -0.5f, 0.5f, 1.0f, 1.7f, 2.0f, 3.0f}) {
    Build b(kOne);
    const ValueId base = b.add(Op::Add, {b.add(Op::Abs, {b.x()}), b.floats({}, {0.5f})});
    expectMeanAlongLines(b, b.add(Op::Pow, {base, b.floats(kNumber, {exponent})}));
  }
}

// Each number of ½·x·(1 + erf(x/√2)) in turn.
TEST(Ranks, OfGelusAreThoseOfTheResult) {
  for (int wide = 0; wide < 3; ++wide) {
    Build b(kOne);
    const auto number = [&](int which, float value) { return b.floats(which == wide ? kNumber : Shape{}, {value}); };
    const ValueId error = b.add(Op::Erf, {b.add(Op::Div, {b.x(), number(0, std::sqrt(2.0f))})});
    const ValueId product = b.add(Op::Mul, {b.x(), b.add(Op::Add, {error, number(1, 1)})});
    expectMeanAlongLines(b, b.add(Op::Mul, {product, number(2, 0.5f)}));
  }
}

// Each of the exponent, ε, the scale and the bias in turn.
TEST(Ranks, OfNormalisationsAreThoseOfTheResult) {
  const Attributes last{{"axes", Ints{-1}}};
  for (int wide = 0; wide < 4; ++wide) {
    Build b(kOne);
    const auto shape = [&](int which, const Shape& narrow) {
      return which == wide ? Shape{1, 1, 1, 1, narrow[0]} : narrow;
    };
    const ValueId centred = b.add(Op::Sub, {b.x(), b.add(Op::ReduceMean, {b.x()}, last)});
    const ValueId square = b.add(Op::Pow, {centred, b.floats(shape(0, {1}), {2})});
    const ValueId variance = b.add(Op::Add, {b.add(Op::ReduceMean, {square}, last), b.floats(shape(1, {1}), {1e-3f})});
    const ValueId normal = b.add(Op::Div, {centred, b.add(Op::Sqrt, {variance})});
    const ValueId scaled = b.add(Op::Mul, {normal, b.random(shape(2, {6}))});
    expectMeanAlongLines(b, b.add(Op::Add, {scaled, b.random(shape(3, {6}))}));
  }
}

}  // namespace
}  // namespace relprop::test
