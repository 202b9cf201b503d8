// The public interface, on the bundled example network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>

#include "relprop/explain.h"
#include "unit/core/failure.h"
#include "unit/explainer/network.h"

namespace relprop::test {
namespace {

using ::testing::HasSubstr;

std::filesystem::path examples() {
  return std::filesystem::path(__FILE__).parent_path() / ".." / ".." / ".." / "examples";
}

const Model& shapes() {
  static const Model model = Model::load(examples() / "model" / "shapes.onnx");
  return model;
}

ExplainOptions options(const std::string& method = "rap", int batch = 1) {
  ExplainOptions o;
  o.method = method, o.batch = batch, o.threads = 1;
  return o;
}

Tensor images(std::int64_t count, unsigned seed = 1) {
  Explainer explainer(shapes(), options("gradient"));
  Shape shape = explainer.inputShape();
  shape.insert(shape.begin(), count);
  Tensor t(shape);
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  for (float& v : t.data) v = normal(engine);
  return t;
}

Tensor rowOf(const Tensor& t, std::int64_t row) {
  Shape shape = t.shape;
  shape[0] = 1;
  const auto n = elementCount(shape), first = row * n;
  return Tensor(shape, std::vector<float>(t.data.begin() + first, t.data.begin() + first + n));
}

// ---- compiling
TEST(ExplainerOptions, MethodAndRulesAreChecked) {
  EXPECT_EQ(failureOf([] { Explainer(shapes(), options("rapp")); }).code(), ErrorCode::UnknownMethod);
  EXPECT_EQ(failureOf([] { Explainer(shapes(), options("rap:bounds=all")); }).code(),
            ErrorCode::InvalidMethodParameter);
  ExplainOptions o = options();
  o.rules = {"no.such.layer=flat"};
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::InvalidRule);
  o.rules = {"Conv=flatt"};
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::InvalidRule);
}

TEST(ExplainerOptions, BatchAndThreadsHaveARange) {
  for (const int batch : {0, -1, 4097}) {
    ExplainOptions o = options("gradient", batch);
    EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::InvalidArgument) << batch;
  }
  for (const int threads : {-1, 1025}) {
    ExplainOptions o = options("gradient");
    o.threads = threads;
    EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::InvalidArgument) << threads;
  }
  ExplainOptions o;
  o.memory = -1;
  EXPECT_STREQ(failureOf([&] { Explainer(shapes(), o); }).what(), "memory: -1 (expected bytes, or 0 for no limit)");
}

// Before anything as large as it is made for it.
TEST(Explainer, RefusesAnInputBeyondTheMemoryAllowed) {
  onnx_test::ModelBuilder b;
  b.input("x", {1, 1 << 30});
  b.node("Relu", {"x"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  const Model model = Model::fromBytes(std::as_bytes(std::span(bytes)));
  ExplainOptions o;
  o.memory = 1'000'000;
  const Error e = failureOf([&] { Explainer(model, o); });
  EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
  EXPECT_STREQ(e.what(),
               "input 1×1073741824: 4295.0 MB needed (expected at most 1.0 MB); "
               "allow more with --memory, or use a smaller input size");
}

// Of which a row alone is used.
TEST(Explainer, RefusesAConstantBeyondTheMemoryAllowed) {
  onnx_test::ModelBuilder b;
  b.input("x", {1, 5000});
  b.ints("shape", {5000, 5000});
  b.ints("first", {0});
  b.node("ConstantOfShape", {"shape"}, {"zeros"}, {}, "large");
  b.node("Gather", {"zeros", "first"}, {"row"});
  b.node("Add", {"x", "row"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  const Model model = Model::fromBytes(std::as_bytes(std::span(bytes)));
  ExplainOptions o = options("gradient");
  EXPECT_NO_THROW(Explainer(model, o));
  o.memory = 90'000'000;
  const Error e = failureOf([&] { Explainer(model, o); });
  EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
  EXPECT_STREQ(e.what(),
               "node 'large' (ConstantOfShape): 100.0 MB needed (expected at most 90.0 MB); "
               "allow more with --memory, or use a smaller input size");
}

TEST(ExplainerOptions, InputShapeHasToFitTheModel) {
  const Shape image = Explainer(shapes(), options("gradient")).inputShape();
  ExplainOptions o = options("gradient");
  o.inputShape = image;
  EXPECT_EQ(Explainer(shapes(), o).inputShape(), image);
  o.inputShape = {1, image[0], image[1], image[2]};
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::ShapeMismatch)
      << "the batch is no part of it";
  o.inputShape = {image[0] + 1, image[1], image[2]};
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::ShapeMismatch);
}

TEST(ExplainerOptions, PixelRangeIsNeededForItsBounds) {
  const Error e = failureOf([] { Explainer(shapes(), options("rap:bounds=range")); });
  EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_THAT(e.hint(), HasSubstr("preprocess"));
  ExplainOptions o = options("rap:bounds=range");
  const auto channels = static_cast<std::size_t>(Explainer(shapes(), options("gradient")).inputShape()[0]);
  o.pixelRange = PixelRange{std::vector<float>(channels, -2), std::vector<float>(channels, 2)};
  EXPECT_NO_THROW(Explainer(shapes(), o));
  o.pixelRange = PixelRange{std::vector<float>(channels + 1, -2), std::vector<float>(channels + 1, 2)};
  EXPECT_EQ(failureOf([&] { Explainer(shapes(), o); }).code(), ErrorCode::NotSupportedByMethod);
}

TEST(ExplainerOptions, PixelRangeIsFiniteAndInOrder) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  for (const auto& range :
       {PixelRange{{0, 0, nan}, {1, 1, 1}}, PixelRange{{0, 0, 0}, {1, 1, nan}}, PixelRange{{0, 2, 0}, {1, 1, 1}},
        PixelRange{{0, 0, 0}, {1, 1, infinite}}, PixelRange{{0, 0}, {1, 1, 1}}}) {
    ExplainOptions o = options("gradient");
    o.pixelRange = range;
    const Error e = failureOf([&] { Explainer(shapes(), o); });
    EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(e.where(), "pixelRange");
  }
}

// ---- what was moved from
TEST(MovedFrom, SaysSoOrStaysAsItWas) {
  Model model = shapes();
  const Model other = std::move(model);
  EXPECT_EQ(model.hash(), other.hash());
  Explainer first(shapes(), options("gradient"));
  Explainer second = std::move(first);
  const Tensor x = images(1);
  EXPECT_EQ(failureOf([&] { first.explain(x); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { first.forward(x); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { first.inputShape(); }).got(), "one that was moved from");
  EXPECT_EQ(failureOf([&] { first.report(); }).code(), ErrorCode::InvalidArgument);
  first = std::move(second);
  EXPECT_NO_THROW(first.explain(x));
}

// ---- running
class Running : public ::testing::Test {
 protected:
  Explainer explainer_{shapes(), options()};
};

TEST_F(Running, InputOfAnotherShapeIsRefused) {
  const Shape image = explainer_.inputShape();
  const std::vector<Shape> wrong = {image,
                                    {1, image[0], image[1], image[2] + 1},
                                    {1, image[0] + 1, image[1], image[2]},
                                    {1, 1, image[0], image[1], image[2]},
                                    {0, image[0], image[1], image[2]}};
  for (const Shape& s : wrong) {
    EXPECT_EQ(failureOf([&] { explainer_.explain(Tensor(s)); }).code(), ErrorCode::ShapeMismatch) << toString(s);
    EXPECT_EQ(failureOf([&] { explainer_.forward(Tensor(s)); }).code(), ErrorCode::ShapeMismatch) << toString(s);
  }
}

TEST_F(Running, ReadsAViewIntoALargerArray) {
  const Tensor all = images(3);
  Shape shape = all.shape;
  shape[0] = 1;
  const float* middle = all.data.data() + elementCount(shape);
  const Tensor copy = rowOf(all, 1);
  EXPECT_EQ(explainer_.explain({middle, shape})[0].relevance.data, explainer_.explain(copy)[0].relevance.data);
  EXPECT_EQ(explainer_.forward({middle, shape}).data, explainer_.forward(copy).data);
}

TEST_F(Running, NonFiniteInputIsRefused) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Tensor x = images(1);
    x.data.back() = bad;
    EXPECT_EQ(failureOf([&] { explainer_.explain(x); }).code(), ErrorCode::NonFiniteInput);
    EXPECT_EQ(failureOf([&] { explainer_.forward(x); }).code(), ErrorCode::NonFiniteInput);
  }
}

TEST_F(Running, OverflowInTheNetworkIsANumericFailure) {
  Tensor x = images(1);
  for (float& v : x.data) v = std::numeric_limits<float>::max() * (v < 0 ? -0.9f : 0.9f);
  EXPECT_EQ(failureOf([&] { explainer_.explain(x); }).code(), ErrorCode::NumericFailure);
}

TEST_F(Running, TargetsAreClassesOneOrOneARow) {
  const Tensor x = images(2);
  const auto explainAt = [&](std::vector<Target> t) { return explainer_.explain(x, t); };
  for (const int bad : {-1, 10, 1000000})
    EXPECT_EQ(failureOf([&] { explainAt({Target::of(bad)}); }).code(), ErrorCode::UnknownTarget) << bad;
  EXPECT_EQ(failureOf([&] { explainAt({}); }).code(), ErrorCode::UnknownTarget);
  EXPECT_EQ(failureOf([&] { explainAt(std::vector<Target>(3)); }).code(), ErrorCode::UnknownTarget);
  const auto both = explainAt({Target::of(9), Target::of(0)});
  EXPECT_EQ(both[0].target, 9);
  EXPECT_EQ(both[1].target, 0);
  EXPECT_EQ(explainAt({Target::of(4)})[1].target, 4) << "one target stands for all rows";
}

TEST_F(Running, HowManyTargetsThereAreIsSaidOnce) {
  const auto expected = [&](std::int64_t count) {
    return failureOf([&] { explainer_.explain(images(count), {}); }).expected();
  };
  EXPECT_EQ(expected(1), "1");
  EXPECT_EQ(expected(2), "1 or 2 (so many for each row)");
  EXPECT_EQ(failureOf([&] { explainer_.explain(images(1), {Target::rank(-1)}); }).expected(), "a place from 0 to 9");
}

// Of any type, also one that memory runs out with.
TEST(FunctionsOfTheCaller, ThrowThroughTheLibrary) {
  struct Own {};
  const auto with = [](const std::function<void()>& thrown, bool progress) {
    ExplainOptions o = options(progress ? "occlusion:window=48,stride=48" : "gradient");
    if (progress) o.progress = [=](std::int64_t, std::int64_t) { return thrown(), true; };
    if (!progress) o.again = [=] { return thrown(), true; };
    Explainer(shapes(), o).explain(images(1));
  };
  for (const bool progress : {false, true}) {
    EXPECT_THROW(with([] { throw std::runtime_error("mine"); }, progress), std::runtime_error);
    EXPECT_THROW(with([] { throw std::bad_alloc(); }, progress), std::bad_alloc);
    EXPECT_THROW(with([] { throw Own(); }, progress), Own);
  }
}

TEST_F(Running, AFailureLeavesTheExplainerUsable) {
  const Tensor x = images(1);
  const auto before = explainer_.explain(x);
  failureOf([&] { explainer_.explain(x, {Target::of(99)}); });
  EXPECT_EQ(explainer_.explain(x)[0].relevance.data, before[0].relevance.data);
}

TEST_F(Running, ResultIsComplete) {
  const Tensor x = images(1);
  const Explanation e = explainer_.explain(x)[0];
  Shape shape = explainer_.inputShape();
  shape.insert(shape.begin(), 1);
  EXPECT_EQ(e.relevance.shape, shape);
  ASSERT_EQ(e.logits.size(), 10u);
  const auto best = std::max_element(e.logits.begin(), e.logits.end());
  EXPECT_EQ(e.target, best - e.logits.begin());
  EXPECT_EQ(e.seed, *best) << "rap seeds the logit";
  double total = 0;
  for (const float z : e.logits) total += std::exp(static_cast<double>(z - *best));
  EXPECT_NEAR(e.targetPrediction.probability, 1 / total, 1e-6);
  ASSERT_EQ(e.top5.size(), 5u);
  for (std::size_t k = 1; k < 5; ++k) EXPECT_GE(e.top5[k - 1].logit, e.top5[k].logit);
  EXPECT_EQ(e.top5[0].index, e.target);
  EXPECT_NEAR(e.sum, std::accumulate(e.relevance.data.begin(), e.relevance.data.end(), 0.0), 1e-9);
  EXPECT_NEAR(e.sum, e.seed, 1e-3 * std::abs(e.seed));
}

TEST_F(Running, ForwardGivesTheLogitsOfExplain) {
  const Tensor x = images(3), logits = explainer_.forward(x);
  EXPECT_EQ(logits.shape, (Shape{3, 10}));
  const auto all = explainer_.explain(x);
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t k = 0; k < 10; ++k) EXPECT_EQ(logits.data[r * 10 + k], all[r].logits[k]);
}

// ---- maps that tell nothing
std::vector<std::string> warningsOn(const std::string& method, const Tensor& x) {
  return Explainer(shapes(), options(method)).explain(x)[0].warnings;
}

TEST(FlatMaps, AreSaid) {
  const Tensor x = images(1), zero(x.shape), grey(x.shape, 0.5f);
  const char* const nothing = "the map is 0 everywhere: nothing was found that speaks for or against";
  for (const char* method : {"vargrad:samples=1", "vargrad:samples=3,noise=0", "blur-ig:sigma=1e-6,steps=2"})
    EXPECT_THAT(warningsOn(method, x), ::testing::ElementsAre(nothing)) << method;
  for (const char* method : {"integrated-gradients:steps=2", "deeplift"})
    EXPECT_THAT(warningsOn(method, zero), ::testing::ElementsAre(nothing)) << method;
  EXPECT_THAT(warningsOn("lime:samples=9,segments=4", grey),
              ::testing::ElementsAre("the map is 0 everywhere: covering a segment changes nothing; try another fill="));
  EXPECT_THAT(warningsOn("occlusion:window=500", x),
              ::testing::ElementsAre("the map has one value everywhere: it tells no place from another"));
}

TEST(FlatMaps, AreNoOthers) {
  for (const char* method : {"gradient", "rap", "vargrad:samples=3"})
    EXPECT_THAT(warningsOn(method, images(1)), ::testing::IsEmpty()) << method;
}

TEST_F(Running, LedgerLeadsFromTheSeedToTheInput) {
  for (const Explanation& e : explainer_.explain(images(2))) {
    ASSERT_FALSE(e.ledger.empty());
    EXPECT_NEAR(e.ledger.front().in, e.seed, 1e-5 * std::abs(e.seed));
    EXPECT_NEAR(e.ledger.back().out, e.sum, 1e-4 * std::abs(e.sum));
    double absorbed = 0;
    for (const LedgerEntry& l : e.ledger) {
      absorbed += l.absorbed();
      EXPECT_NEAR(l.in, l.out, 1e-4 * std::abs(l.in)) << l.node << ": rap conserves";
      EXPECT_FALSE(l.rule.empty());
    }
    EXPECT_NEAR(e.seed, e.sum + absorbed, 1e-4 * std::abs(e.seed));
  }
}

TEST(Ledger, AccountsForWhatBiasesAbsorb) {
  Explainer explainer(shapes(), options("lrp-zplus"));
  const Explanation e = explainer.explain(images(1))[0];
  double absorbed = 0;
  for (const LedgerEntry& l : e.ledger) absorbed += l.absorbed();
  EXPECT_NEAR(e.seed, e.sum + absorbed, 1e-3 * std::abs(e.seed));
}

TEST(Ledger, MayBeSwitchedOffWithoutChangingTheMap) {
  const Tensor x = images(1);
  for (const char* rule : {"", "Conv=rap"}) {  // a rule of another family brings its own needs
    ExplainOptions o = options("lrp-zplus");
    if (*rule) o.rules = {rule};
    const Explanation with = Explainer(shapes(), o).explain(x)[0];
    o.ledger = false;
    const Explanation without = Explainer(shapes(), o).explain(x)[0];
    EXPECT_TRUE(without.ledger.empty());
    ASSERT_EQ(with.relevance.data.size(), without.relevance.data.size());
    for (std::size_t i = 0; i < with.relevance.data.size(); ++i)
      ASSERT_NEAR(without.relevance.data[i], with.relevance.data[i], 1e-6) << rule;
  }
}

TEST(Ledger, IsEmptyForGradients) {
  EXPECT_TRUE(Explainer(shapes(), options("gradient")).explain(images(1))[0].ledger.empty());
}

// ---- batches and threads
TEST(Batches, LastOneMayBePartial) {
  const Tensor x = images(5);
  Explainer one(shapes(), options("rap", 1)), three(shapes(), options("rap", 3));
  const std::vector<Target> targets = {Target::highest(), Target::of(3), Target::highest(), Target::of(7),
                                       Target::of(1)};
  const auto all = three.explain(x, targets);
  ASSERT_EQ(all.size(), 5u);
  const Tensor logits = three.forward(x);
  EXPECT_EQ(logits.shape, (Shape{5, 10}));
  for (std::size_t r = 0; r < 5; ++r) {
    const Explanation alone = one.explain(rowOf(x, static_cast<std::int64_t>(r)), {targets[r]})[0];
    EXPECT_EQ(all[r].target, alone.target);
    EXPECT_NEAR(all[r].sum, alone.sum, 1e-4 * std::abs(alone.sum));
    float scale = 0;
    for (const float v : alone.relevance.data) scale = std::max(scale, std::abs(v));
    for (std::size_t i = 0; i < alone.relevance.data.size(); ++i)
      ASSERT_NEAR(all[r].relevance.data[i], alone.relevance.data[i], 1e-5 * scale) << "row " << r;
  }
}

TEST(Threads, SameBitsWithOneAndTwo) {
  const Tensor x = images(3);
  for (const char* method : {"rap", "lrp-zplus", "gradient"}) {
    ExplainOptions o = options(method, 2);
    const auto one = Explainer(shapes(), o).explain(x);
    o.threads = 2;
    const auto two = Explainer(shapes(), o).explain(x);
    for (std::size_t r = 0; r < 3; ++r)
      EXPECT_EQ(std::memcmp(one[r].relevance.data.data(), two[r].relevance.data.data(),
                            one[r].relevance.data.size() * sizeof(float)),
                0)
          << method;
  }
}

TEST(Reference, AgreesWithTheFastKernels) {
  const Tensor x = images(1);
  for (const char* method : {"rap", "lrp-zplus", "gradient", "lrp-gamma"}) {
    ExplainOptions o = options(method);
    const Explanation fast = Explainer(shapes(), o).explain(x)[0];
    o.reference = true;
    const Explanation slow = Explainer(shapes(), o).explain(x)[0];
    float scale = 0;
    for (const float v : slow.relevance.data) scale = std::max(scale, std::abs(v));
    for (std::size_t i = 0; i < slow.relevance.data.size(); ++i)
      ASSERT_NEAR(fast.relevance.data[i], slow.relevance.data[i], 1e-3 * scale) << method;
  }
}

TEST(Methods, SayWhetherABatchServesOneImage) {
  for (const char* many :
       {"integrated-gradients", "smoothgrad", "score-cam", "ablation-cam", "rise", "lime", "kernel-shap", "xrai",
        "expected-gradients", "occlusion", "gradient-shap", "rap:noise=0.1", "grad-cam:noise=0.1"})
    EXPECT_TRUE(runsManyInputs(many)) << many;
  for (const char* one : {"rap", "gradient", "grad-cam", "layer-cam", "deeplift", "lrp-resnet"})
    EXPECT_FALSE(runsManyInputs(one)) << one;
}

}  // namespace
}  // namespace relprop::test
