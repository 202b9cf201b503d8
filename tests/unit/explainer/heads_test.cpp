// Networks that end in a Sigmoid, in a slice of a Softmax or in nothing; files with several outputs and inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "explainer/classifier.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "unit/core/failure.h"
#include "unit/onnx/model_builder.h"

namespace relprop::test {
namespace heads_test {

using Builder = relprop::onnx_test::ModelBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<float> kPicture = {0.5f, -1, 2, 0.25f, 1, -0.75f, 0.1f, 3};
const std::vector<float> kWeights = {0.3f, -0.2f, 0.5f, 0.1f, 0.4f, 0.7f, -0.6f, 0.2f};

// x: N×2×2×2 → scores N×K, whose k-th is (k + 1)·w·x. Outputs are still to be declared.
Builder linear(int classes, const std::string& scores = "z") {
  Builder b;
  b.input("x", {-1, 2, 2, 2});
  std::vector<float> weights;
  for (const float w : kWeights)
    for (int k = 0; k < classes; ++k) weights.push_back(static_cast<float>(k + 1) * w);
  b.weights("w", {8, classes}, weights);
  b.node("Flatten", {"x"}, {"flat"});
  b.node("Gemm", {"flat", "w"}, {scores}, {}, "dense");
  return b;
}

double scoreOf(const std::vector<float>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * kWeights[i];
  return sum;
}

Model modelOf(const Builder& b, ModelOptions options = {}) {
  const std::vector<std::uint8_t> bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)), {.options = std::move(options)});
}

Explanation explained(const Model& model, const std::string& method, const Target& target = Target::highest()) {
  ExplainOptions o;
  o.method = method, o.threads = 1;
  return Explainer(model, o).explain(Tensor({1, 2, 2, 2}, kPicture), {target})[0];
}

Model binary() {
  Builder b = linear(1);
  b.node("Sigmoid", {"z"}, {"y"});
  b.output("y");
  return modelOf(b);
}

// Two classes with a sigmoid each, of which the one that is named has a root of what is below 0.
TEST(Classifier, ChoosesNothingBesideNaNWhereverItStands) {
  for (const int broken : {0, 1}) {
    Builder b = linear(1);
    b.node("Neg", {"z"}, {"minus"});
    b.node("Sqrt", {scoreOf(kPicture) < 0 ? "z" : "minus"}, {"root"});
    b.node("Concat", broken == 0 ? std::vector<std::string>{"root", "z"} : std::vector<std::string>{"z", "root"},
           {"both"}, {{"axis", 1}});
    b.node("Sigmoid", {"both"}, {"y"});
    b.output("y");
    Classifier classifier(modelOf(b), {}, {}, 1, 1);
    Classifier::Answer answer;
    classifier.forward(
        1, [](std::int64_t, float* to) { std::copy(kPicture.begin(), kPicture.end(), to); },
        [&](std::int64_t, const float* scores) { answer = classifier.answer(Target::of(1 - broken), scores); });
    EXPECT_FALSE(answer.chosen);
    EXPECT_TRUE(std::isnan(answer.probability) && std::isnan(answer.logit));
  }
}

TEST(BinaryNetwork, HasTheProbabilityOfItsSigmoid) {
  const double z = scoreOf(kPicture);
  const Explanation e = explained(binary(), "lrp-epsilon");
  EXPECT_NEAR(e.targetPrediction.probability, 1 / (1 + std::exp(-z)), 1e-6);
  EXPECT_NEAR(e.targetPrediction.logit, z, 1e-5);
  EXPECT_NEAR(e.seed, z, 1e-5) << "relevance starts at the logit";
}

TEST(BinaryNetwork, NotOfItsClassIsTheOtherAnswer) {
  const double z = scoreOf(kPicture);
  const Explanation yes = explained(binary(), "gradient"), no = explained(binary(), "gradient", Target::notOf(0));
  EXPECT_NEAR(no.targetPrediction.probability, 1 / (1 + std::exp(z)), 1e-6);
  EXPECT_NEAR(no.targetPrediction.logit, -z, 1e-5);
  for (std::size_t i = 0; i < kWeights.size(); ++i) {
    EXPECT_NEAR(yes.relevance.data[i], kWeights[i], 1e-6);
    EXPECT_NEAR(no.relevance.data[i], -kWeights[i], 1e-6);
  }
  EXPECT_EQ(failureOf([] { explained(binary(), "gradient", Target::notOf(1)); }).code(), ErrorCode::UnknownTarget);
}

TEST(BinaryNetwork, RiseSeesBothAnswers) {
  const Explanation yes = explained(binary(), "rise:samples=200,cells=2");
  const Explanation no = explained(binary(), "rise:samples=200,cells=2", Target::notOf(0));
  double largest = 0, both = 0;
  for (std::size_t i = 0; i < yes.relevance.data.size(); ++i) {
    largest = std::max(largest, std::abs(double{yes.relevance.data[i]} - no.relevance.data[i]));
    both += double{yes.relevance.data[i]} + no.relevance.data[i];
  }
  EXPECT_GT(largest, 0.01);
  EXPECT_NEAR(both, 4, 0.4) << "their weights sum to 1, so that the maps sum to the mean of the masks over p";
}

TEST(ManyLabels, EachHasItsOwnProbability) {
  Builder b = linear(3);
  b.node("Sigmoid", {"z"}, {"y"});
  b.output("y");
  const Explanation e = explained(modelOf(b), "gradient", Target::of(1));
  for (const Prediction& p : e.top5)
    EXPECT_NEAR(p.probability, 1 / (1 + std::exp(-(p.index + 1) * scoreOf(kPicture))), 1e-6) << p.index;
}

TEST(SliceBehindASoftmax, KeepsItsClassesAndTheProbabilitiesAmongAll) {
  Builder b = linear(4);
  b.node("Softmax", {"z"}, {"p"});
  for (const auto& [name, value] : {std::pair{"from", 1}, {"to", 4}, {"axis", 1}}) b.ints(name, {value});
  b.node("Slice", {"p", "from", "to", "axis"}, {"y"});
  b.output("y");
  const double z = scoreOf(kPicture);
  double sum = 0;
  for (int k = 1; k <= 4; ++k) sum += std::exp(k * z);
  ExplainOptions o;
  o.method = "gradient", o.threads = 1;
  Explainer explainer(modelOf(b), o);
  const Explanation e = explainer.explain(Tensor({1, 2, 2, 2}, kPicture), {Target::of(0)})[0];
  ASSERT_EQ(e.logits.size(), 3u);
  EXPECT_NEAR(e.targetPrediction.logit, 2 * z, 1e-5);
  EXPECT_NEAR(e.targetPrediction.probability, std::exp(2 * z) / sum, 1e-6);
  EXPECT_NEAR(e.relevance.data[0], 2 * kWeights[0], 1e-6);
  const Tensor scores = explainer.forward(Tensor({1, 2, 2, 2}, kPicture));
  EXPECT_EQ(scores.shape, (Shape{1, 3}));
  EXPECT_NEAR(scores.data[2], 4 * z, 1e-5);
  EXPECT_THAT(explainer.report().head, HasSubstr("3 are classes"));
}

// x itself as scores, N×2×2×2: a class is a map, its score the sum.
TEST(MapsOfScores, CountAsTheSumOfEach) {
  Builder b;
  b.input("x", {-1, 2, 2, 2});
  b.weights("two", {1}, {2});
  b.node("Mul", {"x", "two"}, {"maps"});
  b.output("maps");
  ExplainOptions options{.method = "gradient"};
  options.targets = {Target::of(1)};
  Explainer explainer(modelOf(b), options);
  ASSERT_EQ(explainer.warnings().size(), 1u);
  EXPECT_THAT(explainer.warnings()[0], HasSubstr("a map for each class"));
  const Explanation e = explainer.explain({kPicture.data(), {1, 2, 2, 2}})[0];
  EXPECT_NEAR(static_cast<double>(e.logits[0]), 2 * (0.5 - 1 + 2 + 0.25), 1e-6);
  EXPECT_THAT(e.relevance.data, ElementsAre(0, 0, 0, 0, 2, 2, 2, 2));
}

TEST(Regression, HasNoProbability) {
  Builder b = linear(1);
  b.output("z");
  const Model model = modelOf(b);
  const Explanation e = explained(model, "gradient");
  EXPECT_TRUE(std::isnan(e.targetPrediction.probability));
  EXPECT_NEAR(e.targetPrediction.logit, scoreOf(kPicture), 1e-5);
  const Error refused = failureOf([&] { explained(model, "lrp-epsilon:seed=probability"); });
  EXPECT_EQ(refused.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_THAT(refused.hint(), HasSubstr("seed=logit"));
}

// ---- outputs and inputs
TEST(SeveralOutputs, AreSaidAndChosen) {
  Builder b = linear(3, "aux");
  b.node("Gemm", {"flat", "w"}, {"cls"}, {}, "other");
  b.output("aux"), b.output("cls");
  const Model model = modelOf(b);
  EXPECT_THAT(model.outputs(), ElementsAre("aux", "cls"));
  EXPECT_EQ(model.output(), "aux");
  ASSERT_EQ(model.notes().size(), 1u);
  EXPECT_THAT(model.notes()[0], HasSubstr("'cls'"));
  const Model chosen = modelOf(b, {.output = "cls"});
  EXPECT_EQ(chosen.output(), "cls");
  EXPECT_THAT(chosen.notes(), ::testing::IsEmpty());
  EXPECT_NE(chosen.hash(), model.hash());
}

TEST(SeveralInputs, TheOthersAreFed) {
  Builder b = linear(2);
  b.input("bias", {-1, 2});
  b.node("Add", {"z", "bias"}, {"y"});
  b.output("y");
  EXPECT_EQ(failureOf([&] { modelOf(b); }).code(), ErrorCode::UnsupportedModel);
  TypedArray bias;
  bias.shape = {1, 2}, bias.floats = {10, -10};
  ModelOptions options;
  options.feeds["bias"] = bias;
  const Explanation e = explained(modelOf(b, options), "gradient", Target::of(1));
  EXPECT_NEAR(e.targetPrediction.logit, 2 * scoreOf(kPicture) - 10, 1e-4);
  bias.floats.pop_back();
  options.feeds["bias"] = bias;
  EXPECT_EQ(failureOf([&] { modelOf(b, options); }).code(), ErrorCode::ShapeMismatch) << "fewer values than the shape";
}

}  // namespace heads_test
}  // namespace relprop::test
