// A bag of visual words as a Model: the same Explainer, targets, ledger and procedures as for a network. What the
// layers do is held by the tests of src/bow; here they are put together by hand and compared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "bow/file.h"
#include "explain/methods/method_list.h"
#include "explainer/bag_run.h"
#include "explainer/model_impl.h"
#include "relprop/explain.h"
#include "relprop/tuning.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

using ::testing::HasSubstr;

constexpr int kSide = 48, kClasses = 3;

Tensor pictures(std::int64_t count, unsigned seed = 1) {
  Tensor t(Shape{count, 3, kSide, kSide});
  std::mt19937 random(seed);
  // Blocks of colour: something for gradients to hold on to.
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(t.data.size()); i += 6)
    std::fill_n(t.data.begin() + i, 6, static_cast<float>(random() % 256));
  return t;
}

// Its training pictures are noise, its coefficients drawn: what is explained need not be clever.
bow::Bag bagOf(std::vector<bow::KernelTerm> kernels) {
  bow::Bag bag;
  bag.features.step = 8, bag.features.patches = {16};
  bag.mapping.nearest = 3;
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(0, 0.2f);
  bag.vocabulary.length = bow::descriptorLength(bag.features);
  for (std::int64_t i = 0; i < 8 * bag.vocabulary.length; ++i) bag.vocabulary.centres.push_back(uniform(random));
  bag.preprocess.resize = Preprocess::Resize::Warp;
  bag.preprocess.size = kSide;
  bag.classes = {"cat", "dog", "owl"};
  bag.machine.kernels = std::move(kernels);
  bag.machine.dimensions = bow::dimensions(8, bag.pooling);
  std::normal_distribution<double> normal;
  for (int k = 0; k < kClasses; ++k) {
    bag.machine.bias.push_back(0.1 * (k - 1));
    bag.machine.platt.push_back({-2, 0.25 * k});
    bag.machine.coefficients.emplace_back();
    for (int i = 0; i < 5; ++i) bag.machine.coefficients.back().push_back(normal(random));
  }
  const Tensor training = pictures(5, 99);
  for (int i = 0; i < 5; ++i) {
    bow::Bag empty = bag;  // scores are not asked for yet
    empty.machine = {};
    const bow::Seen seen = bow::look(empty, training.data.data() + i * 3 * kSide * kSide, kSide, kSide);
    bag.machine.histograms.insert(bag.machine.histograms.end(), seen.histogram.values.begin(),
                                  seen.histogram.values.end());
  }
  return bag;
}

Model modelOf(const bow::Bag& bag) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.bow";
  bow::writeBag(file, bag);
  return Model::load(file);
}

const Model& intersection() {
  static const Model model = modelOf(bagOf({{.kind = bow::KernelKind::Intersection}}));
  return model;
}
const Model& chi2() {
  static const Model model = modelOf(bagOf({{.kind = bow::KernelKind::Chi2, .gamma = 0.7}}));
  return model;
}

ExplainOptions with(const std::string& method, int batch = 1, int targets = 1) {
  ExplainOptions o;
  o.method = method, o.batch = batch;
  o.targets.resize(static_cast<std::size_t>(targets));
  return o;
}

double sumOf(const Tensor& t) {
  return std::accumulate(t.data.begin(), t.data.end(), 0.0);
}

TEST(Bag, IsAModel) {
  const Model& model = intersection();
  EXPECT_TRUE(model.isBagOfWords());
  EXPECT_EQ(model.inputShape(), (Shape{-1, 3, -1, -1}));
  EXPECT_EQ(model.outputClasses(), kClasses);
  EXPECT_EQ(model.channels(), 3);
  EXPECT_EQ(model.layout(), Layout::ChannelsFirst);
  EXPECT_THAT(model.hash(), ::testing::StartsWith("xxh3:"));
  EXPECT_EQ(findLabels(model).names, (std::vector<std::string>{"cat", "dog", "owl"}));
  EXPECT_EQ(findPreprocess(model).preprocess->size, kSide);
  EXPECT_FALSE(model.hasBatchNormalization());
}

TEST(Bag, FilesOfANetworkOfTheSameNameAreNotItsOwn) {
  const TemporaryFolder folder;
  bow::writeBag(folder / "shapes.bow", bagOf({{.kind = bow::KernelKind::Intersection}}));
  writeFile(folder / "shapes.preprocess.json", toJson(namedPreprocess("imagenet")));
  writeFile(folder / "shapes.labels.txt", std::string("circle\nring\n"));
  const Model model = Model::load(folder / "shapes.bow");
  EXPECT_EQ(findPreprocess(model).preprocess->size, kSide);
  EXPECT_EQ(findLabels(model).names, (std::vector<std::string>{"cat", "dog", "owl"}));
  EXPECT_EQ(codeOf([&] { findPreprocess(model, folder / "shapes.preprocess.json"); }), ErrorCode::InvalidArgument);
}

TEST(Bag, PixelsStayAsTheyAre) {
  const Error error = failureOf([] { findPreprocess(intersection(), "imagenet"); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("imagenet, preprocess"));
}

// Score, probabilities and map as the parts give them.
TEST(Bag, ExplainsAsItsPartsDo) {
  const Tensor x = pictures(1);
  Explainer explainer(intersection(), with("bow-lrp"));
  EXPECT_EQ(explainer.inputShape(), (Shape{3, kSide, kSide}));
  const Explanation e = explainer.explain(x, {Target::of(1)})[0];
  const auto bag = ModelAccess::bag(intersection());
  const bow::Seen seen = bow::look(*bag, x.data.data(), kSide, kSide);
  EXPECT_FLOAT_EQ(e.logits[1], static_cast<float>(seen.scores[1]));
  EXPECT_NEAR(e.targetPrediction.probability, 1 / (1 + std::exp(-2 * seen.scores[1] + 0.25)), 1e-6);

  const bow::WordRelevance words =
      bow::decompose(bag->machine, 1, bow::Point(seen.histogram.values), bow::Root::Search);
  const bow::Pooled pooled{seen.supports, seen.mapped, kSide, kSide, 8};
  const std::vector<double> plane =
      bow::pixelRelevance(bow::featureRelevance(words.dims, pooled, bag->pooling), seen.covers, kSide, kSide);
  for (std::size_t i = 0; i < e.relevance.data.size(); ++i)
    ASSERT_NEAR(3 * e.relevance.data[i], plane[i % plane.size()], 1e-6 * std::abs(seen.scores[1])) << i;
  EXPECT_NEAR(sumOf(e.relevance), e.seed, 1e-5 * std::abs(e.seed));
}

TEST(Bag, LedgerConservesLayerByLayer) {
  const Explanation e = Explainer(intersection(), with("bow-lrp")).explain(pictures(1), {Target::of(0)})[0];
  ASSERT_EQ(e.ledger.size(), 4u);
  EXPECT_EQ(e.ledger.front().node, "score");
  EXPECT_EQ(e.ledger.back().node, "pixels");
  double in = e.seed;
  for (const LedgerEntry& entry : e.ledger) {
    EXPECT_NEAR(entry.in, in, 1e-12 * std::abs(e.seed)) << entry.node;
    EXPECT_NEAR(entry.out, entry.in, 1e-6 * std::abs(e.seed)) << entry.node;
    in = entry.out;
  }
}

// What the expansion leaves out is a row of its own; the layers behind it conserve.
TEST(Bag, TaylorGapHasItsOwnRow) {
  for (const char* root : {"search", "zero", "mean"}) {
    const std::string method = std::string("bow-lrp:root=") + root;
    const Explanation e = Explainer(chi2(), with(method)).explain(pictures(1), {Target::of(2)})[0];
    ASSERT_EQ(e.facts.size(), 2u);
    EXPECT_EQ(e.facts[1].first, "Taylor gap");
    EXPECT_EQ(e.ledger[0].rule, std::string("taylor:root=") + root);
    EXPECT_NEAR(e.ledger[0].absorbed(), e.facts[1].second, 1e-12);
    EXPECT_NEAR(e.seed - e.facts[1].second, sumOf(e.relevance),
                1e-5 * (std::abs(e.seed) + std::abs(e.facts[1].second)));
    for (std::size_t i = 1; i < e.ledger.size(); ++i)
      EXPECT_NEAR(e.ledger[i].absorbed(), 0, 1e-9) << root << " " << e.ledger[i].node;
  }
}

// A contrast against a class is the difference of the two maps, as both are put in as they are.
TEST(Bag, ContrastIsADifference) {
  const Tensor x = pictures(1);
  Explainer explainer(intersection(), with("bow-lrp", 1, 3));
  const auto maps = explainer.explain(x, {Target::of(0), Target::of(2), Target::of(0).against(2)});
  for (std::size_t i = 0; i < maps[0].relevance.data.size(); ++i)
    ASSERT_NEAR(maps[2].relevance.data[i], maps[0].relevance.data[i] - maps[1].relevance.data[i], 1e-6) << i;
  EXPECT_NEAR(maps[2].seed, maps[0].seed - maps[1].seed, 1e-6);
}

TEST(Bag, GradientIsThatOfTheHistogramMappedDown) {
  const Tensor x = pictures(1);
  const Explanation e = Explainer(chi2(), with("gradient")).explain(x, {Target::of(1)})[0];
  const auto bag = ModelAccess::bag(chi2());
  const bow::Seen seen = bow::look(*bag, x.data.data(), kSide, kSide);
  const std::vector<double> dims = bow::gradient(bag->machine, 1, bow::Point(seen.histogram.values));
  EXPECT_NEAR(sumOf(e.relevance), std::accumulate(dims.begin(), dims.end(), 0.0), 1e-4);
  EXPECT_TRUE(e.ledger.empty());
  const Explanation squared = Explainer(chi2(), with("sensitivity")).explain(x, {Target::of(1)})[0];
  for (std::size_t i = 0; i < e.relevance.data.size(); ++i)
    ASSERT_FLOAT_EQ(squared.relevance.data[i], e.relevance.data[i] * e.relevance.data[i]);
}

// Occlusion asks the classifier alone: covering what is black changes nothing.
TEST(Bag, PerturbationMethodsRun) {
  Tensor x = pictures(1);
  for (std::int64_t c = 0; c < 3; ++c)
    for (int y = 0; y < kSide / 2; ++y) std::fill_n(x.data.begin() + (c * kSide + y) * kSide, kSide, 0.0f);
  const Explanation e =
      Explainer(intersection(), with("occlusion:window=8,stride=8", 4)).explain(x, {Target::of(1)})[0];
  EXPECT_EQ(e.relevance.shape, (Shape{1, 1, kSide, kSide}));
  for (int i = 0; i < kSide * kSide / 2; ++i) ASSERT_EQ(e.relevance.data[static_cast<std::size_t>(i)], 0) << i;
  EXPECT_THAT(e.relevance.data, ::testing::Contains(::testing::Ne(0.0f)));
  const Explanation rise = Explainer(intersection(), with("rise:samples=8", 4)).explain(x, {Target::of(1)})[0];
  EXPECT_GT(sumOf(rise.relevance), 0);
}

// As a network between two of its steps.
TEST(Bag, IsStoppedWithinAPicture) {
  const std::unique_ptr<BagRun> run = makeBagRun(chi2(), with("bow-lrp"), parseMethod("bow-lrp"));
  const Tensor picture = pictures(1);
  std::copy(picture.data.begin(), picture.data.end(), run->input());
  int left = 1;
  const Again again = [&left] { return left-- > 0; };
  EXPECT_EQ(failureOf([&] { run->run(Phase::Forward, again); }).code(), ErrorCode::Cancelled);
  run->run(Phase::Forward, {});
  std::fill_n(run->seed(), kClasses, 1.0f);
  left = 1;
  const Error error = failureOf([&] { run->run(Phase::Backward, again); });
  EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  EXPECT_EQ(error.got(), "stopped");
}

TEST(Bag, BatchesGiveTheSameBits) {
  const Tensor three = pictures(3);
  Explainer together(chi2(), with("bow-lrp", 2)), alone(chi2(), with("bow-lrp"));
  const auto all = together.explain(three);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t n = three.data.size() / 3;
    const Tensor one(Shape{1, 3, kSide, kSide}, {three.data.begin() + static_cast<std::ptrdiff_t>(i * n),
                                                 three.data.begin() + static_cast<std::ptrdiff_t>((i + 1) * n)});
    EXPECT_EQ(alone.explain(one)[0].relevance.data, all[i].relevance.data) << i;
  }
}

TEST(Bag, OtherSizesOnAsking) {
  ExplainOptions o = with("bow-lrp");
  o.inputShape = {32, 64};
  Explainer explainer(intersection(), o);
  EXPECT_EQ(explainer.inputShape(), (Shape{3, 32, 64}));
  const Explanation e = explainer.explain(Tensor(Shape{1, 3, 32, 64}, std::vector<float>(3 * 32 * 64, 9.0f)))[0];
  EXPECT_NEAR(sumOf(e.relevance), e.seed, 1e-5 * std::abs(e.seed));
  // Smaller than a patch: no feature, so that everything stays where it would have been handed to features.
  o.inputShape = {8, 8};
  const Explanation none = Explainer(intersection(), o).explain(Tensor(Shape{1, 3, 8, 8}))[0];
  EXPECT_EQ(sumOf(none.relevance), 0);
  EXPECT_EQ(none.facts[0].second, 1);  // all of the picture is uncovered
}

TEST(Bag, RefusesWhatIsAboutLayersByName) {
  const auto fails = [](ErrorCode code, const char* where, auto change) {
    ExplainOptions o = with("bow-lrp");
    change(o);
    const Error error = failureOf([&] { Explainer(intersection(), o); });
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(where));
  };
  fails(ErrorCode::NotSupportedByMethod, "bow-lrp, ", [](ExplainOptions& o) { o.method = "rap"; });
  fails(ErrorCode::NotSupportedByMethod, "method", [](ExplainOptions& o) { o.method = "grad-cam"; });
  fails(ErrorCode::InvalidArgument, "rules", [](ExplainOptions& o) { o.rules = {"*=epsilon"}; });
  fails(ErrorCode::InvalidArgument, "from", [](ExplainOptions& o) { o.from = "conv1"; });
  fails(ErrorCode::InvalidArgument, "at", [](ExplainOptions& o) { o.at = {"conv1"}; });
  fails(ErrorCode::InvalidArgument, "patterns", [](ExplainOptions& o) { o.patterns = "p.npz"; });
  fails(ErrorCode::InvalidArgument, "precision", [](ExplainOptions& o) { o.precision = Precision::Bfloat16; });
  fails(ErrorCode::InvalidArgument, "memory", [](ExplainOptions& o) { o.memory = 1 << 20; });
  fails(ErrorCode::InvalidArgument, "reference", [](ExplainOptions& o) { o.reference = true; });
  fails(ErrorCode::InvalidArgument, "tuning", [](ExplainOptions& o) { o.tuning = std::make_shared<const Tuning>(); });
  fails(ErrorCode::InvalidArgument, "layout", [](ExplainOptions& o) { o.layout = Layout::ChannelsLast; });
  fails(ErrorCode::ShapeMismatch, "input", [](ExplainOptions& o) { o.inputShape = {1, 32, 32}; });
  fails(ErrorCode::InvalidArgument, "pixels of a picture", [](ExplainOptions& o) { o.inputShape = {40000, 40000}; });
  fails(ErrorCode::InvalidArgument, "pixels of a picture", [](ExplainOptions& o) { o.inputShape = {4097, 4096}; });

  const TemporaryFolder folder;
  bow::writeBag(folder.path() / "m.bow", *ModelAccess::bag(intersection()));
  EXPECT_EQ(failureOf([&] { Model::load(folder.path() / "m.bow", {.output = "scores"}); }).code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] {
              Model::load(folder.path() / "m.bow", {.feeds = {{"x", {}}}});
            }).code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([] { ModelAccess::graph(intersection()); }).code(), ErrorCode::UnsupportedModel);
}

}  // namespace
}  // namespace relprop::test
