// Rules of nodes without weights, by hand: each net ends in a dense head with known relevance at what it reads.
#include <algorithm>

#include "relprop/error.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace node_rules_test {

// Relevance that the head (gradient) hands to what it reads, one image: Wᵀ seed.
Doubles headRelevance(const Graph& g, const Doubles& seed) {
  const auto& w = *g.value(g.nodes.back().inputs[1]).constant->floats;
  Doubles r(w.size() / seed.size());
  for (std::size_t k = 0; k < seed.size(); ++k)
    for (std::size_t i = 0; i < r.size(); ++i) r[i] += seed[k] * static_cast<double>(w[k * r.size() + i]);
  return r;
}

const Doubles kSeed = {0.7, -1.1, 0.4};

class NodeRules : public testing::Test {
 protected:
  void expectRelevance(const Build& b, Rows rows, const Array& x, const Doubles& expected) {
    rows.insert(rows.end(),
                {{"head", "gradient"}, {"[move]", "jacobian"}, {"[activation]", "pass"}, {"Conv", "gradient"}});
    for (const auto& backend : bothBackends())
      expectClose(explain(b.graph, methodOf(rows), *backend, x, kSeed).relevance, expected, 1e-5, backend->name());
  }
};

// ---- additions: the input's two halves are the two operands, so each share can be seen
class Additions : public NodeRules {
 protected:
  static constexpr std::int64_t channels = 9, half = channels * 4;
  static ValueId halfOf(Build& b, std::int64_t from) {
    return b.add(Op::Slice, {b.x()},
                 {{"axes", Ints{0, 1, 2, 3}},
                  {"starts", Ints{0, from, 0, 0}},
                  {"ends", Ints{1, from + channels, 2, 2}},
                  {"steps", Ints{1, 1, 1, 1}}});
  }
  static Build net(Op op = Op::Add) {
    Build b({1, 2 * channels, 2, 2});
    const ValueId s = halfOf(b, 0), m = halfOf(b, channels);
    b.add(op, {s, m});
    addHead(b);
    return b;
  }
  // Values of both signs; both zero, one zero and opposite values among them.
  static Array values() {
    Array x = input({1, 2 * channels, 2, 2});
    x.data[0] = x.data[half] = 0;
    x.data[1] = 0;
    x.data[2] = 0.5, x.data[half + 2] = -0.5;
    return x;
  }
  void expectShares(const std::string& rule, const std::function<double(double s, double m)>& share, Op op = Op::Add) {
    const Build b = net(op);
    const Array x = values();
    const Doubles r = headRelevance(b.graph, kSeed);
    Doubles expected(x.data.size());
    for (std::size_t i = 0; i < half; ++i) {
      const double s = x.data[i], m = (op == Op::Sub ? -1 : 1) * x.data[half + i];
      expected[i] = share(s, m) * r[i];
      expected[half + i] = share(m, s) * r[i];
    }
    expectRelevance(b, {{"[residual]", rule}}, x, expected);
  }
};

double proportional(double h, double other, double epsilon) {
  const double z = h + other;
  return epsilon == 0 ? (z == 0 ? 0 : h / z) : h / (z + (z < 0 ? -epsilon : epsilon));
}

TEST_F(Additions, Proportional) {
  expectShares("proportional:stabilizer=0.01", [](double h, double other) { return proportional(h, other, 0.01); });
}
TEST_F(Additions, ProportionalWithSafeDivision) {
  expectShares("proportional:stabilizer=0", [](double h, double other) { return proportional(h, other, 0); });
}
double ratio(double h, double other) {
  return h == 0 && other == 0 ? 0.5 : std::abs(h) / (std::abs(h) + std::abs(other));
}
TEST_F(Additions, RatioHalvesWhereBothAreZero) {
  expectShares("ratio", ratio);
}
TEST_F(Additions, Symmetric) {
  expectShares("symmetric", [](double, double) { return 0.5; });
}
double agreeing(double h, double other, double gamma) {
  const double z = h + other;
  const auto weighed = [&](double v) { return v * ((v > 0 && z > 0) || (v < 0 && z < 0) ? 1 + gamma : 1); };
  const double sum = weighed(h) + weighed(other);
  return sum == 0 ? 0 : weighed(h) / sum;
}
TEST_F(Additions, ResidualGammaWeighsTheSumsSign) {
  for (const double gamma : {0.0, 0.25, 4.0})
    expectShares("residual-gamma:gamma=" + std::to_string(gamma),
                 [gamma](double h, double other) { return agreeing(h, other, gamma); });
}
TEST_F(Additions, SubtractionsAreAdditionsOfTheNegative) {
  expectShares(
      "residual-gamma:gamma=0.5", [](double h, double other) { return agreeing(h, other, 0.5); }, Op::Sub);
  expectShares("ratio", ratio, Op::Sub);
  expectShares(
      "proportional:stabilizer=0.01", [](double h, double other) { return proportional(h, other, 0.01); }, Op::Sub);
}

TEST_F(Additions, IdentitySkipOffSendsAllToTheBranch) {
  for (const char* rule :
       {"ratio:identity_skip=off", "symmetric:identity_skip=off", "proportional:identity_skip=off"}) {
    Build b({1, 9, 2, 2});
    const ValueId weights = b.random({9, 9, 1, 1});
    b.add(Op::Add, {b.add(Op::Conv, {b.x(), weights}), b.x()});
    addHead(b);
    const Doubles r = headRelevance(b.graph, kSeed);
    const auto& w = *b.graph.value(weights).constant->floats;
    Doubles expected(36);
    for (std::size_t o = 0; o < 9; ++o)
      for (std::size_t i = 0; i < 9; ++i)
        for (std::size_t p = 0; p < 4; ++p) expected[i * 4 + p] += static_cast<double>(w[o * 9 + i]) * r[o * 4 + p];
    expectRelevance(b, {{"[residual]", rule}}, input({1, 9, 2, 2}), expected);
  }
}

// A branch of one value a channel, as in blocks with a global context: it collects what all places hand it.
TEST_F(Additions, IdentitySkipOffSumsWhatABroadcastBranchGets) {
  const Array x = input({1, 9, 2, 3});
  const Method m = methodOf({{"Conv", "flat"},
                             {"Dense", "flat"},
                             {"[residual]", "symmetric:identity_skip=off"},
                             {"[averagepool]", "proportional"},
                             {"[affine]", "pass"},
                             {"[move]", "jacobian"}});
  Doubles maps[2];
  for (const bool repeated : {false, true}) {
    Build b({1, 9, 2, 3});
    ValueId branch =
        b.add(Op::Conv, {b.add(Op::AveragePool, {b.x()}, {{"kernel_shape", Ints{2, 3}}}), b.random({9, 9, 1, 1})});
    if (repeated) branch = b.add(Op::Mul, {branch, b.floats({1, 1, 2, 3}, std::vector<float>(6, 1))});
    b.add(Op::Add, {b.x(), branch});
    addHead(b);
    for (const auto& backend : bothBackends()) {
      maps[repeated] = explain(b.graph, m, *backend, x, kSeed).relevance;
      expectClose(maps[repeated], maps[0], 1e-5);
    }
  }
}

// What was repeated to be added collects the shares of all its copies.
TEST_F(Additions, BroadcastOperandCollectsItsCopies) {
  Build b({1, 9, 2, 3});
  const ValueId mean = b.add(Op::MaxPool, {b.x()}, {{"kernel_shape", Ints{2, 3}}});
  b.add(Op::Add, {b.x(), mean});
  addHead(b);
  const Array x = input({1, 9, 2, 3}, 1, 0.1, 1);
  const Doubles r = headRelevance(b.graph, kSeed);
  Doubles expected(54);
  for (std::size_t c = 0; c < 9; ++c) {
    const auto first = x.data.begin() + static_cast<std::ptrdiff_t>(c * 6);
    const auto winner = static_cast<std::size_t>(std::max_element(first, first + 6) - x.data.begin());
    for (std::size_t i = c * 6; i < c * 6 + 6; ++i) {
      expected[i] += ratio(x.data[i], x.data[winner]) * r[i];
      expected[winner] += ratio(x.data[winner], x.data[i]) * r[i];
    }
  }
  expectRelevance(b, {{"[residual]", "ratio"}, {"[maxpool]", "winner"}}, x, expected);
}

// ---- pools: 3×3 windows by stride 2 with padding over 5×5
class PoolRules : public NodeRules {
 protected:
  static constexpr std::size_t channels = 9;
  static Build net(Op op, bool countPadding = false) {
    Build b({1, channels, 5, 5});
    b.add(op, {b.x()},
          {{"kernel_shape", Ints{3, 3}},
           {"strides", Ints{2, 2}},
           {"pads", Ints{1, 1, 1, 1}},
           {"count_include_pad", std::int64_t{countPadding}}});
    addHead(b);
    return b;
  }
  using Window = std::vector<std::size_t>;
  static void eachWindow(std::size_t kernel, std::int64_t pad, std::size_t outputs,
                         const std::function<void(std::size_t out, const Window&)>& f) {
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t y = 0; y < outputs; ++y)
        for (std::size_t x = 0; x < outputs; ++x) {
          Window taps;
          for (std::size_t ky = 0; ky < kernel; ++ky)
            for (std::size_t kx = 0; kx < kernel; ++kx) {
              const std::int64_t iy = static_cast<std::int64_t>(2 * y + ky) - pad,
                                 ix = static_cast<std::int64_t>(2 * x + kx) - pad;
              if (iy >= 0 && ix >= 0 && iy < 5 && ix < 5)
                taps.push_back(c * 25 + static_cast<std::size_t>(iy * 5 + ix));
            }
          f((c * outputs + y) * outputs + x, taps);
        }
  }
  // x_i/n over stab(Σx/n), n the number that the average divides by.
  static Doubles shares(const Array& x, const Doubles& r, double epsilon, bool countPadding = false) {
    Doubles expected(x.data.size());
    eachWindow(3, 1, 3, [&](std::size_t o, const Window& taps) {
      const double n = countPadding ? 9 : static_cast<double>(taps.size());
      double z = 0;
      for (std::size_t i : taps) z += x.data[i] / n;
      for (std::size_t i : taps)
        expected[i] += epsilon == 0 ? (z == 0 ? 0 : x.data[i] / n / z * r[o])
                                    : x.data[i] / n / (z + (z < 0 ? -epsilon : epsilon)) * r[o];
    });
    return expected;
  }
};

TEST_F(PoolRules, WinnerTakesAllAndTiesGoToTheFirst) {
  const Build b = net(Op::MaxPool);
  Array x = input({1, channels, 5, 5}, 1, -2, 2);
  for (double& v : x.data) v = std::round(v);
  const Doubles r = headRelevance(b.graph, kSeed);
  Doubles expected(x.data.size());
  eachWindow(3, 1, 3, [&](std::size_t o, const Window& taps) {
    std::size_t best = taps[0];
    for (std::size_t i : taps)
      if (x.data[i] > x.data[best]) best = i;
    expected[best] += r[o];
  });
  expectRelevance(b, {{"[maxpool]", "winner"}}, x, expected);
}

TEST_F(PoolRules, MaxPoolAsAverageAndProportional) {
  const Build b = net(Op::MaxPool);
  const Array x = input({1, channels, 5, 5});
  const Doubles expected = shares(x, headRelevance(b.graph, kSeed), 0.1);
  expectRelevance(b, {{"[maxpool]", "average:stabilizer=0.1"}}, x, expected);
  expectRelevance(b, {{"[maxpool]", "proportional:stabilizer=0.1"}}, x, expected);
}

TEST_F(PoolRules, MaxPoolOverAWindowOfItsOwn) {
  Build b({1, channels, 5, 5});
  b.add(Op::MaxPool, {b.x()}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
  addHead(b);
  const Array x = input({1, channels, 5, 5}, 1, 0, 1);
  const Doubles r = headRelevance(b.graph, kSeed);
  Doubles expected(x.data.size());
  eachWindow(2, 0, 2, [&](std::size_t o, const Window& taps) {
    double z = 0;
    for (std::size_t i : taps) z += x.data[i];
    for (std::size_t i : taps) expected[i] += x.data[i] / z * r[o];
  });
  expectRelevance(b, {{"[maxpool]", "average:window=2,stabilizer=0"}}, x, expected);
}

TEST_F(PoolRules, WindowThatGivesAnotherSizeIsRefused) {
  const Build b = net(Op::MaxPool);
  const auto backend = makeReferenceBackend();
  const Method m = methodOf({{"head", "gradient"}, {"[move]", "jacobian"}, {"[maxpool]", "average:window=2"}});
  try {
    explain(b.graph, m, *backend, input({1, channels, 5, 5}), kSeed);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  }
}

TEST_F(PoolRules, AveragePoolShares) {
  const Array x = input({1, channels, 5, 5});
  for (const bool count : {false, true}) {
    const Build b = net(Op::AveragePool, count);
    const Doubles r = headRelevance(b.graph, kSeed);
    expectRelevance(b, {{"[averagepool]", "proportional:stabilizer=0.1"}}, x, shares(x, r, 0.1, count));
    const Array positive = input({1, channels, 5, 5}, 2, 0, 1);
    expectRelevance(b, {{"[averagepool]", "proportional:stabilizer=0"}}, positive, shares(positive, r, 0, count));
  }
}

// ---- everything else
TEST_F(NodeRules, PassHandsOnWhatArrives) {
  for (const Op op : {Op::Relu, Op::Sigmoid, Op::Tanh, Op::HardSwish, Op::LeakyRelu, Op::Elu, Op::LRN}) {
    Build b({1, 9, 2, 2});
    b.add(op, {b.x()}, op == Op::LRN ? Attributes{{"size", std::int64_t{3}}} : Attributes{});
    addHead(b);
    expectRelevance(b, {{"[lrn]", "pass"}}, input({1, 9, 2, 2}), headRelevance(b.graph, kSeed));
  }
}

TEST_F(NodeRules, ConstantsTakeNoRelevance) {
  for (const Op op : {Op::Add, Op::Sub, Op::Mul, Op::Div}) {
    Build b({1, 9, 2, 2});
    b.add(op, {b.x(), b.random({9, 1, 1}, 1, 2)});
    addHead(b);
    expectRelevance(b, {{"[affine]", "pass"}}, input({1, 9, 2, 2}), headRelevance(b.graph, kSeed));
  }
}

TEST_F(NodeRules, GateTakesNone) {
  for (const bool gateFirst : {false, true}) {
    Build b({1, 9, 2, 2});
    const ValueId gate = b.add(Op::Sigmoid, {b.x()});
    b.add(Op::Mul, gateFirst ? std::vector<ValueId>{gate, b.x()} : std::vector<ValueId>{b.x(), gate});
    addHead(b);
    expectRelevance(b, {{"[gate]", "gate"}}, input({1, 9, 2, 2}), headRelevance(b.graph, kSeed));
  }
}

TEST_F(NodeRules, SmallerGateTakesNone) {
  Build b({1, 9, 2, 2});
  const ValueId gate = b.add(Op::AveragePool, {b.x()}, {{"kernel_shape", Ints{2, 2}}});
  b.add(Op::Mul, {gate, b.x()});
  addHead(b);
  expectRelevance(b, {{"[gate]", "gate"}}, input({1, 9, 2, 2}), headRelevance(b.graph, kSeed));
}

TEST_F(NodeRules, MissingRuleIsAnError) {
  Build b({1, 9, 2, 2});
  b.add(Op::Relu, {b.x()});
  addHead(b);
  const auto backend = makeReferenceBackend();
  try {
    explain(b.graph, methodOf({{"head", "gradient"}, {"[move]", "jacobian"}}), *backend, input({1, 9, 2, 2}), kSeed);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  }
}

}  // namespace node_rules_test
}  // namespace relprop::test
