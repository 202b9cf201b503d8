// What the passes refuse, and with which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "graph/shape_inference.h"
#include "passes/passes.h"
#include "relprop/error.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const Shape kInput{1, 3, 8, 8};

Error errorOf(const Graph& graph, const SpecialiseOptions& options) {
  try {
    specialise(graph, options);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::Internal, "nothing was thrown", "");
}

Error errorOf(const Build& build, const Shape& input = kInput) {
  SpecialiseOptions options;
  options.inputShape = input;
  return errorOf(build.graph, options);
}

TEST(PassErrors, GivenShapeContradictsModel) {
  Build b({-1, 3, 8, 8});
  b.add(Op::Relu, {b.x()});
  const Error error = errorOf(b, {1, 3, 9, 8});
  EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
  EXPECT_STREQ(error.what(), "input 'x': 1×3×9×8 (expected any×3×8×8)");
  EXPECT_EQ(errorOf(b, {1, 3, 8}).code(), ErrorCode::ShapeMismatch);
  EXPECT_EQ(errorOf(b, {0, 3, 8, 8}).code(), ErrorCode::ShapeMismatch);
}

// Before anything multiplies its extents.
TEST(PassErrors, RefusesInputsOfMoreElementsThanThereMayBe) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Build b({-1, 3, -1, -1});
  b.add(Op::Slice, {b.x()}, {{"axes", Ints{2}}, {"starts", Ints{0}}, {"ends", Ints{7}}, {"steps", Ints{1}}});
  for (const Shape& input : std::vector<Shape>{{1, 3, kMost, 8}, {1, 3, 1 << 20, 1 << 20}, {1, 3, 8, kMost}}) {
    const Error error = errorOf(b, input);
    EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
    EXPECT_EQ(error.what(), "input 'x': " + toString(input) + " (expected 2^31 elements at most)");
  }
}

TEST(PassErrors, NamesNodeOfAMismatch) {
  Build b(kInput);
  b.add(Op::Conv, {b.x(), b.random({4, 5, 3, 3})});
  const Error error = errorOf(b);
  EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
  EXPECT_STREQ(error.what(), "node 'Conv0' (Conv): 3 input channels (expected 5 for weights 4×5×3×3)");
}

TEST(PassErrors, ListsAllUnsupportedNodes) {
  Build b(kInput);
  const ValueId whole = b.add(Op::Cast, {b.add(Op::GlobalAveragePool, {b.x()})}, {{"to", std::int64_t{7}}});
  const ValueId chosen =
      b.add(Op::Gather, {b.x(), b.add(Op::Reshape, {whole, b.ints({-1})})}, {{"axis", std::int64_t{1}}});
  b.add(Op::Pow, {b.floats({}, {-2}), chosen});
  const Error error = errorOf(b);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_THAT(error.what(), HasSubstr("(Gather): indices computed at run time"));
  EXPECT_THAT(error.what(), HasSubstr("(Pow): an exponent computed at run time"));
}

TEST(PassErrors, ListsTheFirstTenUnsupportedNodes) {
  Build b(kInput);
  ValueId sum = b.x();
  for (int i = 0; i < 12; ++i) {
    const ValueId exponent = b.add(Op::GlobalAveragePool, {b.x()});
    sum = b.add(Op::Add, {sum, b.add(Op::Pow, {b.floats({}, {-2}), exponent})});
  }
  EXPECT_TRUE(errorOf(b).got().ends_with("(Pow): an exponent computed at run time and 2 more")) << errorOf(b).what();
}

TEST(PassErrors, ShortensLongLists) {
  Build b(kInput);
  const ValueId shape = b.ints(Ints(100000, -2));
  b.add(Op::Reshape, {b.x(), shape});
  const std::string message = errorOf(b).what();
  EXPECT_THAT(message, HasSubstr("-2×-2… (100000 numbers)"));
  EXPECT_LT(message.size(), 500u);
}

TEST(PassErrors, RefusesUnknownPaddingOfTransposedConvolutions) {
  Build b(kInput);
  b.add(Op::ConvTranspose, {b.x(), b.random({3, 4, 2, 2})}, {{"auto_pad", std::string("FOO")}});
  EXPECT_STREQ(
      errorOf(b).what(),
      "node 'ConvTranspose0' (ConvTranspose): auto_pad FOO (expected NOTSET, VALID, SAME_UPPER or SAME_LOWER)");
}

// Less than a step: of the windows by their stride, or within one by its dilation.
TEST(PassErrors, RefusesMoreOutputPaddingThanAStep) {
  const auto padded = [](Ints extra, Ints strides, Ints dilations) {
    Build b(kInput);
    b.add(Op::ConvTranspose, {b.x(), b.random({3, 4, 2, 2})},
          {{"output_padding", std::move(extra)}, {"strides", std::move(strides)}, {"dilations", std::move(dilations)}});
    return b;
  };
  EXPECT_STREQ(
      errorOf(padded({0, 3}, {1, 3}, {1, 2})).what(),
      "node 'ConvTranspose0' (ConvTranspose): output_padding 0×3 (expected less than the step of 3 on axis 1)");
  for (Ints strides : {Ints{3, 1}, Ints{2, 3}}) {
    Build fits = padded({2, 2}, strides, {3, 3});
    inferShapes(fits.graph);
    EXPECT_EQ(fits.graph.value(fits.graph.nodes.back().outputs[0]).shape[2], (kInput[2] - 1) * strides[0] + 2 + 4);
  }
}

TEST(PassErrors, WarnsOfDropoutsForTraining) {
  Build b(kInput);
  const ValueId first = b.add(Op::Dropout, {b.x()}, {{"is_test", std::int64_t{0}}});
  b.add(Op::Relu, {b.add(Op::Dropout, {first}, {{"is_test", std::int64_t{0}}})});
  SpecialiseOptions options;
  options.inputShape = kInput;
  EXPECT_THAT(
      specialise(b.graph, options).warnings,
      testing::Contains(
          "node 'Dropout0' (Dropout) is written for training (is_test 0), the first of 2: inference is assumed"));
}

TEST(PassErrors, RefusesFourSpatialAxes) {
  Build b({1, 3, 4, 4, 4, 4});
  b.add(Op::GlobalAveragePool, {b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3, 3, 3})})});
  const Error error = errorOf(b, {1, 3, 4, 4, 4, 4});
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_THAT(error.what(), HasSubstr("node 'Conv0' (Conv): 4 spatial axes"));
}

TEST(PassErrors, RefusesShapesComputedFromPixels) {
  Build b(kInput);
  b.add(Op::Reshape, {b.x(), b.add(Op::Cast, {b.x()}, {{"to", std::int64_t{7}}})});
  const Error error = errorOf(b);
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_STREQ(error.what(), "node 'Reshape1' (Reshape): shape computed at run time (expected a constant)");
}

TEST(PassErrors, RefusesHugeConstantsBeforeAllocating) {
  Build b(kInput);
  b.add(Op::Add, {b.x(), b.add(Op::ConstantOfShape, {b.ints({1, 1, 30000, 30000})})});
  const Error error = errorOf(b);
  EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
  EXPECT_THAT(error.what(), HasSubstr("ConstantOfShape0"));
}

TEST(PassErrors, ManySmallerConstantsAreRefusedToo) {
  Build b(kInput);
  ValueId sum = b.add(Op::ConstantOfShape, {b.ints({1 << 23})});
  for (int i = 0; i < 20; ++i) sum = b.add(Op::Add, {sum, sum});
  b.add(Op::Add, {b.x(), b.add(Op::Slice, {sum, b.ints({0}), b.ints({8})})});
  EXPECT_EQ(errorOf(b).code(), ErrorCode::ShapeMismatch);
}

TEST(PassErrors, RefusesIntegerDivisionByZero) {
  Build b(kInput);
  b.add(Op::Reshape, {b.x(), b.add(Op::Div, {b.ints({1, -1}), b.ints({0})})});
  EXPECT_EQ(errorOf(b).code(), ErrorCode::MalformedModel);
}

TEST(PassErrors, RefusesIndexOutsideAConstant) {
  Build b(kInput);
  b.add(Op::Reshape, {b.x(), b.add(Op::Gather, {b.ints({1, -1}), b.ints({2})}, {{"axis", std::int64_t{0}}})});
  EXPECT_STREQ(errorOf(b).what(), "node 'Gather0' (Gather): index 2 (expected below 2)");
}

TEST(PassErrors, RefusesNegativeVariance) {
  Build b(kInput);
  const ValueId ones = b.random({3}, 1, 2);
  b.add(Op::BatchNormalization, {b.x(), ones, ones, ones, b.random({3}, -2, -1)});
  EXPECT_EQ(errorOf(b).code(), ErrorCode::NonFiniteWeights);
}

TEST(PassErrors, RefusesConstantOutput) {
  Build b(kInput);
  b.add(Op::Shape, {b.x()});
  EXPECT_EQ(errorOf(b).code(), ErrorCode::UnsupportedModel);
}

// --batch 1 would not help: the first axis is no batch, and the model fixes its extent.
TEST(PassErrors, SaysThatAnInputHasNoBatchAxis) {
  Build plane({3, 8, 8});
  plane.add(Op::Conv, {plane.add(Op::Unsqueeze, {plane.x(), plane.ints({0})}), plane.random({4, 3, 3, 3})});
  const Error error = errorOf(plane, {3, 8, 8});
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_EQ(error.where(), "input 'x'");
  EXPECT_THAT(error.got(), HasSubstr("3×8×8 has no batch axis: node 'Unsqueeze0'"));
  EXPECT_EQ(error.expected(), "N×3×8×8");
  EXPECT_THAT(error.hint(), HasSubstr("N×C×H×W"));
  EXPECT_THAT(error.what(), Not(HasSubstr("--batch")));
  Build row({12});
  row.add(Op::Gemm, {row.add(Op::Unsqueeze, {row.x(), row.ints({0})}), row.random({12, 4})});
  EXPECT_THAT(errorOf(row, {12}).got(), HasSubstr("12 has no batch axis"));
}

TEST(PassErrors, SaysHowToExportWhatMixesAFixedBatch) {
  Build b({4, 3, 8, 8});
  b.add(Op::Sub, {b.x(), b.add(Op::ReduceMean, {b.x()}, {{"axes", Ints{0}}})});
  const Error error = errorOf(b, {4, 3, 8, 8});
  EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
  EXPECT_EQ(error.got(), "mixes the images of a batch");
  EXPECT_THAT(error.hint(), HasSubstr("1×3×8×8"));
}

TEST(PassErrors, OnlyOptionalPassesCanBeLeftOut) {
  Build b(kInput);
  b.add(Op::Relu, {b.x()});
  SpecialiseOptions options;
  options.inputShape = kInput;
  for (const char* name : {"fold-constants", "no-such-pass"}) {
    options.disabled = {name};
    const Error error = errorOf(b.graph, options);
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("merge-pads"));
  }
}

}  // namespace
}  // namespace relprop::test
