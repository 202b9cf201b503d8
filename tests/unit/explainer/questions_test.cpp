// What is asked of an Explainer: several targets, contrasts, vectors, inner nodes, and limits that stop it. On the
// bundled network; gradients are linear in the seed, so that each answer follows from those to plain questions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "explainer/model_impl.h"
#include "relprop/explain.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace questions_test {

using ::testing::HasSubstr;

const Model& shapes() {
  static const Model model =
      Model::load(std::filesystem::path(__FILE__).parent_path() / ".." / ".." / ".." / "examples/model/shapes.onnx");
  return model;
}

ExplainOptions options(const std::string& method, int targets = 1) {
  ExplainOptions o;
  o.method = method, o.threads = 1;
  o.targets.resize(static_cast<std::size_t>(targets));
  return o;
}

Tensor images(std::int64_t count, unsigned seed = 1) {
  Shape shape = shapes().inputShape();
  shape[0] = count;
  Tensor t(shape);
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  for (float& v : t.data) v = normal(engine);
  return t;
}

using Floats = std::vector<float>;

void expectClose(const Floats& got, const Floats& expected, float tolerance, const std::string& what = "") {
  ASSERT_EQ(got.size(), expected.size());
  float scale = 1e-30f;
  for (float v : expected) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance * scale) << what << ", element " << i;
}

Floats mapOf(const std::string& method, const Target& target, const Tensor& x) {
  return Explainer(shapes(), options(method)).explain(x, {target})[0].relevance.data;
}

std::vector<Floats> allClasses(const std::string& method, const Tensor& x) {
  Explainer explainer(shapes(), options(method));
  std::vector<Floats> all;
  for (int c = 0; c < 10; ++c) all.push_back(explainer.explain(x, {Target::of(c)})[0].relevance.data);
  return all;
}

Floats combined(const std::vector<Floats>& maps, const std::vector<double>& weights) {
  Floats out(maps[0].size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < maps.size(); ++c) sum += weights[c] * maps[c][i];
    out[i] = static_cast<float>(sum);
  }
  return out;
}

// ---- kinds of targets
class LinearInTheSeed : public ::testing::TestWithParam<std::string> {};

TEST_P(LinearInTheSeed, ContrastsVectorsAndAllAreSumsOfClasses) {
  const Tensor x = images(1);
  const std::vector<Floats> classes = allClasses(GetParam(), x);
  const auto expectMap = [&](const Target& t, const std::vector<double>& weights, const char* what) {
    expectClose(mapOf(GetParam(), t, x), combined(classes, weights), 2e-5f, what);
  };
  std::vector<double> others(10, -1.0 / 9), rival(10), everything(10, 1);
  others[3] = 1, rival[3] = 1, rival[7] = -1;
  expectMap(Target::of(3).againstOthers(), others, "rather than the others");
  expectMap(Target::of(3).against(7), rival, "rather than class 7");
  expectMap(Target::of(3).againstOthers().against(7), rival, "the contrast that was named last");
  expectMap(Target::all(), everything, "all");
  const Floats vector = {0.5f, 0, -1, 2, 0, 0, 0.25f, 0, 0, 1};
  expectMap(Target::withRelevance(vector), {vector.begin(), vector.end()}, "vector");
}

INSTANTIATE_TEST_SUITE_P(Methods, LinearInTheSeed,
                         ::testing::Values("gradient", "input-x-gradient", "lrp-zplus:seed=one", "deeplift",
                                           "integrated-gradients:steps=5", "smoothgrad:samples=3",
                                           "occlusion:window=16,stride=16"));

TEST(Targets, LogitsOfBothClassesSeedAContrast) {
  const Tensor x = images(1);
  const Explanation e = Explainer(shapes(), options("lrp-zplus")).explain(x, {Target::of(3).against(7)})[0];
  EXPECT_NEAR(e.seed, static_cast<double>(e.logits[3]) - e.logits[7], 1e-5);
  EXPECT_EQ(e.target, 3);
  const std::vector<Floats> one = allClasses("lrp-zplus:seed=one", x);
  std::vector<double> weights(10);
  weights[3] = e.logits[3], weights[7] = -e.logits[7];
  expectClose(e.relevance.data, combined(one, weights), 2e-5f);
}

TEST(Targets, RanksFollowTheScores) {
  const Tensor x = images(1);
  ExplainOptions o = options("gradient", 10);
  for (int k = 0; k < 10; ++k) o.targets[static_cast<std::size_t>(k)] = Target::rank(k);
  const auto all = Explainer(shapes(), o).explain(x);
  ASSERT_EQ(all.size(), 10u);
  for (std::size_t k = 1; k < 10; ++k) EXPECT_GE(all[k - 1].targetPrediction.logit, all[k].targetPrediction.logit);
  EXPECT_EQ(all[0].target, all[0].top5[0].index);
  EXPECT_EQ(all[4].target, all[0].top5[4].index);
}

TEST(Targets, OfTheOptionsAreAsked) {
  const Tensor x = images(2);
  ExplainOptions o = options("gradient");
  o.targets = {Target::of(7), Target::rank(1), Target::of(2).againstOthers()};
  Explainer explainer(shapes(), o);
  const auto plain = explainer.explain(x), named = explainer.explain(x, o.targets);
  ASSERT_EQ(plain.size(), 6u);
  EXPECT_EQ(plain[0].target, 7);
  EXPECT_EQ(plain[4].target, plain[4].top5[1].index);
  for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(plain[k].relevance.data, named[k].relevance.data) << k;
}

TEST(Targets, TheHighestIsTheFirstRankAndTheDefault) {
  EXPECT_EQ(Target::highest(), Target::rank(0));
  EXPECT_EQ(Target::highest(), Target());
  EXPECT_EQ(ExplainOptions().targets, std::vector<Target>{Target::highest()});
  EXPECT_NE(Target::rank(0), Target::of(0));
  EXPECT_NE(Target::of(1), Target::of(1).againstOthers());
  EXPECT_NE(Target::of(1).against(2), Target::of(1).against(3));
}

TEST(Targets, HaveARange) {
  for (const int count : {0, 1001}) {
    const Error e = failureOf([&] { Explainer(shapes(), options("gradient", count)); });
    EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
    EXPECT_STREQ(e.what(), ("targets: " + std::to_string(count) + " (expected 1 to 1000)").c_str());
  }
}

TEST(Targets, HaveToMakeSense) {
  Explainer explainer(shapes(), options("gradient"));
  const auto codeFor = [&](const Target& t) { return codeOf([&] { explainer.explain(images(1), {t}); }); };
  for (const int rival : {3, -1, 10})
    EXPECT_EQ(codeFor(Target::of(3).against(rival)), ErrorCode::UnknownTarget) << rival;
  for (const int rank : {-1, 10}) EXPECT_EQ(codeFor(Target::rank(rank)), ErrorCode::UnknownTarget);
  EXPECT_EQ(codeFor(Target::withRelevance(Floats(9))), ErrorCode::UnknownTarget);
  EXPECT_EQ(codeFor(Target::withRelevance(Floats(10, NAN))), ErrorCode::UnknownTarget);
  EXPECT_EQ(codeFor(Target::withRelevance(Floats(10)).againstOthers()), ErrorCode::InvalidArgument);
}

// ---- several of them
class SeveralTargets : public ::testing::TestWithParam<std::string> {};

TEST_P(SeveralTargets, AreSingleOnes) {
  const Tensor x = images(3);
  ExplainOptions many = options(GetParam(), 2), one = options(GetParam());
  many.batch = 2;
  const Target contrast = Target::of(4).againstOthers();
  const std::vector<Target> shared = {Target::of(5), contrast};
  std::vector<Target> own;
  for (int row = 0; row < 3; ++row) own.insert(own.end(), {Target::of(row), contrast});
  Explainer wide(shapes(), many), single(shapes(), one);
  const auto forAll = wide.explain(x, shared), byRow = wide.explain(x, own);
  ASSERT_EQ(forAll.size(), 6u);
  ASSERT_EQ(byRow.size(), 6u);
  for (std::size_t row = 0; row < 3; ++row) {
    Shape shape = x.shape;
    shape[0] = 1;
    const auto n = static_cast<std::ptrdiff_t>(elementCount(shape)), first = static_cast<std::ptrdiff_t>(row) * n;
    const Tensor alone(shape, Floats(x.data.begin() + first, x.data.begin() + first + n));
    for (std::size_t c = 0; c < 2; ++c) {
      expectClose(forAll[row * 2 + c].relevance.data, single.explain(alone, {shared[c]})[0].relevance.data, 1e-5f);
      const Explanation e = single.explain(alone, {own[row * 2 + c]})[0];
      expectClose(byRow[row * 2 + c].relevance.data, e.relevance.data, 1e-5f);
      EXPECT_EQ(byRow[row * 2 + c].target, e.target);
      EXPECT_NEAR(byRow[row * 2 + c].seed, e.seed, 1e-5);
      EXPECT_EQ(byRow[row * 2 + c].ledger.size(), e.ledger.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, SeveralTargets,
                         ::testing::Values("lrp-zplus", "gradient", "deeplift", "integrated-gradients:steps=3",
                                           "grad-cam", "score-cam", "ablation-cam", "occlusion:window=16,stride=16",
                                           "rise:samples=5", "lime:samples=5", "kernel-shap:samples=5,segments=2"));

// ---- inner nodes
std::vector<std::string> nodesOf(const std::string& method) {
  std::vector<std::string> names;
  const Explainer explainer(shapes(), options(method));
  for (const NodeReport& n : explainer.report().nodes) names.push_back(n.node);
  return names;
}

TEST(InnerNodes, RelevanceComesWithTheirNamesAndSums) {
  ExplainOptions o = options("lrp-zplus", 2);
  o.at = {"*"};
  const Tensor x = images(2);
  const auto all = Explainer(shapes(), o).explain(x, {Target::of(1), Target::of(2)});
  for (const Explanation& e : all) {
    ASSERT_EQ(e.layers.size(), nodesOf("lrp-zplus").size());
    for (const LedgerEntry& l : e.ledger) {
      const auto at =
          std::find_if(e.layers.begin(), e.layers.end(), [&](const LayerMap& m) { return m.node == l.node; });
      ASSERT_NE(at, e.layers.end()) << l.node;
      EXPECT_EQ(at->relevance.shape[0], 1);
      const double total = std::accumulate(at->relevance.data.begin(), at->relevance.data.end(), 0.0);
      EXPECT_NEAR(total, l.in, 1e-4 * std::abs(l.in)) << l.node;
    }
  }
  EXPECT_NE(all[0].layers.back().relevance.data, all[1].layers.back().relevance.data);
}

TEST(InnerNodes, HaveToExist) {
  const std::string last = nodesOf("gradient").back();
  for (const std::string method : {"gradient", "lrp-zplus"}) {
    ExplainOptions o = options(method);
    o.at = {last + "x"};
    const Error at = failureOf([&] { Explainer(shapes(), o); });
    EXPECT_EQ(at.code(), ErrorCode::UnknownNode);
    EXPECT_THAT(at.hint(), HasSubstr("'" + last + "'"));
    o = options(method);
    o.from = "no such node";
    EXPECT_EQ(codeOf([&] { Explainer(shapes(), o); }), ErrorCode::UnknownNode);
  }
  EXPECT_EQ(codeOf([&] { Explainer(shapes(), options("grad-cam:layer=nowhere")); }), ErrorCode::UnknownNode);
}

// Everything passes through these nodes: the walk from one of them goes on where the whole walk stood there.
TEST(InnerNodes, ExplainedFromAreTheRestOfTheWalk) {
  const Tensor x = images(1);
  for (const std::string name : {"/stem/bn/BatchNormalization", "/stem_relu/Relu", "/stem_pool/MaxPool",
                                 "/block1/out/Relu", "/block2/Add", "/block3/out/Relu"}) {
    ExplainOptions o = options("gradient");
    o.at = {name};
    const Explanation whole = Explainer(shapes(), o).explain(x, {Target::of(6)})[0];
    o.at = {}, o.from = name;
    const Target there = Target::withRelevance(whole.layers.at(0).relevance.data);
    expectClose(Explainer(shapes(), o).explain(x, {there})[0].relevance.data, whole.relevance.data, 2e-5f, name);
  }
}

// A channel's score is the sum over its positions; Σ logit of a linear rule without losses is that sum.
TEST(InnerNodes, ChannelsAreTheClasses) {
  const Tensor x = images(1);
  ExplainOptions o = options("gradient");
  o.from = nodesOf("gradient")[1];
  Explainer explainer(shapes(), o);
  const Explanation e = explainer.explain(x, {Target::of(2)})[0];
  EXPECT_EQ(e.target, 2);
  const Explanation all = explainer.explain(x, {Target::all()})[0];
  std::vector<Floats> channels;
  for (int c = 0; c < static_cast<int>(e.logits.size()); ++c)
    channels.push_back(explainer.explain(x, {Target::of(c)})[0].relevance.data);
  expectClose(all.relevance.data, combined(channels, std::vector<double>(channels.size(), 1)), 2e-5f);
  EXPECT_EQ(codeOf([&] { explainer.explain(x, {Target::of(static_cast<int>(e.logits.size()))}); }),
            ErrorCode::UnknownTarget);
}

// ---- limits
TEST(Limits, ConservationMayBeRequired) {
  const Tensor x = images(1);
  ExplainOptions o = options("lrp-zplus");
  const Explanation e = Explainer(shapes(), o).explain(x)[0];
  const double lost = std::abs(e.sum - e.seed) / std::abs(e.seed);
  ASSERT_GT(lost, 0.01) << "biases absorb";
  o.requireConservation = lost * 0.99;
  const Error failure = failureOf([&] { Explainer(shapes(), o).explain(x); });
  EXPECT_EQ(failure.code(), ErrorCode::NotConserved);
  EXPECT_FALSE(failure.got().empty());
  EXPECT_FALSE(failure.expected().empty());
  o.requireConservation = lost * 1.01;
  EXPECT_NO_THROW(Explainer(shapes(), o).explain(x));
  o = options("rap");
  o.requireConservation = 1e-3;
  EXPECT_NO_THROW(Explainer(shapes(), o).explain(x));
  o.requireConservation = -1;
  EXPECT_EQ(codeOf([&] { Explainer(shapes(), o); }), ErrorCode::InvalidArgument);
}

class Stoppable : public ::testing::TestWithParam<std::string> {};

TEST_P(Stoppable, AfterABatchAndUsableAgain) {
  ExplainOptions o = options(GetParam());
  o.batch = 2;
  int calls = 0;
  std::int64_t last = 0, stopAt = 2;
  o.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    last = done;
    return ++calls < stopAt;
  };
  Explainer explainer(shapes(), o);
  EXPECT_EQ(codeOf([&] { explainer.explain(images(1)); }), ErrorCode::Cancelled);
  EXPECT_EQ(calls, 2);
  stopAt = 1 << 30;
  const Floats map = explainer.explain(images(1))[0].relevance.data;
  EXPECT_GT(last, 2);
  o.progress = {};
  EXPECT_EQ(map, Explainer(shapes(), o).explain(images(1))[0].relevance.data)
      << "a cancelled run leaves nothing behind";
}

INSTANTIATE_TEST_SUITE_P(Methods, Stoppable,
                         ::testing::Values("integrated-gradients:steps=7", "smoothgrad:samples=7", "gradient-shap",
                                           "score-cam", "ablation-cam", "occlusion:window=16,stride=16",
                                           "rise:samples=7", "lime:samples=7", "lrp-zplus:noise=0.1"));

// ---- what methods say and need
TEST(Facts, IntegratedGradientsTellsItsGap) {
  const Tensor x = images(1);
  const Explanation e = Explainer(shapes(), options("integrated-gradients:steps=200")).explain(x, {Target::of(3)})[0];
  ASSERT_EQ(e.facts.size(), 2u);
  const Tensor zero(x.shape);
  const Floats black = Explainer(shapes(), options("gradient")).forward(zero).data;
  EXPECT_NEAR(e.facts[0].second, static_cast<double>(e.logits[3]) - black[3], 1e-4);
  EXPECT_NEAR(e.facts[1].second, e.sum - e.facts[0].second, 1e-4);
  EXPECT_LT(std::abs(e.facts[1].second), 0.05 * std::abs(e.facts[0].second) + 0.05);
}

TEST(DeepLift, SumsToTheChangeWithBatchNormalizationKept) {
  Build b({-1, 3, 6, 6});
  const ValueId y = b.add(Op::Conv, {b.x(), b.random({10, 3, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Relu, {b.batchNorm(y, 10)});
  b.add(Op::Flatten, {b.add(Op::GlobalAveragePool, {b.graph.outputs[0]})});
  b.add(Op::Gemm, {b.graph.outputs[0], b.random({10, 3}), b.random({3})});
  const Model m = ModelAccess::network("made.onnx", {b.graph, ""});
  for (const char* batchnorm : {"fold", "pass"}) {
    Explainer explainer(m, options(std::string("deeplift:batchnorm=") + batchnorm));
    Tensor x(Shape{1, 3, 6, 6});
    for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = std::sin(static_cast<float>(i));
    const Explanation e = explainer.explain(x, {Target::of(1)})[0];
    const Floats before = explainer.forward(Tensor(x.shape)).data;
    EXPECT_NEAR(e.sum, static_cast<double>(e.logits[1]) - before[1], 1e-5) << batchnorm;
  }
}

}  // namespace questions_test
}  // namespace relprop::test
