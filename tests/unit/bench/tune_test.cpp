// Measuring which way of computing a layer is fastest, and plans that follow it. The bundled network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "explainer/tuning.h"
#include "kernels/backend.h"
#include "kernels/simd/winograd.h"
#include "unit/core/failure.h"
#include "unit/explainer/example.h"

namespace relprop::test {
namespace {

using testing::HasSubstr;

bool hasAChoice() {
  return simd::bestWinogradOps() != nullptr;
}

Tuning tunedForHere(int threads = 1) {
  return {processorName(), threads, backendLibraries(), {}, 4};
}

// All layers that can be in one way.
Tuning allIn(const TuneReport& report, const std::string& way) {
  Tuning tuning = report.tuning;
  for (auto& [layer, how] : tuning.layers) how = way;
  return tuning;
}

TuneReport measured() {
  return tune(exampleModel(), {.threads = 1, .rounds = 1});
}

Explainer with(const Tuning& tuning, int threads = 1) {
  ExplainOptions o = byThreads(threads, "rap");
  o.pixelRange = PixelRange{{-2, -2, -2}, {2, 2, 2}};
  o.tuning = std::make_shared<const Tuning>(tuning);
  return Explainer(exampleModel(), o);
}

std::vector<std::string> waysOf(const Explainer& explainer) {
  std::vector<std::string> ways;
  for (const StepReport& step : explainer.report().steps)
    if (!step.algorithm.empty()) ways.push_back(step.algorithm);
  return ways;
}

double relativeDistance(const Tensor& a, const Tensor& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i)
    difference += std::pow(a.data[i] - b.data[i], 2), size += std::pow(b.data[i], 2);
  return std::sqrt(difference / size);
}

TEST(Tune, KeepsTheFastestOfWhatWasMeasured) {
  if (!hasAChoice()) GTEST_SKIP() << "this processor computes every layer in one way";
  const TuneReport report = measured();
  ASSERT_FALSE(report.layers.empty());
  EXPECT_EQ(report.layers.size(), report.tuning.layers.size());
  for (const TunedLayer& layer : report.layers) {
    EXPECT_EQ(layer.seconds.size(), 3u) << layer.layer;
    EXPECT_EQ(report.tuning.layers.at(layer.layer), layer.fastest);
    EXPECT_TRUE(layer.seconds.contains(layer.builtIn)) << layer.builtIn;
    for (const auto& [way, seconds] : layer.seconds) EXPECT_GE(seconds, layer.seconds.at(layer.fastest)) << way;
  }
  double best = report.batches.at(0).second;
  for (const auto& [batch, seconds] : report.batches) best = std::min(best, seconds);
  const auto chosen = std::find_if(report.batches.begin(), report.batches.end(),
                                   [&](const auto& b) { return b.first == report.tuning.batch; });
  ASSERT_NE(chosen, report.batches.end());
  EXPECT_LE(chosen->second, 1.03 * best);
}

TEST(Tune, PlansComputeLayersAsItSays) {
  if (!hasAChoice()) GTEST_SKIP() << "this processor computes every layer in one way";
  const TuneReport report = measured();
  Explainer direct = with(allIn(report, "direct")), tiles = with(allIn(report, "F(2×2)"));
  EXPECT_THAT(waysOf(direct), testing::Each("direct"));
  EXPECT_THAT(waysOf(tiles), testing::Contains("F(2×2)"));
  EXPECT_THAT(waysOf(tiles), testing::Not(testing::Contains("F(4×4)")));
  const Tensor x = noisePicture(direct.inputShape(), 3);
  const Tensor a = direct.explain(x)[0].relevance, b = tiles.explain(x)[0].relevance;
  EXPECT_NE(a.data, b.data);
  EXPECT_LT(relativeDistance(a, b), 1e-4);
}

TEST(Tune, RecordsTheNumberOfAllCores) {
  const Tuning tuning = tune(exampleModel(), {.rounds = 1}).tuning;
  EXPECT_GE(tuning.threads, 1);
  EXPECT_NO_THROW(with(tuning, 0));
  EXPECT_NO_THROW(with(tuning, tuning.threads));
  EXPECT_EQ(failureOf([&] { with(tuning, tuning.threads + 1); }).where(), "tuning");
}

TEST(Tune, StopsWhenAsked) {
  TuneOptions options{.threads = 1, .rounds = 1};
  options.progress = [](std::size_t, std::size_t) { return false; };
  EXPECT_EQ(failureOf([&] { tune(exampleModel(), options); }).code(), ErrorCode::Cancelled);
  options.rounds = 0;
  EXPECT_EQ(failureOf([&] { tune(exampleModel(), options); }).where(), "rounds");
}

TEST(Tune, StopsBetweenRoundsAndWhileBatchesAreTimed) {
  int calls = 0;
  TuneOptions options{.threads = 1, .rounds = 1'000'000'000};
  options.progress = [&](std::size_t, std::size_t) { return ++calls < 20; };
  EXPECT_EQ(failureOf([&] { tune(exampleModel(), options); }).code(), ErrorCode::Cancelled);
  options.rounds = 1;
  options.progress = [](std::size_t done, std::size_t total) { return done < total; };
  EXPECT_EQ(failureOf([&] { tune(exampleModel(), options); }).code(), ErrorCode::Cancelled);
}

TEST(Tuning, SurvivesAFile) {
  Tuning tuning = tunedForHere();
  tuning.layers = {{"forward a", "direct"}, {"backward b", "F(4×4)"}};
  const std::string path = testing::TempDir() + "tuning.json";
  std::ofstream(path) << toJson(tuning);
  EXPECT_EQ(readTuning(path), tuning);
  EXPECT_EQ(nameOf(readTuning(path)), nameOf(tuning));
  tuning.layers["backward b"] = "direct";
  EXPECT_NE(nameOf(readTuning(path)), nameOf(tuning));
}

TEST(Tuning, IsRefusedWhereItIsNone) {
  const std::string path = testing::TempDir() + "no_tuning.json";
  for (const std::string text : {"", "{}", "[1]", R"({"processor": 3})", "\xff\xfe"}) {
    std::ofstream(path) << text;
    const Error error = failureOf([&] { readTuning(path); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << text;
    EXPECT_EQ(error.where(), path);
    EXPECT_EQ(error.expected(), "what relprop tune wrote");
    EXPECT_EQ(error.hint(), "make one here: relprop tune MODEL -o FILE");
    EXPECT_THAT(error.got(), testing::Not(testing::HasSubstr("json.exception"))) << text;
  }
  Tuning tuning = tunedForHere();
  tuning.layers = {{"forward a", "by magic"}};
  std::ofstream(path) << toJson(tuning);
  EXPECT_EQ(failureOf([&] { readTuning(path); }).got(), "forward a: 'by magic'");
  EXPECT_EQ(failureOf([] { readTuning("/no/such/file"); }).code(), ErrorCode::FileNotFound);
}

TEST(Tuning, HoldsForTheMachineItWasMadeOn) {
  const auto refused = [](const Tuning& tuning, int threads) {
    const Error error = failureOf([&] { with(tuning, threads); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(error.where(), "tuning");
    return error.got();
  };
  EXPECT_NO_THROW(with(tunedForHere()));
  EXPECT_THAT(refused(tunedForHere(), 2), HasSubstr("1 thread,"));
  Tuning other = tunedForHere();
  other.processor = "abacus";
  EXPECT_THAT(refused(other, 1), HasSubstr("made for abacus"));
  other = tunedForHere();
  other.libraries["oneDNN"] = "0.1";
  EXPECT_THAT(refused(other, 1), HasSubstr("oneDNN 0.1"));
}

}  // namespace
}  // namespace relprop::test
