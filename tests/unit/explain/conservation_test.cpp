// Whole small networks: relevance is conserved layer by layer, rows do not see one another, backends agree.
#include <fmt/format.h>

#include <algorithm>

#include "unit/explain/support.h"

namespace relprop::test {
namespace {

// A small residual network: stem, pool, a block with an identity skip, a block with a projection, pool, two dense
// layers.
Graph residualNet(std::int64_t rows, bool bias = true) {
  Build b({rows, 3, 12, 12});
  const auto conv = [&](ValueId x, std::int64_t in, std::int64_t out, std::int64_t k, std::int64_t stride) {
    std::vector<ValueId> inputs = {x, b.random({out, in, k, k}, -0.5f, 0.5f)};
    if (bias) inputs.push_back(b.random({out}, -0.1f, 0.1f));
    return b.add(Op::Conv, inputs, {{"pads", Ints{k / 2, k / 2, k / 2, k / 2}}, {"strides", Ints{stride, stride}}});
  };
  const auto relu = [&](ValueId x) { return b.add(Op::Relu, {x}); };
  const ValueId stem = b.add(Op::MaxPool, {relu(conv(b.x(), 3, 16, 3, 1))},
                             {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
  const ValueId one = relu(b.add(Op::Add, {conv(relu(conv(stem, 16, 16, 3, 1)), 16, 16, 3, 1), stem}));
  const ValueId branch = conv(relu(conv(one, 16, 20, 3, 2)), 20, 20, 3, 1);
  const ValueId two = relu(b.add(Op::Add, {branch, conv(one, 16, 20, 1, 2)}));
  b.add(Op::AveragePool, {two}, {{"kernel_shape", Ints{3, 3}}});
  reshaped(b, {rows, 20});
  b.add(Op::Dense, {b.graph.outputs[0], b.random({10, 20}), b.random({10}, -0.1f, 0.1f)});
  b.graph.value(b.graph.outputs[0]).shape = {rows, 10};
  b.add(Op::Relu, {b.graph.outputs[0]});
  b.graph.value(b.graph.outputs[0]).shape = {rows, 10};
  b.add(Op::Dense, {b.graph.outputs[0], b.random({3, 10}, 0, 1), b.random({3})});
  Value& scores = b.graph.value(b.graph.outputs[0]);
  scores.shape = {rows, 3}, scores.hasShape = true;
  return b.graph;
}

Doubles oneClass(std::size_t rows, std::size_t target) {
  Doubles seed(rows * 3);
  for (std::size_t r = 0; r < rows; ++r) seed[r * 3 + target] = 1.5;
  return seed;
}

class Conserving : public testing::TestWithParam<std::string> {};

TEST_P(Conserving, EveryNodePassesOnWhatItGot) {
  const Graph g = residualNet(2);
  for (const auto& backend : bothBackends())
    for (unsigned seed = 1; seed <= 3; ++seed) {
      const Explained e =
          explain(g, parseMethod(GetParam()), *backend, input({2, 3, 12, 12}, seed), oneClass(2, seed % 3));
      EXPECT_EQ(e.ledger.size(), g.nodes.size());
      for (const Slot& s : e.ledger)
        for (std::size_t row = 0; row < 2; ++row)
          EXPECT_NEAR(s.in[row], s.out[row], 1e-5 * std::abs(s.in[row])) << s.node << " on " << backend->name();
      for (std::size_t row = 0; row < 2; ++row) {
        EXPECT_NEAR(e.ledger[0].in[row], 1.5, 1e-6);
        const auto first = e.relevance.begin() + static_cast<std::ptrdiff_t>(row * 432);
        EXPECT_NEAR(sum({first, first + 432}), 1.5, 1e-4);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Rap, Conserving,
                         testing::Values("rap", "rap-signed", "rap:residual=symmetric", "rap:residual=gamma:0.5"));

TEST(Ledger, LinearLayersWithoutBiasKeepEverything) {
  const Graph g = residualNet(1, false);
  const Method m = parseMethod("lrp-zplus:residual=ratio,stabilizer=0");
  for (const auto& backend : bothBackends())
    for (const Slot& s : explain(g, m, *backend, input({1, 3, 12, 12}), {1, 0, 0}).ledger)
      if (s.node.rfind("Conv", 0) == 0) EXPECT_NEAR(s.in[0], s.out[0], 1e-5 * std::abs(s.in[0])) << s.node;
}

TEST(Ledger, SpreadBiasesRestoreConservation) {
  const Graph g = residualNet(1);
  const auto backend = makeReferenceBackend();
  const auto absorbed = [&](const char* bias) {
    double worst = 0;
    const Method m = parseMethod(std::string("lrp-zplus:residual=ratio,stabilizer=0,bias=") + bias);
    for (const Slot& s : explain(g, m, *backend, input({1, 3, 12, 12}), {1, 0, 0}).ledger)
      if (s.node.rfind("Conv", 0) == 0) worst = std::max(worst, std::abs(s.in[0] - s.out[0]) / std::abs(s.in[0]));
    return worst;
  };
  EXPECT_GT(absorbed("keep"), 1e-3) << "biases absorb";
  EXPECT_LT(absorbed("drop"), 1e-5);
  EXPECT_LT(absorbed("spread"), 1e-5);
}

// ---- numbers at the end of what float32 holds
// So many layers without ReLU: activations of both signs, where Σ|R| of RAP grows.
Graph signedNet(std::size_t layers) {
  Build b({1, 3, 6, 6});
  ValueId x = b.x();
  for (std::size_t k = 0; k < layers; ++k) {
    x = b.add(Op::Conv, {x, b.random({8, k == 0 ? 3 : 8, 3, 3}, -0.3f, 0.3f)}, {{"pads", Ints{1, 1, 1, 1}}});
    const ValueId y = b.add(Op::Tanh, {x});
    x = k % 3 == 2 ? b.add(Op::Add, {y, x}) : y;
  }
  addHead(b);
  return b.graph;
}

class Overflow : public testing::TestWithParam<std::string> {};

// Rules are homogeneous in R, and scales are powers of two: the same digits, whatever the seed's exponent.
TEST_P(Overflow, NeitherSeedNorDepthChangesADigit) {
  const Graph g = signedNet(12);
  const Array x = input({1, 3, 6, 6});
  for (const auto& backend : bothBackends()) {
    const Explained one = explain(g, parseMethod(GetParam()), *backend, x, {1, 0, 0});
    const Explained large = explain(g, parseMethod(GetParam()), *backend, x, {0x1p108, 0, 0});
    for (std::size_t i = 0; i < one.relevance.size(); ++i)
      ASSERT_EQ(large.relevance[i], one.relevance[i] * 0x1p108) << backend->name() << " " << i;
    ASSERT_EQ(one.ledger.size(), large.ledger.size());
    for (std::size_t n = 0; n < one.ledger.size(); ++n) {
      EXPECT_EQ(large.ledger[n].in[0], one.ledger[n].in[0] * 0x1p108) << one.ledger[n].node;
      EXPECT_EQ(large.ledger[n].out[0], one.ledger[n].out[0] * 0x1p108) << one.ledger[n].node;
    }
  }
}

TEST_P(Overflow, RecordedLayersAreInTheSameUnits) {
  const Graph g = signedNet(6);
  CompileOptions options;
  options.at = {"Tanh3"};
  const auto backend = makeReferenceBackend();
  const auto recorded = [&](double seed) {
    const Array x = input({1, 3, 6, 6});
    return explainWith(g, parseMethod(GetParam()), *backend, x, {seed, 0, 0}, options, {x.shape, Doubles(108)})
        .recorded;
  };
  const Doubles one = recorded(1).at(0), large = recorded(0x1p100).at(0);
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_EQ(large[i], one[i] * 0x1p100);
}

INSTANTIATE_TEST_SUITE_P(Rap, Overflow, testing::Values("rap", "rap-signed", "rap-summary"));

// Weights so small that 1/Σ|z| is infinite: what they get cannot be shared out, and the shift gives it back.
TEST(TinyDenominators, LeaveRelevanceFiniteAndWhole) {
  for (const float tiny : {1e-45f, 1e-40f, 1e-38f, 1e-30f})
    for (const std::string& method : {"rap", "rap-signed", "lrp-0"}) {
      Build b({1, 4, 3, 3});
      const ValueId x = b.add(Op::Relu, {b.x()});
      std::vector<float> weights(8 * 4 * 9);
      for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = (i < 36 ? tiny : 0.1f) * (i % 5 == 0 ? -1.0f : 1.0f);
      b.add(Op::Relu, {b.add(Op::Conv, {x, b.floats({8, 4, 3, 3}, weights)}, {{"pads", Ints{1, 1, 1, 1}}})});
      b.add(Op::Conv, {b.graph.outputs[0], b.random({4, 8, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
      addHead(b);
      for (const auto& backend : bothBackends()) {
        const Explained e = explain(b.graph, parseMethod(method), *backend, input({1, 4, 3, 3}), {1, 0, 0});
        for (const double r : e.relevance) ASSERT_TRUE(std::isfinite(r)) << method << " " << tiny;
        if (method != "lrp-0") EXPECT_NEAR(sum(e.relevance), 1, 1e-4) << method << " " << tiny;
      }
    }
}

// A BatchNormalization between two ReLUs, as in DenseNet, is the convolution of single channels that it could be.
Graph normalisedBetweenActivations(bool asConvolution) {
  Build b({1, 3, 5, 5});
  const ValueId x = b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({6, 3, 3, 3}), b.random({6})})});
  const std::vector<float> scale = {0.5f, -1.5f, 2, 0.7f, 1, -0.3f}, shift = {0.1f, 1, -0.4f, 0.3f, 0, 0.2f};
  if (asConvolution)
    b.add(Op::Conv, {x, b.floats({6, 1, 1, 1}, scale), b.floats({6}, shift)}, {{"group", std::int64_t{6}}});
  else
    b.add(Op::Affine, {x, b.floats({6}, scale), b.floats({6}, shift)});
  b.graph.nodes.back().name = "norm";
  b.add(Op::Relu, {b.graph.outputs[0]});
  addHead(b);
  return b.graph;
}

TEST(BatchNormalizationThatStays, IsALinearMapOfTheEpsilonRule) {
  for (const std::string& method : {"lrp-0", "lrp-epsilon:epsilon=0.05", "lrp-0:bias=spread"})
    for (const auto& backend : bothBackends()) {
      const auto explained = [&](bool asConvolution) {
        return explain(normalisedBetweenActivations(asConvolution), parseMethod(method), *backend,
                       input({1, 3, 5, 5}, 3), {1, -0.5, 0.2});
      };
      const Explained affine = explained(false), convolution = explained(true);
      expectClose(affine.relevance, convolution.relevance, 1e-4, method);
      if (method.find("bias=") != std::string::npos) continue;
      const auto slot = [](const Explained& e) {
        return *std::find_if(e.ledger.begin(), e.ledger.end(), [](const Slot& s) { return s.node == "norm"; });
      };
      EXPECT_NEAR(slot(affine).bias[0], slot(convolution).bias[0], 1e-4) << method;
      EXPECT_NEAR(slot(affine).out[0], slot(convolution).out[0], 1e-4) << method;
    }
}

TEST(BatchNormalizationThatStays, PassesWhereTheMethodSaysSo) {
  const auto backend = makeReferenceBackend();
  const Graph g = normalisedBetweenActivations(false);
  const Explained e = explain(g, parseMethod("lrp-0:batchnorm=pass"), *backend, input({1, 3, 5, 5}, 3), {1, -0.5, 0.2});
  for (const Slot& s : e.ledger)
    if (s.node == "norm") EXPECT_EQ(s.in, s.out);
}

class WholeMethods : public testing::TestWithParam<std::string> {
 protected:
  static WalkOptions options() {
    WalkOptions o;
    o.bounds = InputBounds{{-1, -1, -1}, {1, 1, 1}};
    o.patterns = patternsFor(residualNet(1));
    return o;
  }
};

TEST_P(WholeMethods, RowsDoNotSeeOneAnother) {
  const Array x = input({3, 3, 12, 12});
  for (const auto& backend : bothBackends()) {
    const Explained all = explain(residualNet(3), parseMethod(GetParam()), *backend, x, oneClass(3, 1), options());
    for (std::size_t row = 0; row < 3; ++row) {
      const auto at = [row](const Doubles& v) {
        const auto first = v.begin() + static_cast<std::ptrdiff_t>(row * 432);
        return Doubles(first, first + 432);
      };
      const Array own{{1, 3, 12, 12}, at(x.data)};
      const Explained one = explain(residualNet(1), parseMethod(GetParam()), *backend, own, oneClass(1, 1), options());
      expectClose(at(all.relevance), one.relevance, 1e-6, "row " + std::to_string(row));
    }
  }
}

TEST_P(WholeMethods, FastBackendIsTheReference) {
  const Graph g = residualNet(2);
  const Array x = input({2, 3, 12, 12});
  const auto backends = bothBackends();
  const Doubles slow = explain(g, parseMethod(GetParam()), *backends[0], x, oneClass(2, 0), options()).relevance;
  const Doubles fast = explain(g, parseMethod(GetParam()), *backends[1], x, oneClass(2, 0), options()).relevance;
  expectClose(fast, slow, 1e-4);
}

std::vector<std::string> methodTexts() {
  std::vector<std::string> all = walkingMethods();
  all.insert(all.end(), {"lrp-epsilon:epsilon=0.1,residual=ratio", "lrp-zplus:maxpool=average,residual=symmetric",
                         "lrp-gamma:bias=spread", "rap:first=none,identity_skip=off"});
  // Denominators that pass through zero amplify rounding without bound.
  all.erase(std::remove(all.begin(), all.end(), "lrp-0"), all.end());
  all.erase(std::remove(all.begin(), all.end(), "lrp-epsilon"), all.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, WholeMethods, testing::ValuesIn(methodTexts()));

// Two branches that end in a ReLU each; their sum is shifted, so that relevance arrives where both are cut off.
Graph cutOffSum(bool separateReaders) {
  Build b({1, 9, 4, 4});
  std::vector<ValueId> branches;
  for (int k = 0; k < 2; ++k) {
    const ValueId z = b.add(Op::Conv, {b.x(), b.random({9, 9, 3, 3}), b.random({9})}, {{"pads", Ints{1, 1, 1, 1}}});
    branches.push_back(b.add(Op::Relu, {z}));
    // A second reader, times 0, keeps the ReLU out of the convolution and changes nothing else.
    if (separateReaders)
      branches.back() =
          b.add(Op::Concat, {branches.back(), b.add(Op::Mul, {z, b.floats({}, {0})})}, {{"axis", std::int64_t{1}}});
  }
  b.add(Op::Add, {branches[0], branches[1]});
  inferShapes(b.graph);
  if (separateReaders)
    b.add(Op::Slice, {b.graph.outputs[0]},
          {{"axes", Ints{0, 1, 2, 3}},
           {"starts", Ints{0, 0, 0, 0}},
           {"ends", Ints{1, 9, 4, 4}},
           {"steps", Ints{1, 1, 1, 1}}});
  b.add(Op::Affine,
        {b.graph.outputs[0], b.floats({9}, std::vector<float>(9, 1)), b.floats({9}, std::vector<float>(9, 0.5f))});
  addHead(b);
  return b.graph;
}

// Convolution, what cuts it, convolution, head; with a second reader of the first one, times 0, as above.
Graph cutNet(Op cut, bool separateReader) {
  Build b({1, 9, 4, 4});
  const ValueId z = b.add(Op::Conv, {b.x(), b.random({9, 9, 3, 3}), b.random({9})}, {{"pads", Ints{1, 1, 1, 1}}});
  ValueId y = cut == Op::Relu ? b.add(Op::Relu, {z}) : b.add(Op::Clip, {z}, {{"min", 0.0f}, {"max", 0.4f}});
  const ValueId second = b.random({9, 9, 3, 3});
  if (separateReader) y = b.add(Op::Add, {y, b.add(Op::Mul, {z, b.floats({}, {0})})});
  b.add(Op::Conv, {y, second}, {{"pads", Ints{1, 1, 1, 1}}});
  addHead(b);
  return b.graph;
}

// Of the way back through the second reader nothing is left, as its relevance is a multiple of 0.
TEST(Fusion, DoesNotShowWhateverTheRuleOfTheCutAndOfTheLayerBeforeIt) {
  const Array x = input({1, 9, 4, 4});
  const auto backend = makeReferenceBackend();
  for (const Op cut : {Op::Relu, Op::Clip})
    for (const char* atCut : {"pass", "jacobian", "guided", "deconv"})
      for (const char* atLayer : {"epsilon:epsilon=0.1", "zplus", "alphabeta:alpha=2,beta=1", "gamma:gamma=0.5", "rap",
                                  "rap-signed", "gradient", "flat"}) {
        const Method m = methodOf({{opName(cut), atCut},
                                   {"Conv", atLayer},
                                   {"[linear]", "epsilon:epsilon=0.1"},
                                   {"[residual]", "jacobian"},
                                   {"[affine]", "jacobian"},
                                   {"[move]", "jacobian"}});
        const Doubles apart = explain(cutNet(cut, true), m, *backend, x, {1, -0.5, 0.25}).relevance;
        const Doubles fused = explain(cutNet(cut, false), m, *backend, x, {1, -0.5, 0.25}).relevance;
        expectClose(fused, apart, 1e-5, fmt::format("{} at {}, {} before", atCut, opName(cut), atLayer));
      }
}

// h + a branch that ends in the activation, with skips without learned layers off: all goes into the branch, zeros or
// not.
Graph branchThatEndsIn(Op last) {
  Build b({1, 9, 4, 4});
  const auto conv = [&](ValueId x) {
    return b.add(Op::Conv, {x, b.random({9, 9, 3, 3}), b.random({9})}, {{"pads", Ints{1, 1, 1, 1}}});
  };
  const ValueId h = b.add(Op::Relu, {conv(b.x())});
  ValueId branch = conv(b.add(Op::Relu, {conv(h)}));
  branch = last == Op::Relu ? b.add(Op::Relu, {branch}) : b.add(Op::LeakyRelu, {branch}, {{"alpha", 0.0f}});
  b.add(Op::Add, {h, branch});
  addHead(b);
  return b.graph;
}

TEST(Fusion, DoesNotShowWhereASkipIsOff) {
  const Array x = input({1, 9, 4, 4});
  const auto backend = makeReferenceBackend();
  for (const char* method : {"lrp-epsilon:epsilon=0.1", "lrp-0", "lrp-gamma", "rap:first=none", "lrp-zplus"}) {
    const Method m =
        parseMethod(std::string(method) + (std::string(method).find(':') == std::string::npos ? ":" : ",") +
                    "identity_skip=off,residual=ratio");
    const Doubles apart = explain(branchThatEndsIn(Op::LeakyRelu), m, *backend, x, {1, -0.5, 0.25}).relevance;
    const Doubles fused = explain(branchThatEndsIn(Op::Relu), m, *backend, x, {1, -0.5, 0.25}).relevance;
    expectClose(fused, apart, 1e-4, method);
  }
}

// Where a ReLU runs is the engine's affair: the same net with its ReLUs kept apart explains the same.
TEST(Fusion, DoesNotShowBelowASumOfTwoZeros) {
  const Array x = input({1, 9, 4, 4});
  for (const char* method : {"lrp-epsilon:epsilon=0.1,residual=ratio", "rap:first=none", "lrp-zplus:residual=ratio"}) {
    const auto backend = makeReferenceBackend();
    // Random weights are drawn in order, so both nets have the same.
    const Doubles apart = explain(cutOffSum(true), parseMethod(method), *backend, x, {1, -0.5, 0.25}).relevance;
    const Doubles fused = explain(cutOffSum(false), parseMethod(method), *backend, x, {1, -0.5, 0.25}).relevance;
    expectClose(fused, apart, 1e-5, method);
  }
}

}  // namespace
}  // namespace relprop::test
