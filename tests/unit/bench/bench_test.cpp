// Counting, measuring and comparing, on the bundled network.
#include "relprop/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/floor_layers.h"
#include "bench/spread.h"
#include "unit/core/failure.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

fs::path modelPath() {
  return fs::path(__FILE__).parent_path() / "../../../examples/model/shapes.onnx";
}

const Model& shapes() {
  static const Model model = Model::load(modelPath());
  return model;
}

ExplainOptions options(const std::string& method, int batch = 1) {
  ExplainOptions o;
  o.method = method, o.batch = batch;
  o.pixelRange = PixelRange{{-1, -1, -1}, {1, 1, 1}};
  return o;
}

WorkCount work(const std::string& method, int batch = 1) {
  return countWork(shapes(), options(method, batch));
}

std::pair<int, int> passes(const std::string& method) {
  const WorkCount w = work(method);
  return {w.convolutions.forwardPasses, w.convolutions.backwardPasses};
}

Tensor pictures(int count) {
  Shape shape = Explainer(shapes(), options("gradient")).inputShape();
  shape.insert(shape.begin(), count);
  Tensor x(shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = static_cast<float>(i * 7919 % 1000) / 500.f - 1.f;
  return x;
}

// ---- counting

TEST(CountWork, PassesAreThoseOfTheDefinitions) {
  EXPECT_EQ(passes("gradient"), std::pair(1, 1));
  EXPECT_EQ(passes("lrp-epsilon"), std::pair(1, 1));  // the denominator is the output itself
  EXPECT_EQ(passes("lrp-zplus"), std::pair(2, 1));
  EXPECT_EQ(passes("lrp-alpha1beta0"), std::pair(2, 1));
  EXPECT_EQ(passes("rap"), std::pair(2, 2));
  EXPECT_EQ(passes("deeplift"), std::pair(2, 1));  // the baseline's forward pass
}

// The gradient runs every layer once either way, and that is all the arithmetic there is.
TEST(CountWork, TheGradientRunsEveryLayerOnce) {
  const WorkCount w = work("gradient");
  for (const LayerWork& l : {w.convolutions, w.dense}) {
    EXPECT_GT(l.layers, 0);
    EXPECT_EQ(l.forward, l.layers);
    EXPECT_EQ(l.backward, l.layers);
    EXPECT_EQ(l.forwardFlops, l.backwardFlops);
  }
}

TEST(CountWork, LayersAreFoundWhateverTheirStepsAreCalled) {
  const PlanWork rap = planWork(shapes(), options("rap")), gradient = planWork(shapes(), options("gradient"));
  ASSERT_EQ(rap.layers.size(), gradient.layers.size());
  for (std::size_t i = 0; i < rap.layers.size(); ++i) {
    EXPECT_EQ(rap.layers[i].node, gradient.layers[i].node);
    EXPECT_EQ(rap.layers[i].own[0].shape.flops(), gradient.layers[i].own[0].shape.flops());
    if (rap.layers[i].own[0].shape.dense) continue;  // relevance at the scores has one sign
    EXPECT_GE(rap.layers[i].times[0], 2) << rap.layers[i].node;
    EXPECT_GE(rap.layers[i].times[1], 2) << rap.layers[i].node;
  }
}

TEST(CountWork, ArithmeticGrowsWithTheBatchAndBackwardWithTheTargets) {
  const WorkCount one = work("rap"), four = work("rap", 4);
  EXPECT_EQ(four.convolutions.forwardFlops, 4 * one.convolutions.forwardFlops);
  EXPECT_EQ(four.convolutions.backwardFlops, 4 * one.convolutions.backwardFlops);
  EXPECT_GT(four.programBytes, 3 * one.programBytes);
  ExplainOptions many = options("rap");
  many.targets.resize(5);
  const WorkCount five = countWork(shapes(), many);
  EXPECT_EQ(five.convolutions.forwardFlops, one.convolutions.forwardFlops);
  EXPECT_EQ(five.convolutions.backwardFlops, 5 * one.convolutions.backwardFlops);
}

// What is counted is what runs.
TEST(CountWork, AgreesWithThePlanThatRuns) {
  for (const char* method : {"gradient", "lrp-zplus", "rap", "lrp-gamma"}) {
    SCOPED_TRACE(method);
    const WorkCount w = work(method);
    std::int64_t flops = 0, programBytes = 0, kernelBytes = 0;
    int programs = 0;
    const Explainer explainer(shapes(), options(method));
    for (const StepReport& s : explainer.report().steps) {
      flops += s.flops;
      if (s.kind == "program") ++programs, programBytes += s.bytes;
      if (s.kind == "kernel") kernelBytes += s.bytes;
    }
    EXPECT_EQ(w.convolutions.forwardFlops + w.convolutions.backwardFlops + w.dense.forwardFlops + w.dense.backwardFlops,
              flops);
    EXPECT_EQ(w.programs, programs);
    EXPECT_EQ(w.programBytes, programBytes);
    EXPECT_EQ(w.kernelBytes, kernelBytes);
  }
}

TEST(CountWork, MistakesAreRefusedAsTheExplainerDoes) {
  EXPECT_EQ(codeOf([] { work("no-method"); }), ErrorCode::UnknownMethod);
  EXPECT_EQ(codeOf([] { work("rap", 0); }), ErrorCode::InvalidArgument);
  ExplainOptions inner = options("rap");
  inner.from = "anything";
  EXPECT_EQ(codeOf([&] { countWork(shapes(), inner); }), ErrorCode::InvalidArgument);
}

// ---- measuring

BenchOptions benchOptions() {
  BenchOptions o;
  o.threads = {1};
  o.rounds = 3;
  return o;
}

void expectOrdered(const Spread& s) {
  EXPECT_GT(s.low, 0);
  EXPECT_LE(s.low, s.median);
  EXPECT_LE(s.median, s.high);
}

TEST(Benchmark, EveryMethodIsMeasuredBesideItsFloor) {
  const BenchReport report = measureModel(modelPath(), benchOptions());
  EXPECT_EQ(report.hash, shapes().hash());
  EXPECT_TRUE(report.neutralRange);
  expectOrdered(report.load);
  ASSERT_EQ(report.runs.size(), 3u);
  for (const BenchRun& run : report.runs) {
    SCOPED_TRACE(run.method);
    for (const Spread* s : {&run.forward, &run.backward, &run.total, &run.convolutions.forward,
                            &run.convolutions.backward, &run.dense.forward, &run.dense.backward})
      expectOrdered(*s);
    EXPECT_GT(run.compile, 0);
    EXPECT_GT(run.ratio(), 0);
    EXPECT_GT(run.planned, 0);
    EXPECT_GT(run.estimatedBytes, 0);
    EXPECT_TRUE(run.peakBytes == 0 || run.peakBytes > run.estimatedBytes / 2);
  }
}

// With layers that take 1 s forward and 2 s backward, dense ones 10 s and 20 s.
BenchRun floorOf(const PlanWork& plan) {
  const FloorLayers layers(plan.layers);
  std::vector<double> seconds;
  for (const LinearCall& c : layers.calls())
    seconds.push_back((c.shape.dense ? 10 : 1) * (c.kind == LinearCall::Kind::Backward ? 2 : 1));
  BenchRun run;
  run.work = plan.work;
  layers.report({seconds, seconds, seconds}, run);
  return run;
}

// The gradient executes every layer once, so its floor and all that the plan executes are the same; a method's floor
// is its passes over the layers.
TEST(Floor, IsBareTimeTimesPasses) {
  const BenchRun gradient = floorOf(planWork(shapes(), options("gradient")));
  const int convolutions = gradient.work.convolutions.layers, dense = gradient.work.dense.layers;
  EXPECT_EQ(gradient.convolutions.forward.median, convolutions);
  EXPECT_EQ(gradient.convolutions.backward.median, 2 * convolutions);
  EXPECT_EQ(gradient.dense.seconds, 30 * dense);
  EXPECT_EQ(gradient.floor, 3 * convolutions + 30 * dense);
  EXPECT_EQ(gradient.planned, gradient.floor);
  EXPECT_EQ(floorOf(planWork(shapes(), options("lrp-zplus"))).convolutions.seconds, 4 * convolutions);
  EXPECT_EQ(floorOf(planWork(shapes(), options("rap"))).convolutions.seconds, 6 * convolutions);
}

// The pixels take another pass for their negative values, which the typical layer does not need.
TEST(Floor, ExecutingALayerMoreOftenDoesNotRaiseIt) {
  PlanWork plan = planWork(shapes(), options("gradient"));
  const BenchRun before = floorOf(plan);
  plan.layers[0].calls.push_back(plan.layers[0].own[0]);
  plan.layers[0].times[0] += 1;
  const BenchRun after = floorOf(plan);
  EXPECT_EQ(after.floor, before.floor);
  EXPECT_EQ(after.planned, before.planned + 1);
}

// Two numerators that go back through a layer together are two executions of it, though one call.
TEST(Floor, LayersInOneCallCountEach) {
  PlanWork plan = planWork(shapes(), options("rap"));
  LayerCalls& first = plan.layers[0];
  ASSERT_EQ(first.node, planWork(shapes(), options("gradient")).layers[0].node);
  EXPECT_EQ(first.times[1], 2);
  EXPECT_EQ(std::count_if(first.calls.begin(), first.calls.end(),
                          [](const LinearCall& c) { return c.kind == LinearCall::Kind::Backward; }),
            1);
  EXPECT_EQ(floorOf(plan).convolutions.backward.median, 2 * plan.work.convolutions.layers);
}

TEST(Benchmark, RunsComeByThreadsBatchAndMethod) {
  BenchOptions o = benchOptions();
  o.methods = {"gradient", "rap"}, o.batches = {1, 2}, o.threads = {1, 2}, o.rounds = 1;
  std::vector<std::string> got;
  for (const BenchRun& r : measureModel(modelPath(), o).runs)
    got.push_back(r.method.substr(0, r.method.find(':')) + "/" + std::to_string(r.batch) + "/" +
                  std::to_string(r.threads));
  EXPECT_THAT(got, ElementsAre("gradient/1/1", "rap/1/1", "gradient/2/1", "rap/2/1", "gradient/1/2", "rap/1/2",
                               "gradient/2/2", "rap/2/2"));
}

TEST(Benchmark, StepsAreThoseOfThePlanWithTheirTimes) {
  BenchOptions o = benchOptions();
  o.methods = {"rap"};
  const BenchRun run = measureModel(modelPath(), o).runs.at(0);
  ASSERT_EQ(run.steps.size(), Explainer(shapes(), options("rap")).report().steps.size());
  double forward = 0, backward = 0;
  for (const StepReport& s : run.steps) (s.phase == "forward" ? forward : backward) += s.seconds;
  EXPECT_GT(forward, 0);
  EXPECT_LT(forward, 2 * run.forward.high);
  EXPECT_GT(backward, 0);
  EXPECT_LT(backward, 2 * run.backward.high);
}

// Perturbation runs the plan many times for one map; what it cannot do without is not one run's passes.
TEST(Benchmark, MethodsOfManyInputsHaveNoFloor) {
  BenchOptions o = benchOptions();
  o.methods = {"integrated-gradients:steps=2"}, o.rounds = 1;
  const BenchRun run = measureModel(modelPath(), o).runs.at(0);
  EXPECT_EQ(run.floor, 0);
  EXPECT_EQ(run.ratio(), 0);
  EXPECT_GT(run.total.median, 0);
}

TEST(Benchmark, RunsOnTheGivenInput) {
  BenchOptions o = benchOptions();
  o.methods = {"gradient"}, o.rounds = 1, o.batches = {3};
  o.input = pictures(2);
  EXPECT_EQ(measureModel(modelPath(), o).runs.at(0).batch, 3);
  o.input = Tensor(Shape{1, 3, 5, 5});
  EXPECT_EQ(codeOf([&] { measureModel(modelPath(), o); }), ErrorCode::ShapeMismatch);
}

TEST(Benchmark, BadOptionsAreRefused) {
  const auto code = [](auto change) {
    BenchOptions o = benchOptions();
    change(o);
    return codeOf([&] { measureModel(modelPath(), o); });
  };
  EXPECT_EQ(code([](BenchOptions& o) { o.methods = {}; }), ErrorCode::InvalidArgument);
  EXPECT_EQ(code([](BenchOptions& o) { o.methods = {"rap", "no-method"}; }), ErrorCode::UnknownMethod);
  EXPECT_EQ(code([](BenchOptions& o) { o.batches = {1, 0}; }), ErrorCode::InvalidArgument);
  EXPECT_EQ(code([](BenchOptions& o) { o.threads = {}; }), ErrorCode::InvalidArgument);
  EXPECT_EQ(code([](BenchOptions& o) { o.rounds = 0; }), ErrorCode::InvalidArgument);
  EXPECT_EQ(codeOf([] { measureModel("no-such.onnx", benchOptions()); }), ErrorCode::FileNotFound);
}

TEST(Benchmark, StopsWhenAsked) {
  BenchOptions o = benchOptions();
  std::vector<std::string> asked;
  o.progress = [&](const std::string& what) {
    asked.push_back(what);
    return asked.size() < 6;
  };
  EXPECT_EQ(codeOf([&] { measureModel(modelPath(), o); }), ErrorCode::Cancelled);
  EXPECT_EQ(asked.size(), 6u);
  EXPECT_THAT(asked.back(), HasSubstr("gradient, batch 1, 1 threads, round 2/3"));
}

TEST(Spreads, AreInterpolatedQuartiles) {
  const Spread s = spreadOf({4, 1, 3, 2, 5});
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.low, 2);
  EXPECT_EQ(s.high, 4);
  EXPECT_EQ(spreadOf({1, 2}).median, 1.5);
  EXPECT_EQ(spreadOf({}).median, 0);
}

// ---- comparing

TEST(MapComparison, ASettingAgreesWithItself) {
  const std::vector<Agreement> all = MapComparison(shapes(), options("rap", 2), options("rap", 2)).compare(pictures(3));
  ASSERT_EQ(all.size(), 3u);
  for (const Agreement& a : all) {
    EXPECT_DOUBLE_EQ(a.spearman, 1);
    EXPECT_TRUE(a.sameTop);
    EXPECT_EQ(a.logits, 0);
    EXPECT_EQ(a.conservation[0], a.conservation[1]);
    EXPECT_LT(a.conservation[0], 1e-4);
  }
}

// The plain loops round otherwise and agree all the same; another method does not.
TEST(MapComparison, TellsRoundingFromDifference) {
  ExplainOptions plain = options("lrp-epsilon");
  plain.reference = true;
  const Agreement close = MapComparison(shapes(), options("lrp-epsilon"), plain).compare(pictures(1)).at(0);
  EXPECT_GT(close.spearman, 0.999);
  EXPECT_LT(close.logits, 1e-4);
  const Agreement far = MapComparison(shapes(), options("rap"), options("gradient")).compare(pictures(1)).at(0);
  EXPECT_LT(far.spearman, 0.9);
  EXPECT_TRUE(close.conserves);
  EXPECT_FALSE(far.conserves);
}

TEST(MapComparison, SumsUpAllThatWasCompared) {
  MapComparison comparison(shapes(), options("rap"), options("lrp-zplus"));
  EXPECT_EQ(comparison.summary().pictures, 0u);
  std::vector<Agreement> all = comparison.compare(pictures(2));
  for (const Agreement& a : comparison.compare(pictures(5))) all.push_back(a);
  const AgreementSummary s = comparison.summary();
  EXPECT_EQ(s.pictures, 7u);
  EXPECT_TRUE(s.conserves);
  std::sort(all.begin(), all.end(), [](const Agreement& a, const Agreement& b) { return a.spearman < b.spearman; });
  EXPECT_EQ(s.spearman, all[3].spearman);
  EXPECT_EQ(s.lowestSpearman, all[0].spearman);
  EXPECT_LT(s.lowestSpearman, s.spearman);
  std::sort(all.begin(), all.end(),
            [](const Agreement& a, const Agreement& b) { return a.conservation[1] < b.conservation[1]; });
  EXPECT_EQ(s.conservation[1], all[3].conservation[1]);
  EXPECT_EQ(s.topChanged, 0u) << "both settings run the same network";
  std::sort(all.begin(), all.end(), [](const Agreement& a, const Agreement& b) { return a.logits < b.logits; });
  EXPECT_EQ(s.logits, all[3].logits);
}

TEST(MapComparison, WantsOneTarget) {
  ExplainOptions many = options("rap");
  many.targets.resize(2);
  EXPECT_EQ(codeOf([&] { MapComparison(shapes(), options("rap"), many); }), ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace relprop::test
