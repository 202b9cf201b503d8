// Networks for any number of images that compute with that number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relprop/error.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

// x[N, 3, 2, 2] and what its shape says.
class OpenBatch : public testing::Test {
 protected:
  ValueId extent(std::int64_t axis) {
    return b.add(Op::Gather, {b.add(Op::Shape, {b.x()}), b.ints({axis})}, {{"axis", std::int64_t{0}}});
  }
  ValueId floats(ValueId x) { return b.add(Op::Cast, {x}, {{"to", std::int64_t{1}}}); }
  ValueId filled(ValueId shape) { return b.add(Op::ConstantOfShape, {shape}); }
  ValueId joined(const std::vector<ValueId>& parts) { return b.add(Op::Concat, parts, {{"axis", std::int64_t{0}}}); }

  Specialised of(std::int64_t images, bool open = true) {
    return specialise(b.graph, {.inputShape = {images, 3, 2, 2}, .disabled = {}, .openBatch = open});
  }
  // Refused at the last node, but not where nobody says that the batch is open.
  void expectRefused() {
    of(4, false);
    try {
      of(4);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
      EXPECT_EQ(error.where(), describe(b.graph.nodes.back()));
    }
  }

  Build b{{-1, 3, 2, 2}};
};

TEST_F(OpenBatch, MayNotBeAFactor) {
  b.add(Op::Mul, {b.x(), floats(extent(0))});
  expectRefused();
}

TEST_F(OpenBatch, MayNotBeSummedUp) {
  const ValueId ones = b.add(Op::Add, {filled(extent(0)), b.floats({}, {1})});
  b.add(Op::Div, {b.x(), b.add(Op::ReduceSum, {ones}, {{"keepdims", std::int64_t{0}}})});
  expectRefused();
}

TEST_F(OpenBatch, MayNotBeInTheNumberOfElements) {
  const ValueId count = b.add(Op::ReduceProd, {b.add(Op::Shape, {b.x()})}, {{"keepdims", std::int64_t{0}}});
  b.add(Op::Div, {b.x(), floats(count)});
  expectRefused();
}

TEST_F(OpenBatch, MayNotDecide) {
  b.add(Op::Where, {b.add(Op::Equal, {extent(0), b.ints({1})}), b.x(), b.floats({}, {0})});
  expectRefused();
}

TEST_F(OpenBatch, MayNotNumberTheImages) {
  const ValueId count = b.add(Op::Squeeze, {extent(0), b.ints({0})});
  const ValueId numbers = b.add(Op::Range, {b.ints({0}, true), count, b.ints({1}, true)});
  b.add(Op::Mul, {b.x(), floats(b.add(Op::ReduceMax, {numbers}, {{"keepdims", std::int64_t{0}}}))});
  expectRefused();
}

TEST_F(OpenBatch, MayBeInShapes) {
  const ValueId flat = b.add(Op::Reshape, {b.x(), joined({extent(0), b.ints({-1})})});
  b.add(Op::Mul, {flat, floats(extent(1))});
  EXPECT_NO_THROW(of(4));
}

TEST_F(OpenBatch, MayBeAnExtentOfWhatIsTheSameForAll) {
  const ValueId mask = filled(joined({extent(0), b.ints({1, 2, 2})}));
  const ValueId row = b.add(Op::Expand, {b.floats({1, 1, 2, 2}, {1, 2, 3, 4}), joined({extent(0), b.ints({1, 2, 2})})});
  b.add(Op::Concat, {b.add(Op::Add, {b.x(), mask}), row}, {{"axis", std::int64_t{1}}});
  EXPECT_NO_THROW(of(4));
}

// A model that was exported for four images says no more than that.
TEST_F(OpenBatch, IsNotLookedAtWhereOneImageIsTooFew) {
  b.add(Op::Mul, {b.add(Op::Reshape, {b.x(), b.ints({4, 12})}), floats(extent(0))});
  EXPECT_NO_THROW(of(4));
}

}  // namespace
}  // namespace relprop::test
