// What exporters write for attention networks: functions taken apart, and the batch behind other axes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "passes/passes.h"
#include "relprop/error.h"
#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool batchFirst(const Graph& g, std::int64_t batch) {
  return std::all_of(g.nodes.begin(), g.nodes.end(),
                     [&](const Node& n) { return g.value(n.outputs[0]).shape.at(0) == batch; });
}

std::string refusal(const Build& build, const Shape& inputShape) {
  SpecialiseOptions options;
  options.inputShape = inputShape;
  try {
    specialise(build.graph, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel);
    return error.what();
  }
  return "nothing was thrown";
}

const Shape kTokens{2, 5, 12};

// ---- LayerNormalization
struct NormForm {
  bool squareByMul = false, rootByPow = false, epsilonFirst = false, subTwice = false, scale = true, bias = true;
};

ValueId decomposedNorm(Build& b, ValueId x, const NormForm& f, const Ints& axes, const Shape& parameters) {
  const auto mean = [&](ValueId of) { return b.add(Op::ReduceMean, {of}, {{"axes", axes}}); };
  const ValueId centred = b.add(Op::Sub, {x, mean(x)});
  const ValueId other = f.subTwice ? b.add(Op::Sub, {x, mean(x)}) : centred;
  const ValueId square = f.squareByMul ? b.add(Op::Mul, {other, other}) : b.add(Op::Pow, {other, b.floats({}, {2.0f})});
  const ValueId epsilon = b.floats({}, {1e-3f}), variance = mean(square);
  const ValueId sum = f.epsilonFirst ? b.add(Op::Add, {epsilon, variance}) : b.add(Op::Add, {variance, epsilon});
  const ValueId root = f.rootByPow ? b.add(Op::Pow, {sum, b.floats({}, {0.5f})}) : b.add(Op::Sqrt, {sum});
  ValueId y = b.add(Op::Div, {centred, root});
  if (f.scale) y = b.add(Op::Mul, {y, b.random(parameters, 0.5f, 2)});
  if (f.bias) y = b.add(Op::Add, {b.random(parameters), y});
  return y;
}

TEST(FuseNormalization, EveryFormOfIt) {
  for (int bits = 0; bits < 64; ++bits) {
    const auto bit = [&](int k) { return (bits >> k & 1) != 0; };
    const NormForm form{bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)};
    Build b(kTokens);
    decomposedNorm(b, b.x(), form, {-1}, {12});
    const Graph g = canonical(b, kTokens);
    ASSERT_THAT(opsOf(g), ElementsAre(Op::LayerNormalization)) << bits;
    EXPECT_EQ(g.nodes[0].intAttr("axis", 0), 2);
    EXPECT_EQ(g.nodes[0].floatAttr("epsilon", 0), 1e-3f);
    EXPECT_EQ(g.value(g.nodes[0].inputs[1]).shape, (Shape{12}));
    EXPECT_EQ(g.value(g.nodes[0].inputs[2]).shape, (Shape{12}));
  }
}

TEST(FuseNormalization, OverTwoAxesWithParametersOfOne) {
  Build b(kTokens);
  decomposedNorm(b, b.x(), {}, {1, 2}, {1, 12});
  const Graph g = canonical(b, kTokens);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::LayerNormalization));
  EXPECT_EQ(g.value(g.nodes[0].inputs[1]).shape, (Shape{5, 12}));
}

TEST(FuseNormalization, LeavesWhatIsAnotherFormula) {
  Build middle(kTokens);  // over an axis that is not the last
  decomposedNorm(middle, middle.x(), {}, {1}, {5, 1});
  Build batch(kTokens);
  const ValueId half = batch.add(Op::Mul, {batch.x(), batch.floats({}, {0.5f})});
  const ValueId centred = batch.add(Op::Sub, {half, batch.add(Op::ReduceMean, {batch.x()}, {{"axes", Ints{-1}}})});
  const ValueId square = batch.add(Op::Mul, {centred, centred});
  const ValueId variance = batch.add(Op::ReduceMean, {square}, {{"axes", Ints{-1}}});
  batch.add(Op::Div, {centred, batch.add(Op::Sqrt, {batch.add(Op::Add, {variance, batch.floats({}, {1.0f})})})});
  for (const Build* b : {&middle, &batch}) {
    const std::vector<Op> ops = opsOf(canonical(*b, kTokens));
    EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::LayerNormalization), 0);
    EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Div), 1);
  }
}

TEST(FuseNormalization, ParametersThatOthersReadToo) {
  Build b(kTokens);
  const ValueId y = decomposedNorm(b, b.x(), {.scale = false, .bias = false}, {-1}, {12});
  const ValueId scaled = b.add(Op::Mul, {y, b.random({12})});
  b.add(Op::Add, {scaled, y});
  EXPECT_THAT(opsOf(canonical(b, kTokens)), ElementsAre(Op::LayerNormalization, Op::Mul, Op::Add));
}

TEST(CanonicalNormalization, WritesOutAxisAndBias) {
  Build b(kTokens);
  b.add(Op::LayerNormalization, {b.x(), b.random({12})});
  const Graph g = canonical(b, kTokens);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::LayerNormalization));
  EXPECT_EQ(g.nodes[0].intAttr("axis", 0), 2);
  EXPECT_EQ(g.nodes[0].inputs.size(), 3u);
  Build bare(kTokens);
  bare.add(Op::LayerNormalization, {bare.x(), bare.floats({1}, {2.0f})}, {{"axis", std::int64_t{-2}}});
  EXPECT_EQ(canonical(bare, kTokens).nodes[0].intAttr("axis", 0), 1);
}

TEST(CanonicalNormalization, RefusesWhatItCannotBe) {
  Build b(kTokens);
  b.add(Op::LayerNormalization, {b.x(), b.random({2, 5, 12})}, {{"axis", std::int64_t{0}}});
  EXPECT_THAT(refusal(b, kTokens), HasSubstr("a mean over the batch"));
}

TEST(CanonicalNormalization, ComputedParametersAreArithmeticBehindIt) {
  Build b({1, 12});
  const ValueId scale = b.add(Op::Reshape, {b.add(Op::Relu, {b.x()}), b.ints({12})});
  b.add(Op::LayerNormalization, {b.x(), scale}, {{"axis", std::int64_t{1}}});
  const std::vector<Op> ops = opsOf(canonical(b, {1, 12}));  // canonical() compares the outputs
  EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::LayerNormalization), 1);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Mul), 1);
}

// ---- Gelu
TEST(FuseGelu, EveryOrderOfItsFactors) {
  for (int order = 0; order < 4; ++order)
    for (const bool divide : {false, true}) {
      Build b(kTokens);
      const ValueId x = b.add(Op::Tanh, {b.x()}), half = b.floats({}, {0.5f});
      const ValueId inner =
          divide ? b.add(Op::Div, {x, b.floats({1}, {1.41421356f})}) : b.add(Op::Mul, {b.floats({}, {0.70710678f}), x});
      const ValueId gate = b.add(Op::Add, {b.floats({}, {1.0f}), b.add(Op::Erf, {inner})});
      if (order == 0) b.add(Op::Mul, {b.add(Op::Mul, {x, gate}), half});
      if (order == 1) b.add(Op::Mul, {b.add(Op::Mul, {half, x}), gate});
      if (order == 2) b.add(Op::Mul, {x, b.add(Op::Mul, {gate, half})});
      if (order == 3) b.add(Op::Mul, {b.add(Op::Mul, {gate, half}), x});
      const Graph g = canonical(b, kTokens);
      EXPECT_THAT(opsOf(g), ElementsAre(Op::Tanh, Op::Gelu)) << order;
      EXPECT_EQ(g.nodes[1].stringAttr("approximate", ""), "none");
    }
}

TEST(FuseGelu, LeavesWhatIsAnotherFormula) {
  Build b(kTokens);  // the factor is another value than the error function's argument
  const ValueId x = b.add(Op::Tanh, {b.x()});
  const ValueId gate =
      b.add(Op::Add, {b.add(Op::Erf, {b.add(Op::Div, {x, b.floats({}, {1.41421356f})})}), b.floats({}, {1})});
  b.add(Op::Mul, {b.add(Op::Mul, {b.x(), gate}), b.floats({}, {0.5f})});
  const std::vector<Op> ops = opsOf(canonical(b, kTokens));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Gelu), 0);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Erf), 1);
}

// ---- Pow, Mish, Expand
TEST(CanonicalFunctions, PowersAreArithmetic) {
  for (const float exponent : {-3.0f, -2.0f, -1.0f, -0.5f, 0.5f, 1.0f, 2.0f, 3.0f}) {
    Build b(kTokens);
    b.add(Op::Pow, {b.add(Op::Sigmoid, {b.x()}), b.floats({}, {exponent})});
    const std::vector<Op> ops = opsOf(canonical(b, kTokens));
    EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Pow), 0) << exponent;
    EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Div), exponent < 0) << exponent;
  }
  Build odd(kTokens);
  odd.add(Op::Pow, {odd.add(Op::Sigmoid, {odd.x()}), odd.floats({}, {1.7f})});
  EXPECT_THAT(opsOf(canonical(odd, kTokens)), ElementsAre(Op::Sigmoid, Op::Pow));
  Build exponent(kTokens);
  exponent.add(Op::Pow, {exponent.floats({}, {1.7f}), exponent.x()});
  EXPECT_THAT(opsOf(canonical(exponent, kTokens)), ElementsAre(Op::Mul, Op::Exp));
  Build negative(kTokens);
  negative.add(Op::Pow, {negative.floats({}, {-1.7f}), negative.x()});
  EXPECT_THAT(refusal(negative, kTokens), HasSubstr("an exponent computed at run time"));
}

TEST(CanonicalFunctions, MishIsAProductWithItsGate) {
  Build b(kTokens);
  b.add(Op::Mish, {b.x()});
  EXPECT_THAT(opsOf(canonical(b, kTokens)), ElementsAre(Op::Softplus, Op::Tanh, Op::Mul));
}

TEST(CanonicalFunctions, ExpandIsASumWithZeros) {
  Build b({2, 5, 1});
  b.add(Op::Expand, {b.x(), b.ints({2, 1, 3})});
  const Graph g = canonical(b, {2, 5, 1});
  EXPECT_THAT(opsOf(g), ElementsAre(Op::Add));
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 5, 3}));
  Build same({2, 5, 1});
  same.add(Op::Relu, {same.add(Op::Expand, {same.x(), same.ints({1, 1})})});
  EXPECT_THAT(opsOf(canonical(same, {2, 5, 1})), ElementsAre(Op::Relu));
}

// The class token of a vision transformer, as exporters compute the shape it is expanded to.
TEST(FoldConstants, ExpandsAClassTokenToTheBatch) {
  Build b({-1, 5, 12});
  const ValueId batch = b.add(Op::Gather, {b.add(Op::Shape, {b.x()}), b.ints({0})}, {{"axis", std::int64_t{0}}});
  const ValueId wanted = b.add(Op::Concat, {batch, b.ints({-1, -1})}, {{"axis", std::int64_t{0}}});
  const ValueId ones = b.add(Op::ConstantOfShape, {b.add(Op::Shape, {wanted})},
                             {{"value", Constant{DType::Int64, {1}, nullptr, std::make_shared<const Ints>(Ints{1})}}});
  const ValueId isFree = b.add(Op::Equal, {wanted, b.add(Op::Mul, {ones, b.ints({-1}, true)})});
  const ValueId shape = b.add(Op::Where, {isFree, ones, wanted});
  const ValueId token = b.add(Op::Expand, {b.random({1, 1, 12}), shape});
  b.add(Op::Concat, {token, b.x()}, {{"axis", std::int64_t{1}}});
  const Graph g = canonical(b, kTokens);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Concat));
  EXPECT_EQ(g.value(g.nodes[0].inputs[0]).shape, (Shape{2, 1, 12}));
}

TEST(Constants, ThatDifferBetweenImagesAreRefused) {
  Build sum(kTokens);
  sum.add(Op::Add, {sum.x(), sum.random({2, 1, 12})});
  EXPECT_THAT(refusal(sum, kTokens), HasSubstr("differs between the images"));
  Build list(kTokens);
  list.add(Op::Concat, {list.x(), list.random({2, 1, 12})}, {{"axis", std::int64_t{1}}});
  EXPECT_THAT(refusal(list, kTokens), HasSubstr("differs between the images"));
  Build gemm({2, 5});
  gemm.add(Op::Gemm, {gemm.x(), gemm.random({5, 4}), gemm.random({2, 4})});
  EXPECT_THAT(refusal(gemm, {2, 5}), HasSubstr("differs between the images"));
}

// ---- the batch behind other axes
struct Attention {
  std::int64_t batch, tokens, width, heads;
};

// Multi-head attention as torch exports it: the sequence in front, batch and heads as one axis.
void sequenceFirst(Build& b, const Attention& a, bool norm) {
  const std::int64_t stack = a.batch * a.heads, part = a.width / a.heads;
  const ValueId first = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{1, 0, 2}}});
  const ValueId all =
      b.add(Op::Add, {b.add(Op::MatMul, {first, b.random({a.width, 3 * a.width})}), b.random({3 * a.width})});
  const auto third = [&](std::int64_t k, const Ints& perm) {
    const ValueId cut = b.add(Op::Slice, {all, b.ints({k * a.width}), b.ints({(k + 1) * a.width}), b.ints({-1})});
    return b.add(Op::Transpose, {b.add(Op::Reshape, {cut, b.ints({a.tokens, stack, part})})}, {{"perm", perm}});
  };
  const ValueId q = b.add(Op::Div, {third(0, {1, 0, 2}), b.floats({}, {std::sqrt(static_cast<float>(part))})});
  const ValueId weights =
      b.add(Op::Softmax, {b.add(Op::MatMul, {q, third(1, {1, 2, 0})})}, {{"axis", std::int64_t{-1}}});
  const ValueId mixed =
      b.add(Op::Transpose, {b.add(Op::MatMul, {weights, third(2, {1, 0, 2})})}, {{"perm", Ints{1, 0, 2}}});
  const ValueId flat = b.add(Op::Reshape, {mixed, b.ints({a.tokens * a.batch, a.width})});
  const ValueId out =
      b.add(Op::Gemm, {flat, b.random({a.width, a.width}), b.random({a.width})}, {{"transB", std::int64_t{1}}});
  ValueId y = b.add(Op::Reshape, {out, b.ints({a.tokens, a.batch, a.width})});
  if (norm) y = b.add(Op::Gelu, {b.add(Op::LayerNormalization, {y, b.random({a.width})})});
  b.add(Op::Add, {b.add(Op::Transpose, {y}, {{"perm", Ints{1, 0, 2}}}), b.x()});
}

TEST(BatchFirst, AttentionWithTheSequenceInFront) {
  for (const std::int64_t batch : {1, 2, 3})
    for (const bool norm : {false, true}) {
      const Attention a{batch, 5, 12, 3};
      Build b({batch, 5, 12});
      sequenceFirst(b, a, norm);
      const Graph g = canonical(b, {batch, 5, 12});
      EXPECT_TRUE(batchFirst(g, batch)) << batch;
      const std::vector<Op> ops = opsOf(g);
      EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::MatMul), 2);
      EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::Transpose), 4) << batch;  // the heads', and no others
    }
}

// Windows of a picture as a larger batch, as shifted-window networks have them.
TEST(BatchFirst, WindowsJoinedToTheBatch) {
  for (const std::int64_t batch : {1, 2}) {
    Build b({batch, 4, 6, 8});
    const ValueId cut = b.add(Op::Reshape, {b.x(), b.ints({batch, 2, 2, 2, 3, 8})});
    const ValueId windows = b.add(Op::Transpose, {cut}, {{"perm", Ints{0, 1, 3, 2, 4, 5}}});
    const ValueId joined = b.add(Op::Reshape, {windows, b.ints({batch * 4, 6, 8})});
    const ValueId y = b.add(Op::Relu, {b.add(Op::MatMul, {joined, b.random({8, 8})})});
    const ValueId scores = b.add(Op::MatMul, {y, b.add(Op::Transpose, {joined}, {{"perm", Ints{0, 2, 1}}})});
    const ValueId mixed = b.add(Op::MatMul, {b.add(Op::Softmax, {scores}, {{"axis", std::int64_t{-1}}}), y});
    b.add(Op::Reshape, {mixed, b.ints({batch, 192})});
    EXPECT_TRUE(batchFirst(canonical(b, {batch, 4, 6, 8}), batch)) << batch;
  }
}

TEST(BatchFirst, ArithmeticSlicesAndConcatenations) {
  for (const std::int64_t batch : {1, 2}) {
    Build b({batch, 5, 12});
    const ValueId t = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{1, 0, 2}}});
    const ValueId low = b.add(Op::Slice, {t, b.ints({0}), b.ints({3}), b.ints({0})});
    const ValueId high = b.add(Op::Slice, {t, b.ints({2}), b.ints({5}), b.ints({0})});
    const ValueId sum = b.add(Op::Sub, {b.add(Op::Mul, {low, b.random({3, 1, 12})}), b.add(Op::Tanh, {high})});
    const ValueId two = b.add(Op::Concat, {sum, b.add(Op::Add, {high, b.random({12})})}, {{"axis", std::int64_t{0}}});
    b.add(Op::Transpose, {two}, {{"perm", Ints{1, 2, 0}}});
    const Graph g = canonical(b, {batch, 5, 12});
    EXPECT_TRUE(batchFirst(g, batch)) << batch;
    EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{batch, 12, 6}));
  }
}

TEST(BatchFirst, WhatMixesImagesIsRefused) {
  Build b(kTokens);
  const ValueId t = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{1, 0, 2}}});
  b.add(Op::Transpose, {b.add(Op::Softmax, {t}, {{"axis", std::int64_t{1}}})}, {{"perm", Ints{1, 0, 2}}});
  EXPECT_THAT(refusal(b, kTokens),
              HasSubstr("has no batch axis: node 'Transpose0' mixes what lies along the first one"));
}

}  // namespace
}  // namespace relprop::test
