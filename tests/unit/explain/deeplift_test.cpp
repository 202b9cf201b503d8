// DeepLIFT: contributions sum to the change of the score, whatever the network is made of; and small nets by hand.
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace deeplift_test {

struct Net {
  std::string name;
  std::function<void(Build&)> make;
  Shape input = {2, 9, 5, 4};
};
std::ostream& operator<<(std::ostream& out, const Net& n) {
  return out << n.name;
}

ValueId conv(Build& b, ValueId x, std::int64_t in, std::int64_t out, std::int64_t k = 3) {
  return b.add(Op::Conv, {x, b.random({out, in, k, k}), b.random({out})}, {{"pads", Ints{k / 2, k / 2, k / 2, k / 2}}});
}

Net activation(Op op, const Attributes& attrs = {}) {
  return {opName(op), [=](Build& b) { b.add(op, {b.add(Op::Mul, {b.x(), b.floats({}, {5})})}, attrs); }};
}

ValueId away(Build& b, ValueId x) {
  return b.add(Op::Add, {b.add(Op::Sigmoid, {x}), b.floats({}, {0.5f})});
}

ValueId globalAverage(Build& b, ValueId x) {
  return b.add(Op::AveragePool, {x}, {{"kernel_shape", Ints{5, 4}}});
}

std::vector<Net> activations() {
  return {activation(Op::Relu),
          activation(Op::LeakyRelu, {{"alpha", 0.3f}}),
          activation(Op::Elu, {{"alpha", 1.5f}}),
          activation(Op::Clip, {{"min", -2.0f}, {"max", 3.0f}}),
          activation(Op::Sigmoid),
          activation(Op::Tanh),
          activation(Op::HardSigmoid, {{"alpha", 0.25f}, {"beta", 0.4f}}),
          activation(Op::HardSwish),
          {"PRelu", [](Build& b) {
             b.add(Op::PRelu, {b.x(), b.random({9, 1, 1})});
           }}};
}

std::vector<Net> networks() {
  return {{"ReluWithTwoReaders",
           [](Build& b) {
             const ValueId r = b.add(Op::Relu, {conv(b, b.x(), 9, 10)});
             b.add(Op::Add, {conv(b, r, 10, 7), conv(b, r, 10, 7, 1)});
           }},
          {"OverlappingMaxPool",
           [](Build& b) {
             b.add(Op::MaxPool, {conv(b, b.x(), 9, 17)},
                   {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 1}}});
           }},
          {"MaxPoolBehindRelu",
           [](Build& b) {
             b.add(Op::MaxPool, {b.add(Op::Relu, {conv(b, b.x(), 9, 16)})},
                   {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
           }},
          {"AveragePool", [](Build& b) { globalAverage(b, b.add(Op::Relu, {conv(b, b.x(), 9, 16)})); }},
          {"Residual",
           [](Build& b) {
             const ValueId r = b.add(Op::Relu, {conv(b, b.x(), 9, 9)});
             b.add(Op::Relu, {b.add(Op::Add, {conv(b, r, 9, 9), r})});
           }},
          {"Difference",
           [](Build& b) {
             b.add(Op::Sub, {b.add(Op::Tanh, {b.x()}), conv(b, b.x(), 9, 9)});
           }},
          {"SqueezeAndExcite",
           [](Build& b) {
             const ValueId r = b.add(Op::Relu, {conv(b, b.x(), 9, 12)});
             const ValueId gate = b.add(Op::Sigmoid, {conv(b, globalAverage(b, r), 12, 12, 1)});
             b.add(Op::Mul, {r, gate});
           }},
          {"Silu",
           [](Build& b) {
             b.add(Op::Mul, {b.x(), b.add(Op::Sigmoid, {b.x()})});
           }},
          {"Quotient",
           [](Build& b) {
             b.add(Op::Div, {b.add(Op::Tanh, {b.x()}), away(b, b.x())});
           }},
          {"QuotientByChannel",
           [](Build& b) {
             b.add(Op::Div, {b.add(Op::Tanh, {b.x()}), away(b, globalAverage(b, b.x()))});
           }},
          {"DividedByConstant",
           [](Build& b) {
             b.add(Op::Div, {b.x(), b.random({9, 1, 1}, 1, 2)});
           }},
          {"ConstantDivided",
           [](Build& b) {
             b.add(Op::Div, {b.random({9, 1, 1}, 1, 2), away(b, b.x())});
           }},
          {"Concat",
           [](Build& b) {
             b.add(Op::Concat, {b.add(Op::Relu, {conv(b, b.x(), 9, 10)}), b.add(Op::Tanh, {b.x()})},
                   {{"axis", std::int64_t{1}}});
           }},
          {"Lrn",
           [](Build& b) {
             b.add(Op::LRN, {conv(b, b.x(), 9, 11)}, {{"size", std::int64_t{3}}, {"alpha", 0.8f}, {"beta", 0.6f}});
           }},
          {"StrongLrn",
           [](Build& b) {
             b.add(Op::LRN, {b.add(Op::Relu, {conv(b, b.x(), 9, 64)})},
                   {{"size", std::int64_t{5}}, {"alpha", 3.0f}, {"beta", 0.75f}});
           }},
          {"BatchNormalizationKept",
           [](Build& b) {
             b.add(Op::Relu, {b.add(Op::Affine, {conv(b, b.x(), 9, 10), b.random({10}), b.random({10})})});
           }},
          {"Maxout",
           [](Build& b) {
             b.add(Op::Max, {conv(b, b.x(), 9, 10), conv(b, b.x(), 9, 10)});
           }},
          {"MinimumByChannel",
           [](Build& b) {
             b.add(Op::Min, {conv(b, b.x(), 9, 10), globalAverage(b, conv(b, b.x(), 9, 10))});
           }},
          {"AtLeastAVector",
           [](Build& b) {
             b.add(Op::Max, {b.x(), b.random({9, 1, 1})});
           }},
          {"SliceAndTranspose", [](Build& b) {
             const ValueId part = b.add(Op::Slice, {b.add(Op::Relu, {conv(b, b.x(), 9, 10)})},
                                        {{"axes", Ints{0, 1, 2, 3}},
                                         {"starts", Ints{0, 2, 0, 1}},
                                         {"ends", Ints{2, 9, 5, 4}},
                                         {"steps", Ints{1, 1, 2, 1}}});
             b.add(Op::Transpose, {part}, {{"perm", Ints{0, 2, 3, 1}}});
           }}};
}

const Doubles kSeed = {1, -0.5, 0.25, 0.75, 1, -1};

class SummationToDelta : public testing::TestWithParam<Net> {};

TEST_P(SummationToDelta, OverTheWholeNetwork) {
  Build b(GetParam().input);
  GetParam().make(b);
  addHead(b);
  for (unsigned round = 1; round <= 3; ++round) {
    const Array x = input(GetParam().input, round), base = input(GetParam().input, 100 + round);
    const Doubles at = runGraph(b.graph, x).data, before = runGraph(b.graph, base).data;
    for (const auto& backend : bothBackends()) {
      const Doubles r = explainWith(b.graph, parseMethod("deeplift"), *backend, x, kSeed, {}, base).relevance;
      for (std::size_t row = 0; row < 2; ++row) {
        const auto first = r.begin() + static_cast<std::ptrdiff_t>(row * r.size() / 2);
        const Doubles own(first, first + static_cast<std::ptrdiff_t>(r.size() / 2));
        double change = 0, magnitude = 0;
        for (std::size_t k = row * 3; k < row * 3 + 3; ++k) change += kSeed[k] * (at[k] - before[k]);
        for (double v : own) magnitude += std::abs(v);
        EXPECT_NEAR(sum(own), change, 1e-5 * magnitude) << backend->name() << ", round " << round;
      }
    }
  }
}

const auto kName = [](const testing::TestParamInfo<Net>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Activations, SummationToDelta, testing::ValuesIn(activations()), kName);
INSTANTIATE_TEST_SUITE_P(Networks, SummationToDelta, testing::ValuesIn(networks()), kName);

Doubles deepLift(const Graph& g, Backend& backend, const Array& x, const Array& base) {
  return explainWith(g, parseMethod("deeplift"), backend, x, {1}, {}, base).relevance;
}

// h = relu(2a − b − 1), y = 2h at (3, 1) over (0, 0): z moves by 5 from −1 to 4, h by 4. So m = 2 · 4/5 above z.
TEST(DeepLift, RescaleByHand) {
  Build b({1, 2});
  const ValueId z = b.add(Op::Dense, {b.x(), b.floats({1, 2}, {2, -1}), b.floats({1}, {-1})});
  b.add(Op::Dense, {b.add(Op::Relu, {z}), b.floats({1, 1}, {2})});
  inferShapes(b.graph);
  for (const auto& backend : bothBackends())
    expectClose(deepLift(b.graph, *backend, {{1, 2}, {3, 1}}, {{1, 2}, {0, 0}}), {1.6 * 2 * 3, 1.6 * -1 * 1}, 1e-6);
}

// Where nothing moved, the derivative stands in and contributes nothing.
TEST(DeepLift, AtTheBaselineContributionsAreZero) {
  Build b({1, 9, 3, 3});
  b.add(Op::Sigmoid, {conv(b, b.x(), 9, 9)});
  addHead(b, 1);
  const Array x = input({1, 9, 3, 3});
  for (const auto& backend : bothBackends())
    for (double v : deepLift(b.graph, *backend, x, x)) EXPECT_EQ(v, 0);
}

// The maximum grew from 2 to 5: all 3 to the new winner. It shrank from 3 to 1: all −2 to the old one.
TEST(DeepLift, MaxPoolByHand) {
  Build b({1, 1, 1, 2});
  b.add(Op::MaxPool, {b.x()}, {{"kernel_shape", Ints{1, 2}}});
  inferShapes(b.graph);
  reshaped(b, {1, 1});
  const Shape s = {1, 1, 1, 2};
  for (const auto& backend : bothBackends()) {
    expectClose(deepLift(b.graph, *backend, {s, {1, 5}}, {s, {2, 0}}), {0, 3}, 1e-6);
    expectClose(deepLift(b.graph, *backend, {s, {1, 0}}, {s, {0, 3}}), {0, -2}, 1e-6);
  }
}

ValueId channel(Build& b, std::int64_t k) {
  return b.add(Op::Slice, {b.x()},
               {{"axes", Ints{0, 1, 2, 3}},
                {"starts", Ints{0, k, 0, 0}},
                {"ends", Ints{1, k + 1, 1, 1}},
                {"steps", Ints{1, 1, 1, 1}}});
}

// ab at (3, 5) over (1, 2): Δa·(5 + 2)/2 + Δb·(3 + 1)/2.
TEST(DeepLift, ProductByHand) {
  Build b({1, 2, 1, 1});
  const ValueId a = channel(b, 0), c = channel(b, 1);
  b.add(Op::Mul, {a, c});
  inferShapes(b.graph);
  reshaped(b, {1, 1});
  const Shape s = {1, 2, 1, 1};
  for (const auto& backend : bothBackends())
    expectClose(deepLift(b.graph, *backend, {s, {3, 5}}, {s, {1, 2}}), {2 * 3.5, 3 * 2.0}, 1e-6);
}

// The maximum of a and b grew from 2 (b) to 5 (a): all 3 to a. The minimum fell from 1 (a) to 0 (b): all −1 to b.
TEST(DeepLift, ExtremesByHand) {
  for (const Op op : {Op::Max, Op::Min}) {
    Build b({1, 2, 1, 1});
    const ValueId first = channel(b, 0), second = channel(b, 1);
    b.add(op, {first, second});
    inferShapes(b.graph);
    reshaped(b, {1, 1});
    const Shape s = {1, 2, 1, 1};
    const Doubles expected = op == Op::Max ? Doubles{3, 0} : Doubles{0, -1};
    for (const auto& backend : bothBackends())
      expectClose(deepLift(b.graph, *backend, {s, {5, 0}}, {s, {1, 2}}), expected, 1e-6);
  }
}

TEST(DeepLift, RescaleOfWhatIsLinearIsItsDerivative) {
  Build b({1, 9, 3, 3});
  b.add(Op::Mul, {b.add(Op::Add, {conv(b, b.x(), 9, 9), b.floats({}, {3})}), b.floats({}, {0.25f})});
  addHead(b, 1);
  const auto backend = makeReferenceBackend();
  const Array x = input({1, 9, 3, 3}), zero{x.shape, Doubles(x.data.size())};
  CompileOptions user;
  user.rules = {"[affine]=rescale"};
  expectClose(explainWith(b.graph, parseMethod("deeplift"), *backend, x, {1}, user, zero).relevance,
              explainWith(b.graph, parseMethod("deeplift"), *backend, x, {1}, {}, zero).relevance, 1e-6);
}

TEST(DeepLift, RescaleNeedsItsBaseline) {
  Build b({1, 9, 3, 3});
  b.add(Op::Relu, {conv(b, b.x(), 9, 9)});
  addHead(b, 1);
  const auto backend = makeReferenceBackend();
  CompileOptions user;
  user.rules = {"Relu=rescale"};
  for (const char* method : {"gradient", "lrp-epsilon"}) {
    const Error e = failureOf([&] { CompiledMethod(b.graph, parseMethod(method), *backend, user); });
    EXPECT_EQ(e.code(), ErrorCode::InvalidRule) << method;
    EXPECT_NE(e.hint().find("deeplift"), std::string::npos) << method;
  }
}

TEST(DeepLift, RefusesAComputedCondition) {
  Build b({1, 9, 3, 3});
  const ValueId left = conv(b, b.x(), 9, 9), right = conv(b, b.x(), 9, 9);
  b.add(Op::Where, {b.add(Op::Greater, {left, b.floats({}, {0})}), left, right});
  addHead(b, 1);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] {
              explain(b.graph, parseMethod("deeplift"), *backend, input({1, 9, 3, 3}), {1});
            }),
            ErrorCode::NotSupportedByMethod);
}

TEST(DeepLift, RefusesWhatItHasNoMultiplierFor) {
  Build b({1, 4});
  b.add(Op::Softmax, {b.x()}, {{"axis", std::int64_t{1}}});
  b.graph.value(b.graph.outputs[0]).shape = {1, 4}, b.graph.value(b.graph.outputs[0]).hasShape = true;
  b.add(Op::Dense, {b.graph.outputs[0], b.random({3, 4})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] {
              explain(b.graph, parseMethod("deeplift"), *backend, input({1, 4}), {1, 0, 0});
            }),
            ErrorCode::NotSupportedByMethod);
}

}  // namespace deeplift_test
}  // namespace relprop::test
