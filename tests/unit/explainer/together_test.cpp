// Explainers of several methods that share one forward pass, on the bundled network: what they say is what each says
// alone, to the bit, in whatever order and for whatever pictures they are asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "unit/core/failure.h"
#include "unit/explainer/example.h"

namespace relprop::test {
namespace together_test {

using Options = std::vector<ExplainOptions>;
using Explainers = std::vector<std::unique_ptr<Explainer>>;

ExplainOptions asked(const std::string& method, int batch = 1) {
  ExplainOptions o = byThreads(1, method);
  o.batch = batch;
  o.pixelRange = PixelRange{{-3, -3, -3}, {3, 3, 3}};
  return o;
}

Options all(const std::vector<std::string>& methods, int batch = 1) {
  Options options;
  for (const std::string& method : methods) options.push_back(asked(method, batch));
  return options;
}

// Every method for networks without attention, the one that leads the group first.
std::vector<std::string> everyMethod() {
  std::vector<std::string> names;
  for (const MethodInfo& m : methods())
    if (m.ofNetworks && !m.needsAttention) names.push_back(m.name);
  return names;
}

Tensor pictures(unsigned seed, std::int64_t count) {
  Shape image = exampleModel().inputShape();
  image.erase(image.begin());
  const Tensor one = noisePicture(image, seed);
  Tensor t({count, image[0], image[1], image[2]});
  for (std::size_t i = 0; i < t.data.size(); ++i)
    t.data[i] = one.data[i % one.data.size()] * (1 + 0.5f * static_cast<float>(i / one.data.size()));
  return t;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expectSame(const std::vector<Explanation>& got, const std::vector<Explanation>& expected,
                const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k) {
    EXPECT_TRUE(sameBits(got[k].relevance.data, expected[k].relevance.data)) << what << ", map " << k;
    EXPECT_TRUE(sameBits(got[k].logits, expected[k].logits)) << what;
    EXPECT_EQ(got[k].target, expected[k].target) << what;
    ASSERT_EQ(got[k].ledger.size(), expected[k].ledger.size()) << what;
    for (std::size_t i = 0; i < got[k].ledger.size(); ++i) {
      EXPECT_EQ(got[k].ledger[i].in, expected[k].ledger[i].in) << what << ", " << got[k].ledger[i].node;
      EXPECT_EQ(got[k].ledger[i].bias, expected[k].ledger[i].bias) << what << ", " << got[k].ledger[i].node;
    }
    ASSERT_EQ(got[k].layers.size(), expected[k].layers.size()) << what;
    for (std::size_t i = 0; i < got[k].layers.size(); ++i)
      EXPECT_TRUE(sameBits(got[k].layers[i].relevance.data, expected[k].layers[i].relevance.data)) << what;
  }
}

// Through two inputs and back to the first, the methods once in order and once from the last.
void expectAsAlone(Explainers& together, const Options& options, std::int64_t pictureCount) {
  for (const unsigned seed : {1u, 2u, 1u}) {
    const Tensor input = pictures(seed, pictureCount);
    for (const bool backwards : {false, true})
      for (std::size_t i = 0; i < options.size(); ++i) {
        const std::size_t k = backwards ? options.size() - 1 - i : i;
        if (!together[k]) continue;
        Explainer alone(exampleModel(), options[k]);
        expectSame(together[k]->explain(input), alone.explain(input), options[k].method);
      }
  }
}

std::int64_t bytesOf(const Explainer& explainer) {
  return explainer.report().arenaBytes + explainer.report().weightBytes;
}

TEST(Together, EveryMethodSaysWhatItSaysAlone) {
  const Options options = all(everyMethod());
  Explainers together = Explainer::together(exampleModel(), options);
  std::set<std::string> alone;
  for (std::size_t k = 0; k < options.size(); ++k)
    if (!together[k]) alone.insert(options[k].method);
  EXPECT_EQ(alone, (std::set<std::string>{"lrp-resnet",  "blur-ig",
                                          "eigen-cam",   "guided-grad-cam",
                                          "guided-ig",   "integrated-gradients",
                                          "smoothgrad",  "vargrad",
                                          "deeplift",    "gradient-shap",
                                          "pattern-net", "pattern-attribution",
                                          "score-cam",   "ablation-cam",
                                          "occlusion",   "rise",
                                          "lime",        "kernel-shap",
                                          "xrai",        "expected-gradients",
                                          "random",      "taylor"}));
  expectAsAlone(together, options, 1);
}

TEST(Together, InBatchesToo) {
  const Options options = all(everyMethod(), 3);
  Explainers together = Explainer::together(exampleModel(), options);
  ASSERT_TRUE(together[0]);
  expectAsAlone(together, options, 5);
}

TEST(Together, WithSeveralTargetsRulesAndRecordedLayers) {
  Options options = all({"rap", "epsilon-plus", "gradient", "grad-cam"});
  for (ExplainOptions& o : options) o.targets = {Target::rank(0), Target::of(1)};
  const std::string node = Explainer(exampleModel(), options[0]).report().nodes.at(2).node;
  options[0].at = {node};
  options[1].rules = {"Conv=gamma:0.5"};
  Explainers together = Explainer::together(exampleModel(), options);
  for (const auto& one : together) ASSERT_TRUE(one);
  expectAsAlone(together, options, 2);
}

// Methods for which BatchNormalization passes relevance through have a graph of their own.
TEST(Together, AnotherGraphIsAnotherGroup) {
  const Options options = all({"lrp-zplus:batchnorm=pass", "lrp-zplus", "lrp-epsilon:batchnorm=pass"});
  Explainers together = Explainer::together(exampleModel(), options);
  EXPECT_TRUE(together[0] && together[2]);
  EXPECT_FALSE(together[1]);
  expectAsAlone(together, options, 1);
}

TEST(Together, OneForwardPassServesAll) {
  Explainers together = Explainer::together(exampleModel(), all({"rap", "lrp-zplus"}));
  const Tensor first = pictures(1, 1), second = pictures(2, 1);
  (void)together[0]->explain(first);
  EXPECT_EQ(together[0]->sparedSeconds(), 0) << "nobody was there before";
  (void)together[1]->explain(first);
  const double spared = together[1]->sparedSeconds();
  EXPECT_GT(spared, 0);
  double forward = 0;
  for (const StepReport& step : together[1]->profile())
    if (step.phase == "forward") forward += step.seconds;
  EXPECT_DOUBLE_EQ(spared, forward) << "none of its steps ran again";
  (void)together[1]->explain(second);
  EXPECT_EQ(together[1]->sparedSeconds(), 0) << "another picture";
}

// RAP and z+ divide by the same sums over positive weights, but where RAP has other rules.
TEST(Together, DenominatorsOfSeveralAreComputedOnce) {
  const auto denominators = [](const Explainer& explainer, const std::string& phase) {
    std::set<std::string> nodes;
    for (const StepReport& step : explainer.profile())
      if (step.name.find("denominator") != std::string::npos && step.phase == phase) nodes.insert(step.node);
    return nodes;
  };
  Explainers together = Explainer::together(exampleModel(), all({"gradient", "rap", "lrp-zplus"}));
  const Explainer alone(exampleModel(), asked("lrp-zplus"));
  std::set<std::string> ofAll = denominators(alone, "backward");
  const std::set<std::string> shared = denominators(*together[2], "forward");
  EXPECT_GE(shared.size(), 3u);
  EXPECT_EQ(denominators(*together[1], "forward"), shared);
  for (const std::string& node : shared) EXPECT_EQ(ofAll.erase(node), 1u) << node;
  EXPECT_EQ(denominators(*together[2], "backward"), ofAll);
  EXPECT_EQ(ofAll.size(), 1u) << "the first layer; the last, where RAP divides by the scores, is a dense one, whose "
                                 "denominators come with its output";
  for (const char* phase : {"forward", "backward"})
    EXPECT_THAT(denominators(*together[0], phase), ::testing::IsEmpty()) << "no step that only others need";
}

TEST(Together, WeightsAreThereOnce) {
  const Options options = all({"rap", "rap-signed", "lrp-zplus", "lrp-alpha1beta0", "gradient", "input-x-gradient"});
  std::int64_t sum = 0, most = 0;
  for (const ExplainOptions& o : options) {
    const std::int64_t weights = Explainer(exampleModel(), o).report().weightBytes;
    sum += weights, most = std::max(most, weights);
  }
  const std::int64_t shared = Explainer::together(exampleModel(), options)[0]->report().weightBytes;
  EXPECT_GE(shared, most);
  EXPECT_LT(static_cast<double>(shared), 1.3 * static_cast<double>(most)) << "alone they take " << sum;
}

TEST(Together, WhatIsTooMuchIsLeftAlone) {
  const Options options = all({"rap", "lrp-zplus"});
  const std::int64_t needed = bytesOf(*Explainer::together(exampleModel(), options)[0]);
  for (const auto& one : Explainer::together(exampleModel(), options, needed / 2)) EXPECT_FALSE(one);
  Options limited = options;
  for (ExplainOptions& o : limited) o.memory = needed / 2;
  for (const auto& one : Explainer::together(exampleModel(), limited)) EXPECT_FALSE(one);
  for (ExplainOptions& o : limited) o.memory = 2 * needed + (1 << 20);
  Explainers together = Explainer::together(exampleModel(), limited);
  ASSERT_TRUE(together[0] && together[1]);
  expectAsAlone(together, limited, 1);
}

TEST(Together, WhatCannotBeCompiledIsLeftOut) {
  Explainers together = Explainer::together(
      exampleModel(), all({"rap", "no-method", "lrp-zplus:no-key=1", "grad-cam:layer=nowhere", "gradient"}));
  EXPECT_TRUE(together[0] && together[4]);
  for (const std::size_t k : {1u, 2u, 3u}) EXPECT_FALSE(together[k]) << k;
  EXPECT_TRUE(Explainer::together(exampleModel(), {}).empty());
}

// Steps that failed or were stopped leave nothing behind that others would take for finished.
TEST(Together, ARefusedPictureSpoilsNothing) {
  Explainers together = Explainer::together(exampleModel(), all({"rap", "gradient"}));
  Tensor bad = pictures(1, 1);
  std::fill(bad.data.begin(), bad.data.end(), 3e38f);
  for (const auto& one : together) EXPECT_EQ(codeOf([&] { one->explain(bad); }), ErrorCode::NumericFailure);
  expectAsAlone(together, all({"rap", "gradient"}), 1);
}

}  // namespace together_test
}  // namespace relprop::test
