// Quantised networks come out as the real numbers that they stand for: `canonical` compares what the graph computes
// after each pass with the integers of the standard's definitions.
#include <gmock/gmock.h>

#include "relprop/error.h"
#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Shape kPicture{1, 3, 6, 6};
const Attributes kUnsigned{{"low", 0.0f}, {"high", 255.0f}}, kSigned{{"low", -128.0f}, {"high", 127.0f}};

struct Grid {
  ValueId scale, zero;
};

Grid grid(Build& b, float scale, std::int64_t zero) {
  return {b.floats({}, {scale}), b.ints({zero}, true)};
}

ValueId quantize(Build& b, ValueId x, const Grid& g, const Attributes& range = kUnsigned) {
  return b.add(Op::QuantizeLinear, {x, g.scale, g.zero}, range);
}

ValueId dequantize(Build& b, ValueId q, const Grid& g) {
  return b.add(Op::DequantizeLinear, {q, g.scale, g.zero});
}

ValueId both(Build& b, ValueId x, const Grid& g, const Attributes& range = kUnsigned) {
  return dequantize(b, quantize(b, x, g, range), g);
}

// Weights of four channels, each with a scale of its own.
ValueId weights(Build& b, std::int64_t channels = 4) {
  Constant integers{DType::Int64, {channels, 3, 3, 3}, nullptr, nullptr};
  Ints values;
  for (std::int64_t i = 0; i < channels * 27; ++i) values.push_back(i * 37 % 255 - 127);
  integers.ints = std::make_shared<const Ints>(values);
  std::vector<float> scales;
  for (std::int64_t i = 0; i < channels; ++i) scales.push_back(0.002f + 0.0005f * static_cast<float>(i));
  const ValueId w = b.graph.addConstant("w", integers);
  return b.add(Op::DequantizeLinear,
               {w, b.floats({channels}, scales), b.ints(Ints(static_cast<std::size_t>(channels)))},
               {{"axis", std::int64_t{0}}});
}

std::vector<std::string> warningsOf(const Build& b, const Shape& input) {
  SpecialiseOptions options;
  options.inputShape = input;
  return specialise(b.graph, options).warnings;
}

void expectRefused(const Build& b, ErrorCode code, const std::string& what, const Shape& input = kPicture) {
  SpecialiseOptions options;
  options.inputShape = input;
  try {
    specialise(b.graph, options);
    ADD_FAILURE() << "not refused";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(what));
  }
}

TEST(Dequantise, ValuesAreRoundedAndWeightsAreFolded) {
  Build b(kPicture);
  const ValueId x = both(b, b.x(), grid(b, 0.01f, 100));
  both(b, b.add(Op::Conv, {x, weights(b)}), grid(b, 0.02f, 120));
  const Graph g = canonical(b, kPicture);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::FakeQuantize, Op::Conv, Op::FakeQuantize));
  EXPECT_EQ(g.nodes[0].floatAttr("scale", 0), 0.01f);
  EXPECT_EQ(g.nodes[0].floatAttr("zero_point", 0), 100);
  EXPECT_EQ(g.nodes[0].floatAttr("high", 0), 255);
}

TEST(Dequantise, AClampAtZeroBehindALayerIsTheRelu) {
  for (const auto& [range, zero] : {std::pair(kUnsigned, 0), std::pair(kSigned, -128)}) {
    Build b(kPicture);
    const ValueId y = both(b, b.add(Op::Conv, {b.x(), weights(b)}), grid(b, 0.01f, zero), range);
    both(b, b.add(Op::MaxPool, {y}, {{"kernel_shape", Ints{2, 2}}}), grid(b, 0.01f, zero), range);
    EXPECT_THAT(opsOf(canonical(b, kPicture)),
                ElementsAre(Op::Conv, Op::Relu, Op::FakeQuantize, Op::MaxPool, Op::FakeQuantize));
  }
}

TEST(Dequantise, ThePictureIsNoActivation) {
  Build b(kPicture);
  b.add(Op::Conv, {both(b, b.x(), grid(b, 0.01f, 0)), weights(b)});
  EXPECT_THAT(opsOf(canonical(b, kPicture)), ElementsAre(Op::FakeQuantize, Op::Conv));
}

TEST(Dequantise, IntegersMayMoveInBetween) {
  Build b(kPicture);
  const Grid g = grid(b, 0.01f, 100);
  ValueId q = quantize(b, b.x(), g);
  q = b.add(Op::MaxPool, {q}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const ValueId turned = b.add(Op::Transpose, {q}, {{"perm", Ints{0, 1, 3, 2}}});
  q = b.add(Op::Concat, {q, turned}, {{"axis", std::int64_t{1}}});
  q = b.add(Op::Pad, {q, b.ints({0, 0, 1, 0, 0, 0, 0, 1})});
  dequantize(b, b.add(Op::Flatten, {q}), g);
  const Graph graph = canonical(b, kPicture);
  EXPECT_THAT(opsOf(graph), Contains(Op::FakeQuantize).Times(1));
  for (const Node& n : graph.nodes)
    if (n.op == Op::Pad) EXPECT_FLOAT_EQ(n.floatAttr("value", 0), -1.0f) << "the integer 0";
}

TEST(Dequantise, IntegersReadOtherwiseAreRescaled) {
  for (const auto& [scale, zero] : {std::pair(0.02f, 100), std::pair(0.01f, 90), std::pair(0.03f, 50)}) {
    Build b(kPicture);
    dequantize(b, quantize(b, b.x(), grid(b, 0.01f, 100)), grid(b, scale, zero));
    canonical(b, kPicture);
  }
  Build number(kPicture);
  number.add(Op::Cast, {quantize(number, number.x(), grid(number, 0.01f, 100))}, {{"to", std::int64_t{1}}});
  EXPECT_THAT(opsOf(canonical(number, kPicture)), ElementsAre(Op::FakeQuantize, Op::Mul, Op::Add));
}

TEST(Dequantise, APictureMayBeIntegersAlready) {
  Build b(kPicture);
  b.graph.value(b.x()).dtype = DType::Int64;
  b.add(Op::Conv, {dequantize(b, b.x(), grid(b, 0.01f, 100)), weights(b)});
  EXPECT_THAT(opsOf(canonical(b, kPicture)), Contains(Op::Conv).Times(1));
  EXPECT_THAT(warningsOf(b, kPicture), Contains(HasSubstr("holds integers in the model; floats are taken")));
}

TEST(Dequantise, ChannelsOfAValueMayHaveTheirOwnScales) {
  Build b(kPicture);
  const Grid g{b.floats({3}, {0.01f, 0.02f, 0.005f}), b.ints({128, 128, 128})};
  Attributes range = kUnsigned;
  range["axis"] = std::int64_t{1};
  const ValueId q = b.add(Op::QuantizeLinear, {b.x(), g.scale, g.zero}, range);
  b.add(Op::DequantizeLinear, {q, g.scale, g.zero}, {{"axis", std::int64_t{1}}});
  EXPECT_THAT(opsOf(canonical(b, kPicture)), ElementsAre(Op::Div, Op::FakeQuantize, Op::Mul));
}

TEST(Dequantise, ChannelsAreRoundedByTheirQuotientsToTheLastBit) {
  Build b({1, 2, 1, 3});
  const Grid g{b.floats({2}, {7, 14}), b.ints({128, 128})};
  Attributes range = kUnsigned;
  range["axis"] = std::int64_t{1};
  const ValueId q = b.add(Op::QuantizeLinear, {b.x(), g.scale, g.zero}, range);
  b.add(Op::DequantizeLinear, {q, g.scale, g.zero}, {{"axis", std::int64_t{1}}});
  const Graph canonical = specialise(b.graph, {.inputShape = {1, 2, 1, 3}, .disabled = {}}).graph;
  // 98.5, −96.5 and 1, and halves of them: a product with 1/7 makes 98.50001 of the first.
  const std::vector<double> values{689.5, -675.5, 7, 689.5, -675.5, 7};
  EXPECT_THAT(runGraph(canonical, {{1, 2, 1, 3}, values}).data, ElementsAre(98 * 7, -96 * 7, 7, 49 * 14, -48 * 14, 0));
}

TEST(Dequantise, WeightsMayHaveScalesByBlock) {
  Build b({1, 6});
  Constant integers{DType::Int64, {6, 4}, nullptr, nullptr};
  Ints values(24);
  for (std::size_t i = 0; i < 24; ++i) values[i] = static_cast<std::int64_t>(i % 16) - 8;
  integers.ints = std::make_shared<const Ints>(values);
  const ValueId scales = b.random({2, 4}, 0.1f, 1), w = b.graph.addConstant("w", integers);
  const Attributes blocks{{"axis", std::int64_t{0}}, {"block_size", std::int64_t{4}}};
  b.add(Op::MatMul, {b.x(), b.add(Op::DequantizeLinear, {w, scales}, blocks)});
  const Graph g = canonical(b, {1, 6});
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Dense));
  const std::vector<float>& dense = *g.value(g.nodes[0].inputs[1]).constant->floats;  // output by input
  const std::vector<float>& s = *b.graph.value(scales).constant->floats;
  EXPECT_FLOAT_EQ(dense[1 * 6 + 3], static_cast<float>(values[3 * 4 + 1]) * s[1]);
  EXPECT_FLOAT_EQ(dense[1 * 6 + 4], static_cast<float>(values[4 * 4 + 1]) * s[4 + 1]) << "the second, shorter block";
}

// What MatMulInteger stands for, as the importer writes it.
ValueId integerProduct(Build& b, ValueId q, ValueId zero, ValueId w) {
  const ValueId one = b.floats({}, {1.0f});
  return b.add(Op::MatMul, {b.add(Op::DequantizeLinear, {q, one, zero}), w});
}

// Outside of the picture the node fills in the integer 3.7 without its fraction, which stands for (3 − 10)·0.1.
TEST(Dequantise, WhatLiesOutsideOfAResizeIsAnInteger) {
  Build b({1, 1, 1, 2});
  const Grid g = grid(b, 0.1f, 10);
  const ValueId region = b.floats({8}, {0, 0, 0, 0, 1, 1, 1, 2});
  const ValueId sizes = b.ints({1, 1, 1, 3});
  const ValueId q = b.add(Op::Resize, {quantize(b, b.x(), g), region, kNoValue, sizes},
                          {{"mode", std::string("nearest")},
                           {"coordinate_transformation_mode", std::string("tf_crop_and_resize")},
                           {"extrapolation_value", 3.7f}});
  dequantize(b, q, g);
  const Graph graph = specialise(b.graph, {.inputShape = {1, 1, 1, 2}, .disabled = {}}).graph;
  const Array y = runGraph(graph, {{1, 1, 1, 2}, {0.5, 0.25}});
  ASSERT_EQ(y.data.size(), 3u);
  EXPECT_NEAR(y.data[0], 0.5, 1e-6);
  EXPECT_NEAR(y.data[1], 0.2, 1e-6);
  EXPECT_NEAR(y.data[2], -0.7, 1e-6);
}

TEST(Dequantise, RefusesToFillAResizeOfADynamicScale) {
  Build b({1, 1, 1, 2});
  const ValueId q = b.add(Op::DynamicQuantizeLinear, {b.x()}, {}, 3);
  const ValueId region = b.floats({8}, {0, 0, 0, 0, 1, 1, 1, 2});
  const ValueId r =
      b.add(Op::Resize, {q, region, kNoValue, b.ints({1, 1, 1, 3})},
            {{"mode", std::string("nearest")}, {"coordinate_transformation_mode", std::string("tf_crop_and_resize")}});
  b.add(Op::DequantizeLinear, {r, q + 1, q + 2});
  expectRefused(b, ErrorCode::UnsupportedModel, "arithmetic on quantised integers themselves", {1, 1, 1, 2});
}

TEST(Dequantise, ADynamicScaleGoesWhereItIsMultiplied) {
  Build b({1, 6});
  const ValueId q = b.add(Op::DynamicQuantizeLinear, {b.x()}, {}, 3);
  const ValueId product = integerProduct(b, q, q + 2, b.random({6, 4}, -9, 9));
  const ValueId numbers = b.add(Op::Cast, {product}, {{"to", std::int64_t{1}}});
  const ValueId scale = b.add(Op::Mul, {q + 1, b.floats({4}, {0.1f, 0.2f, 0.3f, 0.4f})});
  b.add(Op::Add, {b.add(Op::Mul, {numbers, scale}), b.random({4})});
  EXPECT_THAT(opsOf(canonical(b, {1, 6})), ElementsAre(Op::DynamicFakeQuantize, Op::Dense));
}

TEST(Dequantise, FactorsOfADynamicScaleMayComeOneByOne) {
  Build b({1, 6});
  const ValueId q = b.add(Op::DynamicQuantizeLinear, {b.x()}, {}, 3);
  const ValueId product = integerProduct(b, q, q + 2, b.random({6, 4}, -9, 9));
  const ValueId half = b.add(Op::Mul, {product, b.floats({}, {0.5f})});
  b.add(Op::Mul, {q + 1, b.add(Op::Reshape, {half, b.ints({1, 2, 2})})});
  EXPECT_THAT(opsOf(canonical(b, {1, 6})), Contains(Op::DynamicFakeQuantize));
}

TEST(Dequantise, ImagesOfABatchHaveDynamicScalesOfTheirOwn) {
  Build b({-1, 6});
  const ValueId q = b.add(Op::DynamicQuantizeLinear, {b.x()}, {}, 3);
  b.add(Op::DequantizeLinear, {q, q + 1, q + 2});
  EXPECT_THAT(warningsOf(b, {2, 6}), Contains(HasSubstr("each image has scales of its own")));
  EXPECT_THAT(warningsOf(b, {1, 6}), Not(Contains(HasSubstr("scales"))));
}

TEST(Dequantise, IntegersAsOutputAreSaidToBeTakenAsNumbers) {
  Build b(kPicture);
  quantize(b, b.x(), grid(b, 0.01f, 100));
  EXPECT_THAT(warningsOf(b, kPicture), Contains(HasSubstr("holds integers in the model")));
}

TEST(Dequantise, RefusesWhatIntegersThemselvesAreUsedFor) {
  Build sum(kPicture);
  const ValueId q = quantize(sum, sum.x(), grid(sum, 0.01f, 100));
  sum.add(Op::Add, {q, q});
  expectRefused(sum, ErrorCode::UnsupportedModel, "arithmetic on quantised integers themselves");
  Build mixed(kPicture);
  const ValueId a = quantize(mixed, mixed.x(), grid(mixed, 0.01f, 100));
  mixed.add(Op::Concat, {a, quantize(mixed, mixed.x(), grid(mixed, 0.02f, 100))}, {{"axis", std::int64_t{1}}});
  expectRefused(mixed, ErrorCode::UnsupportedModel, "arithmetic on quantised integers themselves");
}

TEST(Dequantise, RefusesADynamicScaleThatIsUsedOtherwise) {
  Build sum({1, 6});
  const ValueId q = sum.add(Op::DynamicQuantizeLinear, {sum.x()}, {}, 3);
  sum.add(Op::Add, {q + 1, sum.x()});
  expectRefused(sum, ErrorCode::UnsupportedModel, "used for something else", {1, 6});
  Build forgotten({1, 6});
  const ValueId p = forgotten.add(Op::DynamicQuantizeLinear, {forgotten.x()}, {}, 3);
  integerProduct(forgotten, p, p + 2, forgotten.random({6, 4}));
  expectRefused(forgotten, ErrorCode::UnsupportedModel, "a scale known at run time only", {1, 6});
  Build twice({1, 6});
  const ValueId r = twice.add(Op::DynamicQuantizeLinear, {twice.x()}, {}, 3);
  const ValueId once = twice.add(Op::Mul, {integerProduct(twice, r, r + 2, twice.random({6, 4})), r + 1});
  twice.add(Op::Mul, {once, r + 1});
  expectRefused(twice, ErrorCode::UnsupportedModel, "used for something else", {1, 6});
}

// Each product of a value with itself lacks twice as many scales: 60 of them would be 2^60.
TEST(Dequantise, RefusesProductsWithScalesWithoutEnd) {
  Build missing({1, 6});
  const ValueId q = missing.add(Op::DynamicQuantizeLinear, {missing.x()}, {}, 3);
  ValueId product = integerProduct(missing, q, q + 2, missing.random({6, 4}));
  for (int i = 0; i < 60; ++i) product = missing.add(Op::Mul, {product, product});
  expectRefused(missing, ErrorCode::UnsupportedModel,
                "a product with 128 scales known at run time (expected 64 at most)", {1, 6});
  Build factors({1, 6});
  const ValueId p = factors.add(Op::DynamicQuantizeLinear, {factors.x()}, {}, 3);
  const ValueId integers = integerProduct(factors, p, p + 2, factors.random({6, 4}));
  ValueId scale = p + 1;
  for (int i = 0; i < 60; ++i) scale = factors.add(Op::Mul, {scale, scale});
  factors.add(Op::Mul, {integers, scale});
  expectRefused(factors, ErrorCode::UnsupportedModel,
                "a product with 128 scales known at run time (expected 64 at most)", {1, 6});
}

TEST(Dequantise, RefusesScalesAndZeroPointsThatDoNotFit) {
  Build negative(kPicture);
  quantize(negative, negative.x(), grid(negative, -0.01f, 100));
  expectRefused(negative, ErrorCode::MalformedModel, "scale -0.01");
  Build outside(kPicture);
  quantize(outside, outside.x(), grid(outside, 0.01f, 300));
  expectRefused(outside, ErrorCode::MalformedModel, "zero point 300");
  Build many(kPicture);
  quantize(many, many.x(), {many.random({5}, 1, 2), many.ints({0}, true)});
  expectRefused(many, ErrorCode::ShapeMismatch, "of shape 5 (expected one, or 3)");
  Build run(kPicture);
  quantize(run, run.x(), {run.add(Op::ReduceMean, {run.x()}), run.ints({0}, true)});
  expectRefused(run, ErrorCode::UnsupportedModel, "a scale computed at run time");
}

}  // namespace
}  // namespace relprop::test
