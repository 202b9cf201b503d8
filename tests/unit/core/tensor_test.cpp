#include "relprop/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "unit/core/failure.h"

namespace relprop::test {
namespace {

TEST(ElementCount, MultipliesExtents) {
  EXPECT_EQ(elementCount({2, 3, 5, 7}), 210);
  EXPECT_EQ(elementCount({4, 0, 9}), 0);
  EXPECT_EQ(elementCount({}), 1) << "a scalar has one element";
}

TEST(ElementCount, HoldsTheLargestCountAndRefusesOneMore) {
  const std::int64_t half = std::int64_t{1} << 31;
  EXPECT_EQ(elementCount({half, half}), std::int64_t{1} << 62);
  EXPECT_EQ(elementCount({std::numeric_limits<std::int64_t>::max()}), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(codeOf([&] { elementCount({half, half, 2}); }), ErrorCode::ShapeMismatch);
  EXPECT_EQ(codeOf([&] { elementCount({std::numeric_limits<std::int64_t>::max(), 2}); }), ErrorCode::ShapeMismatch);
}

TEST(ElementCount, RefusesNegativeExtents) {
  EXPECT_EQ(codeOf([] { elementCount({2, -1}); }), ErrorCode::ShapeMismatch);
  EXPECT_EQ(codeOf([] { elementCount({-1, -1}); }), ErrorCode::ShapeMismatch) << "the product is positive";
  EXPECT_EQ(codeOf([] { elementCount({0, -3}); }), ErrorCode::ShapeMismatch) << "the product is zero";
}

TEST(ShapeText, JoinsExtents) {
  EXPECT_EQ(toString(Shape{1, 3, 224, 224}), "1×3×224×224");
  EXPECT_EQ(toString(Shape{-1, 7}), "N×7");
  EXPECT_EQ(toString(Shape{5}), "5");
  EXPECT_EQ(toString(Shape{}), "scalar");
}

TEST(TensorConstructor, FillsWithOneValue) {
  const Tensor t(Shape{2, 3}, 4.5f);
  EXPECT_EQ(t.shape, (Shape{2, 3}));
  EXPECT_EQ(t.data, std::vector<float>(6, 4.5f));
  EXPECT_EQ(Tensor(Shape{2}).data, (std::vector<float>{0, 0}));
}

TEST(TensorConstructor, TakesValuesThatFit) {
  const Tensor t(Shape{2, 2}, std::vector<float>{1, 2, 3, 4});
  EXPECT_EQ(t.data[3], 4.0f);
}

TEST(TensorConstructor, RefusesACountThatDiffers) {
  try {
    Tensor(Shape{2, 2}, std::vector<float>{1, 2, 3});
    FAIL() << "three values for four elements";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::ShapeMismatch);
    EXPECT_EQ(e.got(), "3 values");
    EXPECT_EQ(e.expected(), "4 for 2×2");
  }
}

TEST(View, PointsIntoWhatItShows) {
  Tensor t(Shape{2, 2}, std::vector<float>{1, 2, 3, 4});
  const TensorView whole = t;
  EXPECT_EQ(whole.data, t.data.data());
  EXPECT_EQ(whole.shape, t.shape);
  const TensorView row(t.data.data() + 2, {1, 2});
  t.data[3] = 5;
  EXPECT_EQ(row.data[1], 5);
}

TEST(View, RefusesWhatIsNotThere) {
  const Error e = failureOf([] { TensorView(nullptr, {2, 3}); });
  EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
  EXPECT_STREQ(e.what(), "tensor: no data (expected a pointer to 2×3 values)");
  EXPECT_EQ(TensorView(nullptr, {0, 3}).data, nullptr) << "no elements need no data";
  EXPECT_EQ(codeOf([] { TensorView(nullptr, {-1, 3}); }), ErrorCode::ShapeMismatch);
  Tensor t(Shape{2, 2});
  t.data.pop_back();
  EXPECT_EQ(codeOf([&] { TensorView{t}; }), ErrorCode::ShapeMismatch);
}

TEST(TensorConstructor, RefusesNegativeExtentsBeforeItAllocates) {
  EXPECT_EQ(codeOf([] { Tensor(Shape{-2, 3}); }), ErrorCode::ShapeMismatch);
  EXPECT_EQ(codeOf([] { Tensor(Shape{-2, -2}, std::vector<float>(4)); }), ErrorCode::ShapeMismatch);
}

}  // namespace
}  // namespace relprop::test
