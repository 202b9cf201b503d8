// Every op's forward pass, on both backends, against the double-precision evaluator.
#include <numeric>

#include "engine/forward_ops.h"
#include "relprop/error.h"
#include "unit/engine/support.h"
#include "unit/passes/choices.h"

namespace relprop::test {
namespace {

struct OpCase {
  std::string name;
  std::function<void(Build&)> make;
  Shape input = {2, 10, 6, 5};  // channels that fill no block
};
std::ostream& operator<<(std::ostream& out, const OpCase& c) {
  return out << c.name;
}

void conv(Build& b, ValueId x, const Shape& weights, Attributes attrs, bool bias = true) {
  std::vector<ValueId> in = {x, b.random(weights)};
  if (bias) in.push_back(b.random({weights[0]}));
  b.add(Op::Conv, in, std::move(attrs));
}

Attributes window(Ints kernel, Ints strides, Ints pads, Ints dilations = {1, 1}) {
  return {{"kernel_shape", std::move(kernel)},
          {"strides", std::move(strides)},
          {"pads", std::move(pads)},
          {"dilations", std::move(dilations)}};
}

Attributes convAttrs(Ints strides, Ints pads, Ints dilations, std::int64_t group) {
  return {{"strides", std::move(strides)},
          {"pads", std::move(pads)},
          {"dilations", std::move(dilations)},
          {"group", group}};
}

void activation(Build& b, Op op, Attributes attrs = {}) {
  const ValueId scaled = b.add(Op::Mul, {b.x(), b.floats({}, {5})});
  b.add(op, {scaled}, std::move(attrs));
}

void layerNorm(Build& b, std::int64_t axis, const Shape& normalised) {
  b.add(Op::LayerNormalization, {b.x(), b.random(normalised, 0.5f, 2), b.random(normalised)},
        {{"axis", axis}, {"epsilon", 1e-3f}});
}

// x · tanh(x)ᵀ of the last two axes.
void product(Build& b) {
  const Shape shape = b.graph.value(b.x()).shape;
  Ints perm(shape.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  b.add(Op::MatMul, {b.x(), b.add(Op::Transpose, {b.add(Op::Tanh, {b.x()})}, {{"perm", perm}})});
}

std::vector<OpCase> linearOps() {
  return {
      {"Conv",
       [](Build& b) {
         conv(b, b.x(), {17, 10, 3, 3}, convAttrs({2, 1}, {1, 0, 1, 2}, {1, 1}, 1));
       }},
      {"ConvGroups",
       [](Build& b) {
         conv(b, b.x(), {4, 5, 3, 2}, convAttrs({1, 1}, {0, 0, 0, 0}, {1, 2}, 2), false);
       }},
      {"ConvBiasImage",
       [](Build& b) {
         b.add(Op::Conv, {b.x(), b.random({9, 10, 3, 3}), b.random({9, 6, 5})},
               convAttrs({1, 1}, {1, 1, 1, 1}, {1, 1}, 1));
       }},
      {"ConvLine",
       [](Build& b) {
         conv(b, b.x(), {17, 4, 3}, {{"strides", Ints{2}}, {"pads", Ints{1, 0}}, {"dilations", Ints{2}}});
       },
       {2, 4, 11}},
      {"Dense",
       [](Build& b) {
         b.add(Op::Dense, {b.x(), b.random({7, 5}), b.random({7})});
       },
       {3, 5}},
      {"DenseNoBias",
       [](Build& b) {
         b.add(Op::Dense, {b.x(), b.random({7, 5})});
       },
       {3, 5}},
      {"DenseThreeAxes",
       [](Build& b) {
         b.add(Op::Dense, {b.x(), b.random({7, 5}), b.random({7})});
       },
       {2, 4, 5}},
      {"DenseFourAxes",
       [](Build& b) {
         b.add(Op::Dense, {b.x(), b.random({7, 5}), b.random({7})});
       },
       {2, 9, 3, 5}},
      {"MatMulStack", product, {2, 6, 5}},
      {"MatMulHeads", product, {2, 10, 6, 5}},
      {"MatMulBroadcast",
       [](Build& b) {
         const ValueId one = b.add(Op::Slice, {b.x()},
                                   {{"axes", Ints{0, 1, 2, 3}},
                                    {"starts", Ints{0, 2, 0, 0}},
                                    {"ends", Ints{2, 3, 6, 6}},
                                    {"steps", Ints{1, 1, 1, 1}}});
         b.add(Op::MatMul, {b.x(), one});
       },
       {2, 10, 6, 6}},
      {"Affine",
       [](Build& b) {
         b.add(Op::Affine, {b.x(), b.random({10}), b.random({10})});
       }},
      {"AffineVector",
       [](Build& b) {
         b.add(Op::Affine, {b.x(), b.random({10}), b.random({10})});
       },
       {2, 10}},
  };
}

std::vector<OpCase> activationAttributes() {
  return {
      {"LeakyRelu",
       [](Build& b) {
         activation(b, Op::LeakyRelu, {{"alpha", 0.3f}});
       }},
      {"PReluOne",
       [](Build& b) {
         b.add(Op::PRelu, {b.x(), b.random({1})});
       }},
      {"Elu",
       [](Build& b) {
         activation(b, Op::Elu, {{"alpha", 1.5f}});
       }},
      {"Clip",
       [](Build& b) {
         activation(b, Op::Clip, {{"min", -1.0f}, {"max", 2.0f}});
       }},
      {"ClipBelow",
       [](Build& b) {
         activation(b, Op::Clip, {{"min", 0.5f}});
       }},
      {"ClipAbove",
       [](Build& b) {
         activation(b, Op::Clip, {{"max", -0.5f}});
       }},
      {"HardSigmoid",
       [](Build& b) {
         activation(b, Op::HardSigmoid, {{"alpha", 0.25f}, {"beta", 0.4f}});
       }},
      {"GeluTanh",
       [](Build& b) {
         activation(b, Op::Gelu, {{"approximate", std::string("tanh")}});
       }},
      {"LayerNormalizationLast", [](Build& b) { layerNorm(b, 3, {5}); }},
      {"LayerNormalizationTwoAxes",
       [](Build& b) {
         layerNorm(b, 2, {6, 5});
       }},
      {"LayerNormalizationTokens", [](Build& b) { layerNorm(b, 2, {20}); }, {2, 7, 20}},
      {"LayerNormalizationVector", [](Build& b) { layerNorm(b, 1, {10}); }, {3, 10}},
      {"SoftmaxChannels",
       [](Build& b) {
         activation(b, Op::Softmax, {{"axis", std::int64_t{1}}});
       }},
      {"SoftmaxLast",
       [](Build& b) {
         activation(b, Op::Softmax, {{"axis", std::int64_t{3}}});
       }},
      {"Lrn",
       [](Build& b) {
         b.add(Op::LRN, {b.x()}, {{"size", std::int64_t{5}}, {"alpha", 0.8f}, {"beta", 0.6f}, {"bias", 1.5f}});
       }},
      {"LrnEven",
       [](Build& b) {
         b.add(Op::LRN, {b.x()}, {{"size", std::int64_t{4}}, {"alpha", 0.8f}, {"beta", 0.75f}});
       }},
  };
}

std::vector<OpCase> everyActivation() {
  std::vector<OpCase> cases;
  for (const Op op : activationOps()) cases.push_back({opName(op), [op](Build& b) { addActivation(b, op, b.x()); }});
  return cases;
}

std::vector<OpCase> poolOps() {
  return {
      {"MaxPool",
       [](Build& b) {
         b.add(Op::MaxPool, {b.x()}, window({3, 2}, {2, 2}, {1, 0, 1, 1}));
       }},
      {"MaxPoolDilated",
       [](Build& b) {
         b.add(Op::MaxPool, {b.x()}, window({2, 2}, {1, 1}, {0, 0, 0, 0}, {3, 2}));
       }},
      {"MaxPoolCeil",
       [](Build& b) {
         Attributes a = window({2, 2}, {2, 2}, {0, 0, 0, 0});
         a["ceil_mode"] = std::int64_t{1};
         b.add(Op::MaxPool, {b.x()}, a);
       }},
      {"AveragePool",
       [](Build& b) {
         b.add(Op::AveragePool, {b.x()}, window({3, 3}, {2, 1}, {1, 1, 1, 1}));
       }},
      {"AveragePoolCounted",
       [](Build& b) {
         Attributes a = window({3, 3}, {2, 2}, {1, 1, 1, 1});
         a["ceil_mode"] = a["count_include_pad"] = std::int64_t{1};
         b.add(Op::AveragePool, {b.x()}, a);
       }},
      {"MaxPoolLine",
       [](Build& b) {
         b.add(Op::MaxPool, {b.x()}, {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"pads", Ints{1, 1}}});
       },
       {2, 4, 11}},
  };
}

std::vector<OpCase> arithmeticOps() {
  std::vector<OpCase> cases;
  for (const Op op : {Op::Add, Op::Sub, Op::Mul, Op::Div}) {
    const std::string name = opName(op);
    const auto positive = [](Build& b) { return b.add(Op::Clip, {b.x()}, {{"min", 0.25f}}); };
    cases.push_back({name + "Scalar", [op](Build& b) { b.add(op, {b.x(), b.floats({}, {3})}); }});
    cases.push_back({name + "ScalarLeft", [=](Build& b) { b.add(op, {b.floats({1}, {3}), positive(b)}); }});
    cases.push_back({name + "Channel", [op](Build& b) { b.add(op, {b.x(), b.random({10, 1, 1}, 1, 2)}); }});
    cases.push_back({name + "Row", [op](Build& b) { b.add(op, {b.x(), b.random({5}, 1, 2)}); }});
    cases.push_back({name + "Image", [op](Build& b) { b.add(op, {b.x(), b.random({1, 10, 6, 5}, 1, 2)}); }});
    cases.push_back({name + "Dynamic", [=](Build& b) { b.add(op, {b.add(Op::Tanh, {b.x()}), positive(b)}); }});
    cases.push_back({name + "Gate", [op](Build& b) {
                       const ValueId mean = b.add(Op::AveragePool, {b.x()}, window({6, 5}, {1, 1}, {0, 0, 0, 0}));
                       b.add(op, {b.x(), b.add(Op::Sigmoid, {mean})});
                     }});
    cases.push_back({name + "Vector", [op](Build& b) { b.add(op, {b.x(), b.random({10}, 1, 2)}); }, {3, 10}});
  }
  return cases;
}

// Two convolutions of `a` and `b` channels, concatenated.
void concatOf(Build& b, std::int64_t a, std::int64_t c) {
  conv(b, b.x(), {a, 10, 1, 1}, {});
  const ValueId first = b.graph.outputs[0];
  conv(b, b.x(), {c, 10, 1, 1}, {});
  const ValueId second = b.graph.outputs[0];
  b.add(Op::Concat, {first, b.add(Op::Relu, {second})}, {{"axis", std::int64_t{1}}});
}

// A constant that is the same for both images.
ValueId repeated(Build& b, Shape shape) {
  std::vector<float> values = *b.graph.value(b.random(shape)).constant->floats;
  values.insert(values.end(), values.begin(), values.end());
  shape[0] = 2;
  return b.floats(shape, values);
}

std::vector<OpCase> moveOps() {
  return {
      {"ConcatWholeBlocks", [](Build& b) { concatOf(b, 16, 32); }},
      {"ConcatUnaligned", [](Build& b) { concatOf(b, 10, 3); }},
      {"ConcatThenUnaligned", [](Build& b) { concatOf(b, 16, 5); }},
      {"ConcatOfItself",
       [](Build& b) {
         b.add(Op::Concat, {b.x(), b.x()}, {{"axis", std::int64_t{1}}});
       }},
      {"ConcatConstant",
       [](Build& b) {
         b.add(Op::Concat, {repeated(b, {1, 3, 6, 5}), b.x()}, {{"axis", std::int64_t{1}}});
       }},
      {"ConcatConstantInBlocks",
       [](Build& b) {
         b.add(Op::Concat, {b.x(), repeated(b, {1, 16, 6, 5})}, {{"axis", std::int64_t{1}}});
       },
       {2, 16, 6, 5}},
      {"ConcatRows",
       [](Build& b) {
         b.add(Op::Concat, {b.x(), b.x()}, {{"axis", std::int64_t{2}}});
       }},
      {"SliceSteps",
       [](Build& b) {
         b.add(Op::Slice, {b.x()},
               {{"axes", Ints{0, 1, 2, 3}},
                {"starts", Ints{0, 1, 5, 0}},
                {"ends", Ints{2, 10, 0, 5}},
                {"steps", Ints{1, 3, -2, 1}}});
       }},
      {"Pad",
       [](Build& b) {
         b.add(Op::Pad, {b.x()}, {{"pads", Ints{0, 1, 2, 0, 0, 3, 0, 1}}, {"value", -0.5f}});
       }},
      {"Transpose",
       [](Build& b) {
         b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 3, 1, 2}}});
       }},
      {"TransposeToChannels",
       [](Build& b) {
         b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 3, 1}}});
       },
       {2, 3, 4, 9}},
  };
}

std::vector<OpCase> choicesOps() {
  std::vector<OpCase> cases;
  for (const auto& [name, make] : choicesAndGathers()) cases.push_back({name, make});
  return cases;
}

class ForwardOps : public testing::TestWithParam<OpCase> {};

TEST_P(ForwardOps, IsTheDefinition) {
  Build b(GetParam().input);
  GetParam().make(b);
  inferShapes(b.graph);
  const Array x = floatInput(GetParam().input), expected = runGraph(b.graph, x);
  for (const auto& backend : bothBackends())
    EXPECT_LT(relativeError(forwardOf(b.graph, x, *backend), expected), 2e-6) << backend->name();
}

// The last axis of a Resize as the passes leave it.
ResizeAxis resizedLine(const char* mode, const char* coordinate, std::int64_t in, std::int64_t out, float scale) {
  Build b({1, 1, in});
  const ValueId y = b.add(Op::Resize, {b.x()},
                          {{"mode", std::string(mode)},
                           {"coordinate", std::string(coordinate)},
                           {"scales", std::vector<float>{1, 1, scale}}});
  b.graph.value(y).shape = {1, 1, out}, b.graph.value(y).hasShape = true;
  return resizeAxesOf(b.graph, b.graph.nodes.back()).w;
}

// 6 · 0.17 is 1.02, and one place all the same.
TEST(Resized, ToOnePlaceIsTheFirst) {
  for (const float scale : {0.17f, 0.3f, 1.0f / 6}) {
    const ResizeAxis linear = resizedLine("linear", "pytorch_half_pixel", 6, 1, scale);
    EXPECT_EQ(linear.index, (std::vector<std::int64_t>{0, 1})) << scale;
    EXPECT_EQ(linear.weight, (std::vector<float>{1, 0})) << scale;
    EXPECT_EQ(resizedLine("nearest", "pytorch_half_pixel", 6, 1, scale).index.at(0), 0) << scale;
  }
}

// 6 · 1.3 is 7.8: place i looks at 5i / 6.8, in both modes.
TEST(Resized, AlignedCornersAreThoseOfTheScaledLength) {
  const ResizeAxis linear = resizedLine("linear", "align_corners", 6, 7, 1.3f),
                   nearest = resizedLine("nearest", "align_corners", 6, 7, 1.3f);
  const std::vector<std::int64_t> pixels{0, 1, 1, 2, 3, 4, 4};
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double place = static_cast<double>(linear.index[2 * i]) + static_cast<double>(linear.weight[2 * i + 1]);
    EXPECT_NEAR(place, 5.0 * static_cast<double>(i) / 6.8, 1e-6) << i;
    EXPECT_EQ(nearest.index[i], pixels[i]) << i;
  }
}

const auto kName = [](const testing::TestParamInfo<OpCase>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Linear, ForwardOps, testing::ValuesIn(linearOps()), kName);
INSTANTIATE_TEST_SUITE_P(Activation, ForwardOps, testing::ValuesIn(activationAttributes()), kName);
INSTANTIATE_TEST_SUITE_P(EveryActivation, ForwardOps, testing::ValuesIn(everyActivation()), kName);
INSTANTIATE_TEST_SUITE_P(Pool, ForwardOps, testing::ValuesIn(poolOps()), kName);
INSTANTIATE_TEST_SUITE_P(Arithmetic, ForwardOps, testing::ValuesIn(arithmeticOps()), kName);
INSTANTIATE_TEST_SUITE_P(Choice, ForwardOps, testing::ValuesIn(choicesOps()), kName);
INSTANTIATE_TEST_SUITE_P(Move, ForwardOps, testing::ValuesIn(moveOps()), kName);

}  // namespace
}  // namespace relprop::test
