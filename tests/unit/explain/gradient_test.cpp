// The gradient through every op against central differences of the double-precision evaluator.
#include "unit/explain/attention_net.h"
#include "unit/passes/choices.h"

namespace relprop::test {
namespace gradient_test {

struct GradientCase {
  std::string name;
  std::function<void(Build&)> make;
  Shape input = {2, 9, 4, 3};
};
std::ostream& operator<<(std::ostream& out, const GradientCase& c) {
  return out << c.name;
}

const Doubles kSeed = {0.7, -1.1, 0.4, -0.3, 0.9, 1.3};

double scoreOf(const Graph& g, const Array& x) {
  const Array scores = runGraph(g, x);
  double total = 0;
  for (std::size_t i = 0; i < kSeed.size(); ++i) total += kSeed[i] * scores.data[i];
  return total;
}

Doubles numericGradient(const Graph& g, Array x) {
  constexpr double h = 1e-6;
  Doubles out(x.data.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double v = x.data[i];
    x.data[i] = v + h;
    const double up = scoreOf(g, x);
    x.data[i] = v - h;
    out[i] = (up - scoreOf(g, x)) / (2 * h);
    x.data[i] = v;
  }
  return out;
}

const Attributes kPool = {{"kernel_shape", Ints{2, 3}}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 1, 0, 1}}};

void scaled(Build& b, Op op, Attributes attrs = {}) {
  b.add(op, {b.add(Op::Mul, {b.x(), b.floats({}, {5})})}, std::move(attrs));
}

std::vector<GradientCase> elementwise() {
  return {{"LeakyRelu",
           [](Build& b) {
             scaled(b, Op::LeakyRelu, {{"alpha", 0.3f}});
           }},
          {"PReluImage",
           [](Build& b) {
             b.add(Op::PRelu, {b.x(), b.random({9, 4, 3})});
           }},
          {"Elu",
           [](Build& b) {
             scaled(b, Op::Elu, {{"alpha", 1.5f}});
           }},
          {"Clip",
           [](Build& b) {
             scaled(b, Op::Clip, {{"min", -2.0f}, {"max", 3.0f}});
           }},
          {"ClipBelow",
           [](Build& b) {
             scaled(b, Op::Clip, {{"min", 0.5f}});
           }},
          {"HardSigmoid",
           [](Build& b) {
             scaled(b, Op::HardSigmoid, {{"alpha", 0.25f}, {"beta", 0.4f}});
           }},
          {"GeluTanh",
           [](Build& b) {
             scaled(b, Op::Gelu, {{"approximate", std::string("tanh")}});
           }},
          {"Affine",
           [](Build& b) {
             b.add(Op::Affine, {b.x(), b.random({9}), b.random({9})});
           }},
          {"Silu",
           [](Build& b) {
             b.add(Op::Mul, {b.x(), b.add(Op::Sigmoid, {b.x()})});
           }},
          {"ChainOfActivations", [](Build& b) { b.add(Op::Tanh, {b.add(Op::Elu, {b.add(Op::Sigmoid, {b.x()})})}); }}};
}

std::vector<GradientCase> everyActivation() {
  std::vector<GradientCase> cases;
  for (const Op op : activationOps())
    if (op != Op::FakeQuantize)  // steps that count as a straight line: tests/unit/graph/op_table_test.cpp
      cases.push_back({opName(op), [op](Build& b) { addActivation(b, op, b.x()); }});
  return cases;
}

std::vector<GradientCase> windows() {
  return {{"Conv",
           [](Build& b) {
             b.add(Op::Conv, {b.x(), b.random({10, 9, 3, 2}), b.random({10})}, {{"pads", Ints{1, 1, 1, 0}}});
           }},
          {"ConvRelu",
           [](Build& b) {
             b.add(Op::Relu,
                   {b.add(Op::Conv, {b.x(), b.random({10, 9, 3, 3}), b.random({10})}, {{"pads", Ints{1, 1, 1, 1}}})});
           }},
          {"Dense",
           [](Build& b) {
             b.add(Op::Dense, {b.x(), b.random({6, 5}), b.random({6})});
           },
           {2, 4, 5}},
          {"MaxPool", [](Build& b) { b.add(Op::MaxPool, {b.x()}, kPool); }},
          {"AveragePool", [](Build& b) { b.add(Op::AveragePool, {b.x()}, kPool); }},
          {"AveragePoolCounted",
           [](Build& b) {
             Attributes a = kPool;
             a["count_include_pad"] = std::int64_t{1};
             b.add(Op::AveragePool, {b.x()}, a);
           }},
          {"Lrn",
           [](Build& b) {
             b.add(Op::LRN, {b.x()}, {{"size", std::int64_t{3}}, {"alpha", 0.8f}, {"beta", 0.6f}});
           }},
          {"LrnEven",
           [](Build& b) {
             b.add(Op::LRN, {b.x()}, {{"size", std::int64_t{4}}, {"alpha", 0.8f}, {"beta", 0.75f}});
           }},
          {"SoftmaxInside",
           [](Build& b) {
             scaled(b, Op::Softmax, {{"axis", std::int64_t{1}}});
           }},
          {"SoftmaxLastAxis", [](Build& b) {
             scaled(b, Op::Softmax, {{"axis", std::int64_t{3}}});
           }}};
}

std::vector<GradientCase> twoOperands() {
  std::vector<GradientCase> cases;
  for (const Op op : {Op::Add, Op::Sub, Op::Mul, Op::Div}) {
    const std::string name = opName(op);
    const auto away = [](Build& b) { return b.add(Op::Add, {b.add(Op::Sigmoid, {b.x()}), b.floats({}, {0.5f})}); };
    cases.push_back({name + "Dynamic", [=](Build& b) { b.add(op, {b.add(Op::Tanh, {b.x()}), away(b)}); }});
    cases.push_back({name + "Channel", [op](Build& b) { b.add(op, {b.x(), b.random({9, 1, 1}, 1, 2)}); }});
    cases.push_back({name + "Row", [op](Build& b) { b.add(op, {b.x(), b.random({3}, 1, 2)}); }});
    cases.push_back({name + "ConstantFirst", [=](Build& b) { b.add(op, {b.random({9, 1, 1}, 1, 2), away(b)}); }});
    for (const bool left : {false, true})
      cases.push_back({name + (left ? "BroadcastLeft" : "BroadcastRight"), [=](Build& b) {
                         const ValueId x = away(b);
                         const ValueId mean = b.add(Op::AveragePool, {x}, {{"kernel_shape", Ints{4, 3}}});
                         b.add(op, left ? std::vector<ValueId>{mean, x} : std::vector<ValueId>{x, mean});
                       }});
    cases.push_back({name + "BroadcastByConstant", [=](Build& b) {
                       const ValueId mean = b.add(Op::AveragePool, {b.x()}, {{"kernel_shape", Ints{4, 3}}});
                       b.add(op, {mean, b.random({9, 2, 2}, 1, 2)});
                     }});
    if (op == Op::Sub || op == Op::Div) continue;  // constants: nothing to compare
    cases.push_back({name + "OfItself", [=](Build& b) {
                       const ValueId x = away(b);
                       b.add(op, {x, x});
                     }});
  }
  return cases;
}

void concat(Build& b, std::int64_t left, std::int64_t right, std::int64_t axis = 1) {
  const ValueId a = b.add(Op::Conv, {b.x(), b.random({left, 9, 1, 1})}),
                c = b.add(Op::Conv, {b.x(), b.random({right, 9, 1, 1})});
  b.add(Op::Concat, {b.add(Op::Tanh, {a}), c}, {{"axis", axis}});
}

// Canonical ones have no shape of their own: their output value says it.
void resize(Build& b, const std::string& mode, const std::string& coordinate, std::int64_t h, std::int64_t w) {
  const Shape& in = b.graph.value(b.x()).shape;
  const Shape out = {in[0], in[1], in[2] * h, in[3] * w};
  b.add(Op::Resize, {b.x()},
        {{"mode", mode},
         {"coordinate", coordinate},
         {"rounding", std::string("floor")},
         {"scales", std::vector<float>{1, 1, static_cast<float>(h), static_cast<float>(w)}}});
  b.graph.value(b.graph.outputs[0]).shape = out, b.graph.value(b.graph.outputs[0]).hasShape = true;
}

std::vector<GradientCase> moves() {
  return {{"ConcatWholeBlocks", [](Build& b) { concat(b, 16, 32); }},
          {"ConcatUnaligned", [](Build& b) { concat(b, 10, 3); }},
          {"ConcatRows", [](Build& b) { concat(b, 9, 9, 2); }},
          {"ConcatThenConv",
           [](Build& b) {
             concat(b, 16, 16);
             b.add(Op::Conv, {b.add(Op::Relu, {b.graph.outputs[0]}), b.random({8, 32, 1, 1})});
           }},
          {"Slice",
           [](Build& b) {
             b.add(Op::Slice, {b.x()},
                   {{"axes", Ints{0, 1, 2, 3}},
                    {"starts", Ints{0, 1, 3, 0}},
                    {"ends", Ints{2, 9, 0, 3}},
                    {"steps", Ints{1, 3, -2, 1}}});
           }},
          {"SlicesThatOverlap",
           [](Build& b) {
             const auto part = [&](std::int64_t from, std::int64_t to) {
               return b.add(Op::Slice, {b.x()},
                            {{"axes", Ints{0, 1, 2, 3}},
                             {"starts", Ints{0, from, 0, 0}},
                             {"ends", Ints{2, to, 4, 3}},
                             {"steps", Ints{1, 1, 1, 1}}});
             };
             const ValueId low = part(0, 6), high = part(3, 9);
             b.add(Op::Mul, {low, high});
           }},
          {"Pad",
           [](Build& b) {
             b.add(Op::Pad, {b.x()}, {{"pads", Ints{0, 1, 2, 0, 0, 3, 0, 1}}, {"value", -0.5f}});
           }},
          {"Transpose",
           [](Build& b) {
             b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 3, 1, 2}}});
           }},
          {"Reshape",
           [](Build& b) {
             b.add(Op::Sigmoid, {b.x()});
             b.add(Op::Tanh, {reshaped(b, {2, 12, 3, 3})});
           }},
          {"ResizeNearest", [](Build& b) { resize(b, "nearest", "asymmetric", 2, 3); }},
          {"TwoReaders", [](Build& b) {
             const ValueId y = b.add(Op::Conv, {b.x(), b.random({9, 9, 1, 1})});
             b.add(Op::Add, {b.add(Op::Relu, {y}), b.add(Op::Sigmoid, {y})});
           }}};
}

void layerNorm(Build& b, std::int64_t axis, const Shape& normalised) {
  b.add(Op::LayerNormalization, {b.x(), b.random(normalised, 0.5f, 2), b.random(normalised)},
        {{"axis", axis}, {"epsilon", 1e-3f}});
}

std::vector<GradientCase> attention() {
  return {{"LayerNormalizationLast", [](Build& b) { layerNorm(b, 3, {3}); }},
          {"LayerNormalizationImage",
           [](Build& b) {
             layerNorm(b, 1, {9, 4, 3});
           }},
          {"LayerNormalizationTokens", [](Build& b) { layerNorm(b, 2, {12}); }, {2, 5, 12}},
          {"MatMul",
           [](Build& b) {
             b.add(Op::MatMul, {b.x(), b.add(Op::Transpose, {b.add(Op::Tanh, {b.x()})}, {{"perm", Ints{0, 1, 3, 2}}})});
           }},
          {"MatMulOfItself",
           [](Build& b) {
             b.add(Op::MatMul, {b.x(), b.x()});
           },
           {2, 4, 4}},
          {"MatMulBroadcast",
           [](Build& b) {
             b.add(Op::MatMul, {b.add(Op::Tanh, {b.x()}), sliceOf(b, b.x(), {0, 2, 0, 0}, {2, 3, 4, 4})});
           },
           {2, 9, 4, 4}},
          {"ConcatConstant",
           [](Build& b) {
             const ValueId c = b.floats({2, 9, 4, 3}, std::vector<float>(216, 0.5f));
             b.add(Op::Sigmoid, {b.add(Op::Concat, {c, b.x()}, {{"axis", std::int64_t{1}}})});
           }},
          {"ConcatConstantBlocks",
           [](Build& b) {
             const ValueId c = b.floats({2, 16, 2, 2}, std::vector<float>(128, 0.5f));
             b.add(Op::Sigmoid, {b.add(Op::Concat, {c, b.x()}, {{"axis", std::int64_t{1}}})});
           },
           {2, 16, 2, 2}},
          {"SelfAttention", selfAttention, {2, 5, 12}}};
}

std::vector<GradientCase> choices() {
  std::vector<GradientCase> cases;
  for (const auto& [name, make] : choicesAndGathers()) cases.push_back({name, make});
  return cases;
}

class Gradients : public testing::TestWithParam<GradientCase> {};

TEST_P(Gradients, AreCentralDifferences) {
  Build b(GetParam().input);
  GetParam().make(b);
  addHead(b);
  const Array x = input(GetParam().input, 3);
  const Doubles expected = numericGradient(b.graph, x);
  for (const auto& backend : bothBackends())
    expectClose(explain(b.graph, parseMethod("gradient"), *backend, x, kSeed).relevance, expected, 1e-5,
                backend->name());
}

const auto kName = [](const testing::TestParamInfo<GradientCase>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Elementwise, Gradients, testing::ValuesIn(elementwise()), kName);
INSTANTIATE_TEST_SUITE_P(EveryActivation, Gradients, testing::ValuesIn(everyActivation()), kName);
INSTANTIATE_TEST_SUITE_P(Attention, Gradients, testing::ValuesIn(attention()), kName);
INSTANTIATE_TEST_SUITE_P(Windows, Gradients, testing::ValuesIn(windows()), kName);
INSTANTIATE_TEST_SUITE_P(TwoOperands, Gradients, testing::ValuesIn(twoOperands()), kName);
INSTANTIATE_TEST_SUITE_P(Choices, Gradients, testing::ValuesIn(choices()), kName);
INSTANTIATE_TEST_SUITE_P(Moves, Gradients, testing::ValuesIn(moves()), kName);

// The evaluator knows no interpolation; the net is linear in x, so differences of the scores are exact.
TEST(Gradient, OfLinearResizing) {
  for (const char* coordinate : {"half_pixel", "asymmetric", "align_corners"}) {
    Build b({1, 9, 3, 2});
    resize(b, "linear", coordinate, 2, 3);
    addHead(b);
    const Doubles seed = {0.7, -1.1, 0.4};
    for (const auto& backend : bothBackends()) {
      Array x{{1, 9, 3, 2}, Doubles(54)};
      Doubles expected;
      for (double& v : x.data) {
        v = 1;
        const Doubles s = explain(b.graph, parseMethod("gradient"), *backend, x, seed).scores;
        expected.push_back(seed[0] * s[0] + seed[1] * s[1] + seed[2] * s[2]);
        v = 0;
      }
      expectClose(explain(b.graph, parseMethod("gradient"), *backend, x, seed).relevance, expected, 1e-5, coordinate);
    }
  }
}

TEST(Gradient, TimesTheInput) {
  Build b({2, 9, 4, 3});
  b.add(Op::Sigmoid, {b.x()});
  addHead(b);
  const Array x = input({2, 9, 4, 3}, 3);
  for (const auto& backend : bothBackends()) {
    Doubles expected = explain(b.graph, parseMethod("gradient"), *backend, x, kSeed).relevance;
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] *= x.data[i];
    expectClose(explain(b.graph, parseMethod("input-x-gradient"), *backend, x, kSeed).relevance, expected, 1e-6);
  }
}

// At 0 the derivative of ReLU is 0; ties of a max pool go to the first element.
TEST(Gradient, AtKinks) {
  Build b({1, 9, 1, 2});
  b.add(Op::Relu, {b.x()});
  addHead(b);
  Build p({1, 9, 1, 2});
  p.add(Op::MaxPool, {p.x()}, {{"kernel_shape", Ints{1, 2}}});
  addHead(p);
  const Array zeros{{1, 9, 1, 2}, Doubles(18)};
  for (const auto& backend : bothBackends()) {
    const Doubles g = explain(b.graph, parseMethod("gradient"), *backend, zeros, {1, 2, 3}).relevance;
    EXPECT_EQ(g, Doubles(18)) << backend->name();
    const Doubles w = explain(p.graph, parseMethod("gradient"), *backend, zeros, {1, 2, 3}).relevance;
    for (std::size_t i = 0; i < 18; i += 2) EXPECT_TRUE(w[i] != 0 && w[i + 1] == 0) << backend->name() << i;
  }
}

}  // namespace gradient_test
}  // namespace relprop::test
