// Whole small networks: relevance is conserved layer by layer, rows do not see one another, backends agree.
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

INSTANTIATE_TEST_SUITE_P(Rap, Conserving, testing::Values("rap", "rap-signed", "rap:residual=symmetric"));

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
