// The rules of attention networks, written once more from their formulas by plain loops in double precision.
#include <algorithm>

#include "unit/explain/attention_net.h"

namespace relprop::test {
namespace {

constexpr std::size_t kTokens = 4, kWidth = 3;  // A: tokens×width, B: width×tokens
const Doubles kSeed = {0.7, -1.1, 0.4};

// Relevance that the head (gradient) hands to what it reads, one image: Wᵀ seed.
Doubles headRelevance(const Graph& g) {
  const auto& w = *g.value(g.nodes.back().inputs[1]).constant->floats;
  Doubles r(w.size() / kSeed.size());
  for (std::size_t k = 0; k < kSeed.size(); ++k)
    for (std::size_t i = 0; i < r.size(); ++i) r[i] += kSeed[k] * static_cast<double>(w[k * r.size() + i]);
  return r;
}

ValueId part(Build& b, std::int64_t from) {
  return b.add(Op::Slice, {b.x()},
               {{"axes", Ints{0, 1, 2}},
                {"starts", Ints{0, from, 0}},
                {"ends", Ints{1, from + 4, 3}},
                {"steps", Ints{1, 1, 1}}});
}

// The input's first four rows are A, the others Bᵀ, so that what each operand gets can be seen.
Build product() {
  Build b({1, 2 * kTokens, kWidth});
  const ValueId left = part(b, 0), right = b.add(Op::Transpose, {part(b, kTokens)}, {{"perm", Ints{0, 2, 1}}});
  b.add(Op::MatMul, {left, right});
  nameLast(b, "product");
  addHead(b);
  return b;
}

double stab(double z, double epsilon) {
  return z + (z < 0 ? -epsilon : epsilon);
}

// R_A[i,k] = Σ_j A_ik B_kj R_ij/stab(2 O_ij), and likewise for B.
Doubles productTwin(const Doubles& x, const Doubles& r, double epsilon) {
  Doubles out(x.size());
  const auto a = [](std::size_t i, std::size_t k) { return i * kWidth + k; };
  const auto b = [](std::size_t k, std::size_t j) { return (kTokens + j) * kWidth + k; };
  for (std::size_t i = 0; i < kTokens; ++i)
    for (std::size_t j = 0; j < kTokens; ++j) {
      double z = 0;
      for (std::size_t k = 0; k < kWidth; ++k) z += x[a(i, k)] * x[b(k, j)];
      for (std::size_t k = 0; k < kWidth; ++k) {
        const double share = x[a(i, k)] * x[b(k, j)] * r[i * kTokens + j] / stab(2 * z, epsilon);
        out[a(i, k)] += share;
        out[b(k, j)] += share;
      }
    }
  return out;
}

const Rows kRest = {{"head", "gradient"}, {"[move]", "jacobian"}};

Rows withRest(Rows rows) {
  rows.insert(rows.end(), kRest.begin(), kRest.end());
  return rows;
}

const Slot& slotOf(const Explained& e, const std::string& node) {
  return *std::find_if(e.ledger.begin(), e.ledger.end(), [&](const Slot& s) { return s.node == node; });
}

TEST(AttentionRules, ProductGivesHalfToEachOperand) {
  const Build b = product();
  const Array x = input({1, 2 * kTokens, kWidth});
  for (const auto& backend : bothBackends())
    for (const double epsilon : {0.0, 0.1}) {
      const std::string rule = "attention:stabilizer=" + std::to_string(epsilon);
      const Explained e = explain(b.graph, methodOf(withRest({{"[matmul]", rule}})), *backend, x, kSeed);
      expectClose(e.relevance, productTwin(x.data, headRelevance(b.graph), epsilon), 2e-5, backend->name());
    }
}

TEST(AttentionRules, ProductConserves) {
  const Build b = product();
  const Array x = input({1, 2 * kTokens, kWidth}, 1, 0.1, 1);
  const double arrived = sum(headRelevance(b.graph));
  for (const auto& backend : bothBackends()) {
    const Explained e = explain(b.graph, methodOf(withRest({{"[matmul]", "attention"}})), *backend, x, kSeed);
    EXPECT_NEAR(sum(e.relevance), arrived, 1e-5 * std::abs(arrived)) << backend->name();
    EXPECT_NEAR(slotOf(e, "product").out[0], slotOf(e, "product").in[0], 1e-5 * std::abs(arrived));
  }
}

// One operand repeated over the other's stack collects what all the products hand to it.
TEST(AttentionRules, RepeatedOperandCollectsItsShares) {
  Build b({1, 9, 3, 3});
  const ValueId one = b.add(Op::Slice, {b.x()},
                            {{"axes", Ints{0, 1, 2, 3}},
                             {"starts", Ints{0, 4, 0, 0}},
                             {"ends", Ints{1, 5, 3, 3}},
                             {"steps", Ints{1, 1, 1, 1}}});
  b.add(Op::MatMul, {b.x(), one});
  addHead(b);
  const Array x = input({1, 9, 3, 3}, 1, 0.1, 1);
  const Doubles r = headRelevance(b.graph);
  Doubles expected(81);
  for (std::size_t s = 0; s < 9; ++s)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        double z = 0;
        for (std::size_t k = 0; k < 3; ++k) z += x.data[s * 9 + i * 3 + k] * x.data[36 + k * 3 + j];
        for (std::size_t k = 0; k < 3; ++k) {
          const double share = x.data[s * 9 + i * 3 + k] * x.data[36 + k * 3 + j] * r[s * 9 + i * 3 + j] / (2 * z);
          expected[s * 9 + i * 3 + k] += share;
          expected[36 + k * 3 + j] += share;
        }
      }
  for (const auto& backend : bothBackends())
    expectClose(explain(b.graph, methodOf(withRest({{"[matmul]", "attention"}})), *backend, x, kSeed).relevance,
                expected, 1e-5, backend->name());
}

struct Line {
  std::size_t outer, extent, inner;
};

// x_i·(R_i − s_i·ΣR) along the axis.
Doubles softmaxTwin(const Doubles& x, const Doubles& r, const Line& l) {
  Doubles out(x.size());
  for (std::size_t o = 0; o < l.outer; ++o)
    for (std::size_t n = 0; n < l.inner; ++n) {
      const auto at = [&](std::size_t k) { return (o * l.extent + k) * l.inner + n; };
      double total = 0, all = 0;
      for (std::size_t k = 0; k < l.extent; ++k) total += std::exp(x[at(k)]), all += r[at(k)];
      for (std::size_t k = 0; k < l.extent; ++k) out[at(k)] = x[at(k)] * (r[at(k)] - std::exp(x[at(k)]) / total * all);
    }
  return out;
}

class SoftmaxRule : public testing::TestWithParam<int> {
 protected:
  SoftmaxRule() : b_(kShape) {
    b_.add(Op::Softmax, {b_.x()}, {{"axis", static_cast<std::int64_t>(GetParam())}});
    nameLast(b_, "softmax");
    addHead(b_);
  }
  Doubles expected(const Array& x) const {
    const Line l = GetParam() == 1 ? Line{1, 9, 20} : Line{36, 5, 1};
    return softmaxTwin(x.data, headRelevance(b_.graph), l);
  }
  const Shape kShape = {1, 9, 4, 5};
  Build b_;
};

TEST_P(SoftmaxRule, GivesTaylorShares) {
  const Array x = input(kShape, 1, -3, 3);
  for (const auto& backend : bothBackends()) {
    const Explained e = explain(b_.graph, methodOf(withRest({{"[softmax]", "attention"}})), *backend, x, kSeed);
    expectClose(e.relevance, expected(x), 2e-5, backend->name());
  }
}

// What a softmax does not hand on belongs to the expansion's constant term; the ledger knows how much that is.
TEST_P(SoftmaxRule, LedgerStatesWhatItKeeps) {
  const Array x = input(kShape, 1, -3, 3);
  for (const auto& backend : bothBackends()) {
    const Explained e = explain(b_.graph, methodOf(withRest({{"[softmax]", "attention"}})), *backend, x, kSeed);
    const Slot& slot = slotOf(e, "softmax");
    EXPECT_NEAR(slot.in[0], sum(headRelevance(b_.graph)), 1e-4) << backend->name();
    EXPECT_NEAR(slot.out[0], sum(expected(x)), 1e-4) << backend->name();
    EXPECT_NEAR(slot.in[0], slot.out[0] + slot.bias[0], 1e-4) << backend->name();
  }
}

// All relevance of a line in proportion to the softmax's output: nothing is left to redistribute.
TEST(AttentionRules, SoftmaxThatGotItsOwnSharesKeepsAll) {
  const Doubles x = {0.3, -1.2, 0.8, 2.0};
  Doubles r(4);
  double total = 0;
  for (double v : x) total += std::exp(v);
  for (std::size_t i = 0; i < 4; ++i) r[i] = 1.7 * std::exp(x[i]) / total;
  for (double v : softmaxTwin(x, r, {1, 4, 1})) EXPECT_NEAR(v, 0, 1e-15);
}

INSTANTIATE_TEST_SUITE_P(Axes, SoftmaxRule, testing::Values(1, 3), testing::PrintToStringParamName());

TEST(AttentionRules, NormalisationIsAConstantFactor) {
  Build b({1, 5, 12});
  b.add(Op::LayerNormalization, {b.x(), b.random({12}), b.random({12})},
        {{"axis", std::int64_t{2}}, {"epsilon", 1e-5f}});
  addHead(b);
  for (const auto& backend : bothBackends())
    expectClose(explain(b.graph, methodOf(withRest({{"[normalisation]", "pass"}})), *backend, input({1, 5, 12}), kSeed)
                    .relevance,
                headRelevance(b.graph), 1e-6, backend->name());
}

// With the deviation as a constant y = scale·(x − mean)/deviation + bias is linear: x_i's part of y_j, over y_j.
TEST(AttentionRules, NormalisationSharesLikeALinearLayer) {
  constexpr std::size_t width = 12;
  Build b({1, 5, width});
  const ValueId scale = b.random({width}, 0.5f, 2), bias = b.random({width});
  b.add(Op::LayerNormalization, {b.x(), scale, bias}, {{"axis", std::int64_t{2}}, {"epsilon", 1e-5f}});
  addHead(b);
  const Array x = input({1, 5, width});
  const Doubles r = headRelevance(b.graph);
  const auto &w = *b.graph.value(scale).constant->floats, &c = *b.graph.value(bias).constant->floats;
  Doubles expected(x.data.size());
  for (std::size_t row = 0; row < 5; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < width; ++i) mean += x.data[row * width + i] / width;
    for (std::size_t i = 0; i < width; ++i) variance += std::pow(x.data[row * width + i] - mean, 2) / width;
    const double deviation = std::sqrt(variance + 1e-5);
    for (std::size_t j = 0; j < width; ++j) {
      const double z = w[j] * (x.data[row * width + j] - mean) / deviation + c[j];
      for (std::size_t i = 0; i < width; ++i) {
        const double part = w[j] * ((i == j) - 1.0 / width) / deviation * x.data[row * width + i];
        expected[row * width + i] += part / stab(z, 0.01) * r[row * width + j];
      }
    }
  }
  for (const auto& backend : bothBackends()) {
    const Explained e =
        explain(b.graph, methodOf(withRest({{"[normalisation]", "proportional:stabilizer=0.01"}})), *backend, x, kSeed);
    expectClose(e.relevance, expected, 5e-5, backend->name());
  }
}

// A constant that is added keeps its share; one that is multiplied takes none.
TEST(AttentionRules, SumsWithConstantsByShares) {
  Build b({1, 5, 12});
  const ValueId c = b.random({5, 12});
  b.add(Op::Mul, {b.add(Op::Add, {b.x(), c}), b.random({12}, 1, 2)});
  addHead(b);
  const Array x = input({1, 5, 12});
  Doubles expected = headRelevance(b.graph);
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] *= x.data[i] / stab(x.data[i] + (*b.graph.value(c).constant->floats)[i], 0.01);
  const Rows rows = withRest({{"[affine]", "proportional:stabilizer=0.01"}});
  for (const auto& backend : bothBackends())
    expectClose(explain(b.graph, methodOf(rows), *backend, x, kSeed).relevance, expected, 1e-5, backend->name());
}

// Several targets side by side are what each gives alone.
TEST(AttentionRules, TargetsAreRunsOfTheirOwn) {
  constexpr std::size_t rows = 2, targets = 3, classes = 3;
  Build b({rows, 5, 12});
  selfAttention(b);
  inferShapes(b.graph);
  b.add(Op::LayerNormalization, {b.graph.outputs[0], b.random({12}, 0.5f, 2), b.random({12})},
        {{"axis", std::int64_t{2}}, {"epsilon", 1e-3f}});
  b.add(Op::Gelu, {b.graph.outputs[0]});
  addHead(b, classes);
  const Array x = input({rows, 5, 12});
  CompileOptions options;
  options.targets = targets;
  Doubles seed(rows * targets * classes);
  for (std::size_t r = 0; r < rows * targets; ++r) seed[r * classes + r % targets] = 1 + 0.5 * static_cast<double>(r);
  for (const char* method : {"gradient", "attn-lrp:epsilon=0.01", "lrp-zplus"})
    for (const auto& backend : bothBackends()) {
      const Doubles all = explainWith(b.graph, parseMethod(method), *backend, x, seed, options).relevance;
      for (std::size_t t = 0; t < targets; ++t) {
        Doubles one(rows * classes), got;
        for (std::size_t r = 0; r < rows; ++r) {
          std::copy_n(seed.begin() + static_cast<std::ptrdiff_t>((r * targets + t) * classes), classes,
                      one.begin() + static_cast<std::ptrdiff_t>(r * classes));
          const auto first = all.begin() + static_cast<std::ptrdiff_t>((r * targets + t) * 60);
          got.insert(got.end(), first, first + 60);
        }
        expectClose(got, explain(b.graph, parseMethod(method), *backend, x, one).relevance, 1e-5, method);
      }
    }
}

// Constants among the parts keep what is handed to them, whole channel blocks or not.
TEST(AttentionRules, ConcatenatedConstantsKeepTheirShare) {
  for (const std::int64_t channels : {3, 16}) {
    Build b({1, 16, 2, 2});
    const ValueId c = b.random({1, channels, 2, 2});
    b.add(Op::Concat, {c, b.x()}, {{"axis", std::int64_t{1}}});
    addHead(b);
    const Doubles all = headRelevance(b.graph);
    const Doubles expected(all.begin() + channels * 4, all.end());
    for (const auto& backend : bothBackends())
      expectClose(explain(b.graph, methodOf(kRest), *backend, input({1, 16, 2, 2}), kSeed).relevance, expected, 1e-6,
                  backend->name());
  }
}

}  // namespace
}  // namespace relprop::test
