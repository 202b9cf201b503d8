// Evaluations through the library, on the bundled network and its data set: the tables of the papers in small.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>

#include "eval/evaluation_units.h"
#include "explainer/redrawn_model.h"
#include "relprop/evaluate.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path& examples() {
  static const fs::path folder = (fs::path(__FILE__).parent_path() / "../../../examples").lexically_normal();
  return folder;
}

const Model& shapes() {
  static const Model model = Model::load(examples() / "model/shapes.onnx");
  return model;
}

const Dataset& data() {
  static const Dataset dataset = Dataset::open("voc:" + (examples() / "pictures").string());
  return dataset;
}

EvaluateOptions options(std::vector<std::string> methods, std::vector<std::string> metrics) {
  EvaluateOptions o;
  o.methods = std::move(methods);
  o.metrics = std::move(metrics);
  o.preprocess = readPreprocess((examples() / "model/shapes.preprocess.json").string());
  o.labels = readLabels((examples() / "model/shapes.labels.txt").string());
  o.threads = 1;
  return o;
}

std::vector<std::size_t> all(const Evaluation& evaluation) {
  std::vector<std::size_t> units(evaluation.units().size());
  std::iota(units.begin(), units.end(), std::size_t{0});
  return units;
}

Store run(const Model& model, const EvaluateOptions& o) {
  Store store = Store::inMemory();
  Evaluation evaluation(model, data(), o);
  evaluate(evaluation, store, all(evaluation));
  return store;
}

// Means by method and score.
std::map<std::string, double> means(const Store& store) {
  std::map<std::string, std::vector<double>> values;
  for (const Result& r : store.results())
    for (const NamedScore& s : r.scores)
      values[r.key.method.substr(0, r.key.method.find(':')) + "/" + s.name].push_back(s.value);
  std::map<std::string, double> means;
  for (const auto& [name, list] : values)
    means[name] = std::accumulate(list.begin(), list.end(), 0.0) / static_cast<double>(list.size());
  return means;
}

int layers() {
  return 100;  // more than there are: all of them
}

bool multipliesBfloat16() {
  try {
    Explainer(shapes(), {.precision = Precision::Bfloat16, .pixelRange = {}});
    return true;
  } catch (const Error& error) {
    return error.code() != ErrorCode::NotSupportedByHardware;
  }
}

// Maps stay float32, and what asks the network nothing keeps its bits and its name.
TEST(Portions, HandOutAsManyAsAreAskedForEachOnce) {
  Evaluation evaluation(shapes(), data(), options({"random"}, {"sparseness"}));
  Store store = Store::inMemory();
  std::vector<std::size_t> units = all(evaluation);
  ASSERT_GE(units.size(), 6U);
  store.beginRun(evaluation.provenance());
  store.put(evaluation.modelFacts());
  store.write(evaluation.measure(evaluation.missing(store, {units[1]})));  // done before
  Portions portions(evaluation, store, units);
  EXPECT_EQ(portions.total(), units.size() - 1);
  std::vector<std::size_t> handed;
  for (const std::size_t most : {0, 3, 100, 1}) {
    const std::size_t left = portions.left();
    const std::vector<MissingScores> portion = portions.next(most);
    EXPECT_LE(portion.size(), most == 0 ? evaluation.portion() : most);
    EXPECT_EQ(portion.empty(), left == 0);
    for (const MissingScores& one : portion) handed.push_back(one.unit);
  }
  EXPECT_EQ(portions.left(), 0U);
  units.erase(units.begin() + 1);
  EXPECT_EQ(handed, units);
}

TEST(Evaluation, MetricsAskInBfloat16) {
  if (!multipliesBfloat16()) GTEST_SKIP() << "the processor does not multiply bfloat16";
  EvaluateOptions o = options({"rap"}, {"deletion:step=300", "sparseness"});
  const auto whole = means(run(shapes(), o));
  o.metricPrecision = Precision::Bfloat16;
  const Store store = run(shapes(), o);
  const auto narrow = means(store);
  EXPECT_EQ(narrow.at("rap/gini"), whole.at("rap/gini"));
  EXPECT_NE(narrow.at("rap/deletion"), whole.at("rap/deletion"));
  EXPECT_NEAR(narrow.at("rap/deletion"), whole.at("rap/deletion"), 0.01);
  for (const Result& r : store.results())
    EXPECT_EQ(r.key.protocol.ends_with(",precision=bf16"), r.key.protocol.starts_with("deletion")) << r.key.protocol;
}

TEST(Evaluation, SaysHowManyThreadsItUses) {
  EvaluateOptions o = options({"rap"}, {"sparseness"});
  o.threads = 0;
  EXPECT_GE(Evaluation(shapes(), data(), o).provenance().threads, 1);
  o.threads = 2;
  EXPECT_EQ(Evaluation(shapes(), data(), o).provenance().threads, 2);
}

TEST(Evaluation, MapsInBfloat16AreAnotherMethod) {
  if (!multipliesBfloat16()) GTEST_SKIP() << "the processor does not multiply bfloat16";
  EvaluateOptions o = options({"rap"}, {"sparseness"});
  const auto whole = means(run(shapes(), o));
  o.precision = Precision::Bfloat16;
  EXPECT_EQ(Evaluation(shapes(), data(), o).provenance().precision, "bfloat16");
  const Store store = run(shapes(), o);
  for (const Result& r : store.results()) EXPECT_TRUE(r.key.method.ends_with(" | precision=bf16")) << r.key.method;
  EXPECT_NE(means(store).at("rap/gini"), whole.at("rap/gini"));
  EXPECT_NEAR(means(store).at("rap/gini"), whole.at("rap/gini"), 0.01);
}

// With masks that are exact, relevance of a trained network beats the gradient, and random weights lose.
TEST(Evaluation, ATrainedNetworkBeatsTheGradientAndRandomWeights) {
  const EvaluateOptions o = options({"rap", "gradient"}, {"outside-inside:region=mask", "relevance-mass"});
  const auto trained = means(run(shapes(), o));
  EvaluateOptions predicted = o;
  predicted.target = "predicted";
  const auto random = means(run(withRedrawnWeights(shapes(), layers(), 1), predicted));
  EXPECT_LT(trained.at("rap/all"), 0.5 * trained.at("gradient/all"));
  EXPECT_LT(trained.at("rap/all"), 0.5 * random.at("rap/all"));
  EXPECT_GT(trained.at("rap/mass"), 1.5 * random.at("rap/mass"));
}

TEST(Evaluation, MapsOfRandomNetworksAreUnlikeThoseOfTheTrainedOne) {
  const auto m = means(run(shapes(), options({"rap", "gradient"}, {"randomisation:layers=2"})));
  EXPECT_LT(m.at("rap/spearman"), 0.7);
  EXPECT_LT(m.at("gradient/spearman"), 0.7);
}

TEST(Evaluation, MapsOfRandomNetworksHaveLessOrder) {
  const auto m = means(run(shapes(), options({"rap", "gradient"}, {"efficient-randomisation"})));
  EXPECT_GT(m.at("rap/rise"), 0.1);
  EXPECT_GT(m.at("gradient/rise"), 0.1);
}

// Smoothed: other numbers, of the same networks.
TEST(Evaluation, RandomisationComparesMeansOfCopies) {
  const auto plain = means(run(shapes(), options({"gradient"}, {"randomisation:layers=1"}))),
             smooth = means(run(shapes(), options({"gradient"}, {"randomisation:layers=1,samples=3"}))),
             again = means(run(shapes(), options({"gradient"}, {"randomisation:layers=1,samples=3"})));
  EXPECT_LT(smooth.at("gradient/spearman"), 0.7);
  EXPECT_NE(smooth.at("gradient/spearman"), plain.at("gradient/spearman"));
  EXPECT_EQ(smooth.at("gradient/spearman"), again.at("gradient/spearman"));
}

TEST(Evaluation, RapConservesAtEveryLayer) {
  const auto m = means(run(shapes(), options({"rap"}, {"conservation"})));
  EXPECT_LT(m.at("rap/input"), 1e-4);
  EXPECT_LT(m.at("rap/worst-layer"), 1e-4);
}

// Whatever the order, the batch and the company: the same numbers.
TEST(Evaluation, AScoreDependsOnItsPictureAlone) {
  EvaluateOptions o = options({"rap", "gradient:noise=0.1,samples=2"}, {"id-score:step=400", "infidelity:samples=4"});
  const Store together = run(shapes(), o);
  Evaluation evaluation(shapes(), data(), o);
  std::vector<std::size_t> reversed = all(evaluation);
  std::reverse(reversed.begin(), reversed.end());
  Store store = Store::inMemory();
  evaluate(evaluation, store, reversed);
  const auto one = together.results(), other = store.results();
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].key, other[i].key);
    ASSERT_EQ(one[i].scores.size(), other[i].scores.size());
    for (std::size_t s = 0; s < one[i].scores.size(); ++s) EXPECT_EQ(one[i].scores[s].value, other[i].scores[s].value);
  }
}

// The few fields of an ONNX file that one Gemm behind a Flatten takes, by their numbers in onnx.proto.
std::string field(int number, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  std::size_t size = bytes.size();
  for (; size >= 128; size >>= 7) out += static_cast<char>(size & 127 | 128);
  return out + static_cast<char>(size) + bytes;
}
std::string field(int number, int value) {
  std::string out(1, static_cast<char>(number << 3));
  if (number > 15) out = {static_cast<char>((number << 3) & 127 | 128), static_cast<char>(number >> 4)};
  for (; value >= 128; value >>= 7) out += static_cast<char>(value & 127 | 128);
  return out + static_cast<char>(value);
}
std::string port(int number, const std::string& name, const std::vector<int>& shape) {
  std::string dims;
  for (const int extent : shape) dims += field(1, field(1, extent));
  return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, dims))));
}
Model oneLayer(int inputs, int classes, const std::vector<float>& weights) {
  const std::string raw(reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float));
  const int side = static_cast<int>(std::sqrt(inputs / 3.0));
  const std::string graph =
      field(1, field(1, "x") + field(2, "flat") + field(4, "Flatten")) +
      field(1, field(1, "flat") + field(1, "w") + field(2, "y") + field(4, "MatMul")) + field(2, "g") +
      field(5, field(1, inputs) + field(1, classes) + field(2, 1) + field(8, "w") + field(9, raw)) +
      port(11, "x", {1, 3, side, side}) + port(12, "y", {1, classes});
  const std::string bytes = field(1, 8) + field(7, graph) + field(8, field(2, 13));
  return Model::fromBytes({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
}

// A layer whose weights cancel over neighbours until they are drawn at random, and so large that sums of bright
// pictures overflow then, and those of others do not.
TEST(Evaluation, ARandomNetworkThatFailsOnOnePictureFailsOnThatOneAlone) {
  EvaluateOptions o = options({"gradient"}, {"efficient-randomisation"});
  const int side = 32, classes = static_cast<int>(o.labels.size());
  const auto skippedOf = [](const Store& store) {
    std::map<std::string, std::string> skipped;
    for (const Result& r : store.results()) skipped[r.key.picture] += r.skipped.empty() ? "measured;" : r.skipped + ";";
    return skipped;
  };
  bool mixed = false;
  for (double exponent = 118; exponent < 127.75 && !mixed; exponent += 0.25) {
    std::vector<float> weights(static_cast<std::size_t>(3 * side * side * classes));
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] = static_cast<float>((i / static_cast<std::size_t>(classes) % 2 ? 1 : -1.01) * std::exp2(exponent));
    const Model model = oneLayer(3 * side * side, classes, weights);
    const auto together = skippedOf(run(model, o));
    std::size_t random = 0, measured = 0;
    for (const auto& [picture, skipped] : together)
      random += skipped.starts_with("with random weights: "), measured += skipped == "measured;";
    if (random == 0 || measured == 0) continue;
    mixed = true;
    Evaluation evaluation(model, data(), o);
    Store alone = Store::inMemory();
    for (const std::size_t unit : all(evaluation)) evaluate(evaluation, alone, {unit});
    EXPECT_EQ(skippedOf(alone), together) << "weights of 2^" << exponent;
  }
  EXPECT_TRUE(mixed);
}

// Methods that do not fit together are compiled one after the other, with the same results.
TEST(Evaluation, LittleMemoryChangesNothing) {
  EvaluateOptions o = options({"rap", "lrp-zplus", "gradient"}, {"outside-inside"});
  const Store ample = run(shapes(), o);
  o.memory = 1;
  EXPECT_GT(Evaluation(shapes(), data(), o).portion(), 1u);
  const auto one = ample.results(), other = run(shapes(), o).results();
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].scores.at(0).value, other[i].scores.at(0).value);
}

TEST(Evaluation, MethodsOfAllThatCannotBeAppliedAreLeftOutWithAWord) {
  EvaluateOptions o = options({"rap", "pattern-net"}, {"outside-inside"});
  std::vector<std::string> warnings;
  o.warn = [&](const std::string& text) { warnings.push_back(text); };
  EXPECT_EQ(failureOf([&] { Evaluation(shapes(), data(), o); }).code(), ErrorCode::NotSupportedByMethod);
  o.optional = {"pattern-net"};
  EXPECT_EQ(Evaluation(shapes(), data(), o).methods().size(), 1u);
  EXPECT_THAT(warnings, testing::Contains(HasSubstr("pattern-net is left out")));
}

TEST(Evaluation, StopsWhenAsked) {
  EvaluateOptions o = options({"rap"}, {"outside-inside"});
  int asked = 0;
  o.again = [&] { return ++asked < 10; };
  Evaluation evaluation(shapes(), data(), o);
  Store store = Store::inMemory();
  EXPECT_EQ(failureOf([&] { evaluate(evaluation, store, all(evaluation)); }).code(), ErrorCode::Cancelled);
  const std::size_t before = store.results().size();
  EXPECT_LT(before, 8u);
  o.again = {};
  Evaluation resumed(shapes(), data(), o);
  evaluate(resumed, store, all(resumed));
  EXPECT_EQ(store.results().size(), 8u);
}

// One column must not mix what chance of two kinds gave.
TEST(Evaluation, AStoreIsOfOneSeed) {
  EvaluateOptions o = options({"random"}, {"sparseness"});
  Evaluation evaluation(shapes(), data(), o);
  Store store = Store::inMemory();
  evaluate(evaluation, store, {0, 1});
  o.seed = 1;
  Evaluation other(shapes(), data(), o);
  const Error error = failureOf([&] { evaluate(other, store, all(other)); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.got(), testing::EndsWith("that were measured with seed 0"));
  EXPECT_EQ(error.hint(), "use --seed 0, or another store");
  EXPECT_EQ(store.resultCount(), 2u);
  evaluate(evaluation, store, {2});
  EXPECT_EQ(store.resultCount(), 3u);
}

TEST(Evaluation, OfAnotherDataSetTheSeedMayBeAnotherOne) {
  EvaluateOptions o = options({"random"}, {"sparseness"});
  Evaluation evaluation(shapes(), data(), o);
  Store store = Store::inMemory();
  evaluate(evaluation, store, {0});
  o.seed = 1, o.target = "predicted";
  const Dataset folder = Dataset::open("folder:" + (examples() / "pictures/JPEGImages").string());
  Evaluation other(shapes(), folder, o);
  evaluate(other, store, {0});
  EXPECT_EQ(store.resultCount(), 2u);
}

TEST(Evaluation, UnitsThatAreNoneAreRefused) {
  Evaluation evaluation(shapes(), data(), options({"random"}, {"sparseness"}));
  Store store = Store::inMemory();
  const std::size_t none = evaluation.units().size() + 75;
  const auto refused = [](const std::function<void()>& call) {
    const Error error = failureOf(call);
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.where();
  };
  EXPECT_EQ(refused([&] { evaluate(evaluation, store, {0, none}); }), "unit");
  EXPECT_EQ(refused([&] { evaluation.missing(store, {none}); }), "unit");
  EXPECT_EQ(refused([&] { evaluation.claim(store, none); }), "unit");
  EXPECT_EQ(refused([&] { evaluation.measure({{none, {true}}}); }), "unit");
  EXPECT_EQ(refused([&] { evaluation.measure({{0, {}}}); }), "wanted");
  EXPECT_EQ(refused([&] { evaluation.measure({{0, {true, true}}}); }), "wanted");
}

TEST(Evaluation, FunctionsOfTheCallerThrowThroughIt) {
  const auto run = [](const std::function<bool()>& again) {
    EvaluateOptions o = options({"gradient"}, {"sparseness"});
    o.again = again;
    Evaluation evaluation(shapes(), data(), o);
    Store store = Store::inMemory();
    evaluate(evaluation, store, {0});
  };
  for (const int last : {1, 20}) {  // while it begins, and in the middle of a network
    int asked = 0;
    EXPECT_THROW(run([&]() -> bool {
                   if (++asked >= last) throw std::out_of_range("mine");
                   return true;
                 }),
                 std::out_of_range);
    EXPECT_EQ(asked, last);
  }
}

TEST(Evaluation, BadOptionsAreRefused) {
  const auto code = [](const EvaluateOptions& o) { return failureOf([&] { Evaluation(shapes(), data(), o); }).code(); };
  EXPECT_EQ(code(options({}, {"miou"})), ErrorCode::InvalidArgument);
  EXPECT_EQ(code(options({"rap"}, {})), ErrorCode::InvalidArgument);
  EXPECT_EQ(code(options({"rap"}, {"no-metric"})), ErrorCode::UnknownMetric);
  EXPECT_EQ(code(options({"rap"}, {"miou:threshhold=1"})), ErrorCode::InvalidMetricParameter);
  EXPECT_EQ(code(options({"no-method"}, {"miou"})), ErrorCode::UnknownMethod);
  EvaluateOptions o = options({"rap"}, {"miou"});
  o.target = "both";
  EXPECT_EQ(code(o), ErrorCode::InvalidArgument);
  o = options({"rap"}, {"miou"});
  o.labels = std::vector<std::string>(10, "no shape");
  EXPECT_EQ(code(o), ErrorCode::UnknownTarget);
  o = options({"rap"}, {"miou"});
  o.memory = -5;
  EXPECT_EQ(code(o), ErrorCode::InvalidArgument);
}

// What is proposed has to be something that was not asked for already.
TEST(Evaluation, WithoutClassesTheWayOutFitsWhatWasAsked) {
  const Dataset pictures = Dataset::open("folder:" + (examples() / "pictures/JPEGImages").string());
  const auto hint = [&](const char* target, bool onlyCorrect) {
    EvaluateOptions o = options({"rap"}, {"id-score"});
    o.target = target, o.onlyCorrect = onlyCorrect;
    return failureOf([&] { Evaluation(shapes(), pictures, o); }).hint();
  };
  EXPECT_EQ(hint("true", false), "explain what the network predicts with --target predicted");
  EXPECT_EQ(hint("true", true), "explain what the network predicts with --target predicted, without --only-correct");
  EXPECT_EQ(hint("predicted", true), "leave out --only-correct");
}

TEST(Evaluation, LabelsOfAnotherNetworkAreRefused) {
  for (const char* target : {"true", "predicted"})
    for (const std::size_t count : {9u, 11u}) {
      EvaluateOptions o = options({"rap"}, {"miou"});
      o.target = target;
      o.labels.resize(count, "ring");
      const Error error = failureOf([&] { Evaluation(shapes(), data(), o); });
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_EQ(error.got(), std::to_string(count) + " class names");
      EXPECT_EQ(error.expected(), "10, one for each class of the network");
    }
}

TEST(ClassMapping, FindsClassesByName) {
  const std::vector<int> mapping = classMapping(data(), options({}, {}).labels, 10);
  const std::vector<std::string> labels = options({}, {}).labels;
  for (std::size_t k = 0; k < mapping.size(); ++k)
    if (mapping[k] >= 0) {
      EXPECT_EQ(labels[static_cast<std::size_t>(mapping[k])], data().classNames()[k]);
    }
}

}  // namespace
}  // namespace relprop::test
