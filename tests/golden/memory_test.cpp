// Memory on real networks: a limit changes no bit of any result, and what is said about memory is true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>

#include "relprop/error.h"
#include "relprop/explain.h"
#include "support/shared.h"

namespace relprop {
namespace {

Tensor pattern(std::int64_t rows, const Shape& image) {
  Tensor t({rows, image[0], image[1], image[2]});
  for (std::size_t i = 0; i < t.data.size(); ++i)
    t.data[i] = 2 * std::sin(0.013f * static_cast<float>(i) + static_cast<float>(i % 11));
  return t;
}

std::vector<Target> askedFor(int targets) {
  if (targets == 1) return {Target::highest()};
  return {Target::highest(), Target::rank(3)};
}

ExplainOptions optionsOf(const std::string& method, int batch, int targets) {
  ExplainOptions o;
  o.method = method, o.batch = batch, o.targets = askedFor(targets);
  o.pixelRange = PixelRange{{-3, -3, -3}, {3, 3, 3}};
  return o;
}

struct Growth {
  std::vector<float> maps;
  std::vector<double> ledger;
  bool operator==(const Growth&) const = default;
};

Growth explained(Explainer& explainer, int batch, int targets) {
  Growth all;
  for (const Explanation& e : explainer.explain(pattern(batch, explainer.inputShape()))) {
    all.maps.insert(all.maps.end(), e.relevance.data.begin(), e.relevance.data.end());
    for (const LedgerEntry& l : e.ledger) all.ledger.insert(all.ledger.end(), {l.in, l.out, l.bias, l.stabiliser});
  }
  return all;
}

bool computesAgain(const Explainer& explainer) {
  for (const StepReport& s : explainer.report().steps)
    if (s.name.ends_with("(again)")) return true;
  return false;
}

// The least that is said to be needed.
std::int64_t leastBytes(const Model& model, ExplainOptions options) {
  options.memory = 1;
  try {
    Explainer refused(model, options);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::OutOfMemory);
    std::smatch match;
    const std::string text = e.what();
    const std::regex form(
        "plan: ([0-9]+) MiB needed at least, [0-9]+ of them for weights \\(expected at most 1 B\\); "
        "allow more with --memory, or use a smaller --batch or input size");
    EXPECT_TRUE(std::regex_match(text, match, form)) << text;
    return match.empty() ? 0 : std::stoll(match[1]) << 20;
  }
  ADD_FAILURE() << "one byte was enough";
  return 0;
}

struct Case {
  const char *model, *method;
  int targets;
};

bool isSmall(const std::string& model) {
  return model == "squeezenet1.1" || model == "mobilenet_v2";
}

class MemoryLimit : public testing::TestWithParam<Case> {};

TEST_P(MemoryLimit, ChangesNoBit) {
  RELPROP_NEEDS_SHARED();
  const auto [name, method, targets] = GetParam();
  if (!isSmall(name))
    RELPROP_SKIP_SANITIZED("a large network five times; what computes again runs there on small ones");
  constexpr int kBatch = 3;
  const Model model = Model::load(test::modelsFolder() / (std::string(name) + ".onnx"));
  ExplainOptions options = optionsOf(method, kBatch, targets);
  Explainer free(model, options);
  const Growth expected = explained(free, kBatch, targets);
  const PlanReport& r = free.report();
  const std::int64_t whole = r.modelBytes + r.weightBytes + r.arenaBytes, least = leastBytes(model, options);
  EXPECT_LT(least, whole);
  options.memory = whole;
  EXPECT_FALSE(computesAgain(Explainer(model, options))) << "there is room for everything";
  for (const std::int64_t limit : {least + (whole - least) / 2, least}) {
    options.memory = limit;
    Explainer tight(model, options);
    const PlanReport& t = tight.report();
    EXPECT_LE(t.modelBytes + t.weightBytes + t.arenaBytes, limit);
    EXPECT_TRUE(computesAgain(tight) || t.weightBytes < r.weightBytes) << "what has become less?";
    EXPECT_TRUE(explained(tight, kBatch, targets) == expected) << "at " << limit << " of " << whole << " bytes";
  }
  options.memory = least - (1 << 20);
  EXPECT_THROW(Explainer(model, options), Error);
}

INSTANTIATE_TEST_SUITE_P(Golden, MemoryLimit,
                         testing::Values(Case{"resnet50", "rap", 1}, Case{"googlenet", "rap", 2},
                                         Case{"googlenet", "lrp-zplus", 1}, Case{"squeezenet1.1", "gradient", 1},
                                         Case{"resnet50", "gradient", 2}, Case{"mobilenet_v2", "epsilon-plus-flat", 1},
                                         Case{"googlenet", "deeplift", 1},
                                         Case{"resnet18", "integrated-gradients:steps=4", 1}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.model) + "_" + info.param.method +
                                              std::to_string(info.param.targets);
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

// ---- the estimate
std::int64_t peakOfThisProcess() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::int64_t kilobytes = 0;
  while (status >> word)
    if (word == "VmHWM:") status >> kilobytes;
  return kilobytes << 10;
}

// What a process of its own does for the test below, with the network and the batch that the environment names.
TEST(MemoryOfAProcess, DISABLED_Explains) {
  const char *model = std::getenv("RELPROP_TEST_MODEL"), *batch = std::getenv("RELPROP_TEST_BATCH");
  ASSERT_TRUE(model && batch);
  const int rows = std::atoi(batch);
  Explainer explainer(Model::load(model), optionsOf("rap", rows, 1));
  explained(explainer, rows, 1);
  std::printf("estimate %lld peak %lld\n", static_cast<long long>(explainer.report().memory),
              static_cast<long long>(peakOfThisProcess()));
}

std::string outputOf(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string all;
  for (int c; (c = std::fgetc(pipe.get())) != EOF;) all += static_cast<char>(c);
  return all;
}

bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

class MemoryEstimate : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(MemoryEstimate, IsWithinATenthOfThePeak) {
  RELPROP_NEEDS_SHARED();
  if (sanitized()) GTEST_SKIP() << "the sanitizer's own memory";
  const auto [name, batch] = GetParam();
  setenv("RELPROP_TEST_MODEL", (test::modelsFolder() / (std::string(name) + ".onnx")).c_str(), 1);
  setenv("RELPROP_TEST_BATCH", std::to_string(batch).c_str(), 1);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  // Whichever share of the tests this process runs, that one runs this test.
  const std::string out = outputOf("env -u GTEST_TOTAL_SHARDS -u GTEST_SHARD_INDEX '" + self +
                                   "' --gtest_also_run_disabled_tests --gtest_filter=MemoryOfAProcess.*");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(out, match, std::regex("estimate ([0-9]+) peak ([0-9]+)"))) << out;
  EXPECT_NEAR(std::stod(match[1]) / std::stod(match[2]), 1.0, 0.1) << match[0];
}

INSTANTIATE_TEST_SUITE_P(Golden, MemoryEstimate,
                         testing::Values(std::pair{"resnet50", 1}, std::pair{"resnet50", 8}, std::pair{"googlenet", 1},
                                         std::pair{"googlenet", 8}, std::pair{"squeezenet1.1", 8}),
                         [](const auto& info) {
                           std::string name = info.param.first + std::to_string(info.param.second);
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace relprop
