// Which operand of a product is the gate: lrp-0 gives what it gives where the gate is a constant of the same values.
#include "explain/walk/gates.h"

#include "unit/explain/support.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kChannels = 4, kSide = 6;

ValueId convolved(Build& b, ValueId x, std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return b.add(Op::Conv, {x, b.random({out, in, 3, 3})},
               {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{stride, stride}}});
}

ValueId scalar(Build& b, float v) {
  return b.floats({}, {v});
}

// A value of both signs, of the signal's size or half of it.
ValueId fullSize(Build& b) {
  return convolved(b, b.x(), 3, kChannels);
}
ValueId halfSize(Build& b) {
  return convolved(b, b.x(), 3, kChannels, 2);
}
ValueId doubled(Build& b, ValueId x) {
  const ValueId y = b.add(
      Op::Resize, {x}, {{"mode", "linear"}, {"coordinate", "half_pixel"}, {"scales", std::vector<float>{1, 1, 2, 2}}});
  b.graph.value(y).shape = {1, kChannels, kSide, kSide}, b.graph.value(y).hasShape = true;
  return y;
}
ValueId clipped(Build& b, ValueId x, float low, float high) {
  return b.add(Op::Clip, {x}, {{"min", low}, {"max", high}});
}
ValueId pooled(Build& b, std::int64_t h, std::int64_t w) {
  return b.add(Op::AveragePool, {fullSize(b)}, {{"kernel_shape", Ints{h, w}}});
}

struct Spelling {
  const char* name;
  std::function<ValueId(Build&)> gate;
  bool clippedSignal = false;  // ReLU6 instead of ReLU
};

const Spelling kSpellings[] = {
    {"Sigmoid", [](Build& b) { return b.add(Op::Sigmoid, {fullSize(b)}); }},
    {"OnePlusSigmoid",
     [](Build& b) {
       return b.add(Op::Add, {scalar(b, 1), b.add(Op::Sigmoid, {fullSize(b)})});
     }},
    {"TwiceSigmoid",
     [](Build& b) {
       return b.add(Op::Mul, {scalar(b, 2), b.add(Op::Sigmoid, {fullSize(b)})});
     }},
    {"OneMinusSigmoid",
     [](Build& b) {
       return b.add(Op::Sub, {scalar(b, 1), b.add(Op::Sigmoid, {fullSize(b)})});
     }},
    {"ScaledByChannel",
     [](Build& b) {
       return b.add(Op::Affine, {b.add(Op::Sigmoid, {fullSize(b)}), b.random({4}, 1, 2), b.random({4}, 0, 1)});
     }},
    {"ResizedSigmoid", [](Build& b) { return doubled(b, b.add(Op::Sigmoid, {halfSize(b)})); }},
    {"SigmoidOfResized", [](Build& b) { return b.add(Op::Sigmoid, {doubled(b, halfSize(b))}); }},
    {"ChannelAttention", [](Build& b) { return b.add(Op::Sigmoid, {pooled(b, kSide, kSide)}); }},
    {"ChannelTimesSpatialBam",
     [](Build& b) {
       const ValueId spatial = convolved(b, b.x(), 3, 1);
       return b.add(Op::Add, {scalar(b, 1), b.add(Op::Sigmoid, {b.add(Op::Mul, {pooled(b, kSide, kSide), spatial})})});
     }},
    {"RowTimesColumn",
     [](Build& b) {
       const ValueId row = b.add(Op::Sigmoid, {pooled(b, 1, kSide)}),
                     column = b.add(Op::Sigmoid, {pooled(b, kSide, 1)});
       return b.add(Op::Mul, {row, column});
     }},
    {"HardSigmoid",
     [](Build& b) {
       return b.add(Op::HardSigmoid, {fullSize(b)}, {{"alpha", 0.2f}, {"beta", 0.5f}});
     }},
    {"ClipPlusThreeOverSix",
     [](Build& b) {
       const ValueId six = clipped(b, b.add(Op::Add, {fullSize(b), scalar(b, 3)}), 0, 6);
       return b.add(Op::Div, {six, scalar(b, 6)});
     }},
    {"ClipPlusThree",
     [](Build& b) {
       return clipped(b, b.add(Op::Add, {fullSize(b), scalar(b, 3)}), 0, 6);
     }},
    {"KerasHardSigmoid",
     [](Build& b) {
       const ValueId line = b.add(Op::Mul, {fullSize(b), scalar(b, 0.2f)});
       return clipped(b, b.add(Op::Add, {line, scalar(b, 0.5f)}), 0, 1);
     },
     true},
    {"MinOfMax",
     [](Build& b) {
       const ValueId low = b.add(Op::Max, {b.add(Op::Add, {fullSize(b), scalar(b, 3)}), scalar(b, 0)});
       return b.add(Op::Min, {scalar(b, 6), low});
     }},
    {"SigmoidOfReLU6Network", [](Build& b) { return b.add(Op::Sigmoid, {fullSize(b)}); }, true},
    {"SigmoidSpelledOut",
     [](Build& b) {
       const ValueId e = b.add(Op::Exp, {b.add(Op::Neg, {fullSize(b)})});
       return b.add(Op::Reciprocal, {b.add(Op::Add, {e, scalar(b, 1)})});
     },
     true},
    {"HalfOfOnePlusTanh",
     [](Build& b) {
       const ValueId sum = b.add(Op::Add, {b.add(Op::Tanh, {fullSize(b)}), scalar(b, 1)});
       return b.add(Op::Mul, {sum, scalar(b, 0.5f)});
     },
     true},
    {"Tanh", [](Build& b) { return b.add(Op::Tanh, {fullSize(b)}); }},
    {"SoftmaxTimesPositions",
     [](Build& b) {
       return b.add(Op::Mul, {b.add(Op::Softmax, {fullSize(b)}, {{"axis", std::int64_t{3}}}), scalar(b, kSide)});
     },
     true},
    {"PooledGate",
     [](Build& b) {
       return b.add(Op::MaxPool, {b.add(Op::Sigmoid, {fullSize(b)})},
                    {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}});
     }},
    {"GatesSideBySide",
     [](Build& b) {
       const ValueId one = b.add(Op::Sigmoid, {convolved(b, b.x(), 3, 1)});
       const ValueId three = b.add(Op::HardSigmoid, {convolved(b, b.x(), 3, 3)});
       return b.add(Op::Concat, {one, three}, {{"axis", std::int64_t{1}}});
     }},
    {"SumOfGates",
     [](Build& b) {
       return b.add(Op::Add, {b.add(Op::Sigmoid, {fullSize(b)}), b.add(Op::Sigmoid, {fullSize(b)})});
     }},
    {"ReluGateOfSmallerSize", [](Build& b) { return b.add(Op::Relu, {pooled(b, kSide, kSide)}); }, true},
};

// relu(convolved(x))·gate → head. `frozen`: the gate's values instead of what computes them.
Graph gated(const Spelling& spelling, bool gateFirst, const Array* frozen) {
  Build b({1, 3, kSide, kSide});
  const ValueId z = convolved(b, b.x(), 3, kChannels);
  const ValueId signal = spelling.clippedSignal ? clipped(b, z, 0, 6) : b.add(Op::Relu, {z});
  const ValueId gate = frozen ? b.floats(frozen->shape, {frozen->data.begin(), frozen->data.end()}) : spelling.gate(b);
  b.add(Op::Mul, gateFirst ? std::vector<ValueId>{gate, signal} : std::vector<ValueId>{signal, gate});
  inferShapes(b.graph);
  // The head's weights do not depend on what stands before it.
  Build head({1, 1});
  const std::int64_t features = kChannels * kSide * kSide;
  const ValueId flat = reshaped(b, {1, features});
  const Constant weights = *head.graph.value(head.random({3, features})).constant;
  const ValueId y = b.add(Op::Dense, {flat, b.floats({3, features}, *weights.floats)});
  b.graph.value(y).shape = {1, 3}, b.graph.value(y).hasShape = true;
  return b.graph;
}

Array gateValues(const Spelling& spelling, const Array& x) {
  Build b({1, 3, kSide, kSide});
  const ValueId z = convolved(b, b.x(), 3, kChannels);
  spelling.clippedSignal ? clipped(b, z, 0, 6) : b.add(Op::Relu, {z});
  const ValueId gate = spelling.gate(b);
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  CompiledMethod c(b.graph, parseMethod("gradient"), *backend, CompileOptions{.anyScores = true, .forwardOnly = true});
  std::copy(x.data.begin(), x.data.end(), c.input());
  c.plan().run(Phase::Forward);
  return {b.graph.value(gate).shape, Doubles(c.scores(), c.scores() + c.scoreShape().count())};
}

class Gates : public testing::TestWithParam<Spelling> {};

TEST_P(Gates, GetNothingWhicheverStandsFirst) {
  const Array x = input({1, 3, kSide, kSide}, 5, -2, 2);
  const Array values = gateValues(GetParam(), x);
  const auto backend = makeReferenceBackend();
  const Doubles seed = {0.7, -1.1, 0.4};
  for (const bool gateFirst : {false, true}) {
    const auto relevance = [&](const Array* frozen) {
      return explain(gated(GetParam(), gateFirst, frozen), parseMethod("lrp-0"), *backend, x, seed).relevance;
    };
    expectClose(relevance(nullptr), relevance(&values), 1e-5, gateFirst ? "gate first" : "gate last");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Gates, testing::ValuesIn(kSpellings), [](const auto& info) { return info.param.name; });

// ---- what nothing tells apart
Doubles relevanceOf(const Build& b, const Array& x) {
  const auto backend = makeReferenceBackend();
  return explain(b.graph,
                 methodOf({{"head", "gradient"}, {"[move]", "jacobian"}, {"[activation]", "pass"}, {"[gate]", "gate"}}),
                 *backend, x, {0.7, -1.1, 0.4})
      .relevance;
}

TEST(EqualOperands, GetHalfEachAndKeepTheSum) {
  const Array x = input({1, 2, 3, 3});
  const auto parts = [](Build& b) {
    const auto slice = [&](std::int64_t c) {
      return b.add(Op::Slice, {b.x()},
                   {{"axes", Ints{0, 1, 2, 3}},
                    {"starts", Ints{0, c, 0, 0}},
                    {"ends", Ints{1, c + 1, 3, 3}},
                    {"steps", Ints{1, 1, 1, 1}}});
    };
    const ValueId first = slice(0), second = slice(1);
    return std::pair{first, second};
  };
  Build product({1, 2, 3, 3});
  const auto [a, c] = parts(product);
  product.add(Op::Mul, {a, c});
  addHead(product);
  const Doubles got = relevanceOf(product, x);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(got[i], got[9 + i]);

  Build square({1, 2, 3, 3});
  square.add(Op::Mul, {square.x(), square.x()});
  addHead(square);
  Build plain({1, 2, 3, 3});
  plain.add(Op::Relu, {plain.x()});
  addHead(plain);
  expectClose(relevanceOf(square, x), relevanceOf(plain, x), 1e-6, "x·x hands on what it gets");
}

TEST(Signal, OfAQuotientIsTheNumerator) {
  Build b({1, 3, kSide, kSide});
  const ValueId small = pooled(b, kSide, kSide), large = b.add(Op::Exp, {fullSize(b)});
  b.add(Op::Div, {small, large});
  inferShapes(b.graph);
  EXPECT_EQ(signalsOf(b.graph).back(), Signal::First);
}

// Quantised networks cut every value off; that says nothing about which of two is the gate.
TEST(Signal, IsNotHiddenByQuantisation) {
  Build b({1, 3, kSide, kSide});
  const Attributes eightBits = {{"scale", 0.1f}, {"zero_point", 0.0f}, {"low", -128.0f}, {"high", 127.0f}};
  const ValueId signal = b.add(Op::FakeQuantize, {fullSize(b)}, eightBits);
  const ValueId gate = b.add(Op::FakeQuantize, {b.add(Op::Sigmoid, {fullSize(b)})}, eightBits);
  b.add(Op::Mul, {gate, signal});
  inferShapes(b.graph);
  EXPECT_EQ(signalsOf(b.graph).back(), Signal::Second);
}

}  // namespace
}  // namespace relprop::test
