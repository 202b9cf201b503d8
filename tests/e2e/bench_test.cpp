// relprop bench on the bundled network: tables, JSON, traces, agreement, and what mistakes get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class BenchTest : public testing::Test {
 protected:
  static Outcome bench(const Arguments& options, const RunOptions& how = {}) {
    Arguments arguments = {"bench", exampleModel(), "--threads", "1", "--rounds", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments, how);
  }
  // Without rounds, of which it has none.
  static Outcome fidelity(const Arguments& options) {
    Arguments arguments = {"bench", exampleModel(), "--threads", "1"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments);
  }
  static json benchJson(const Arguments& options) {
    Arguments all = options;
    all.push_back("--json");
    const Outcome outcome = bench(all);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out);
  }
  // One clear line and nothing else.
  static void expectRefused(const Outcome& outcome, int code, const std::string& word) {
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(word));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("unexpected failure")));
    EXPECT_EQ(outcome.out, "");
  }

  TemporaryFolder folder_;
};

TEST_F(BenchTest, PrintsTimesFloorAndMemory) {
  const Outcome outcome = bench({});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part : {"load", "gradient", "lrp-zplus", "rap", "floor", "ratio", "peak memory", "convolutions",
                           "dense", "1 + 1", "2 + 1", "2 + 2"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(BenchTest, JsonHasEveryRun) {
  const json report = benchJson({"--methods", "gradient,rap", "--batch", "1,2"});
  ASSERT_EQ(report["runs"].size(), 4u);
  EXPECT_EQ(report["neutralRange"], false);  // there is a preprocessing beside the model
  for (const json& run : report["runs"]) {
    EXPECT_GT(run["ratio"], 0) << run;
    EXPECT_GT(run["all"]["median"], 0) << run;
    EXPECT_GT(run["convolutions"]["bareForward"]["median"], 0) << run;
  }
  EXPECT_EQ(report["runs"][1]["convolutions"]["passes"], json::array({2, 2}));
  EXPECT_EQ(report["runs"][2]["batch"], 2);
}

// The bundled network says itself what its pixels are; a copy that calls it something else does not.
TEST_F(BenchTest, WithoutPreprocessingARangeIsTaken) {
  std::string bytes = readText(exampleModel());
  const std::size_t at = bytes.find("relprop.preprocess");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'x';
  writeText(folder_ / "alone.onnx", bytes);
  const Outcome outcome =
      relprop({"bench", folder_ / "alone.onnx", "--method", "rap", "--threads", "1", "--rounds", "1"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("no preprocessing"));
}

// Other commands put threads to sleep while they wait; this one measures what the library's users get.
TEST_F(BenchTest, WaitsAsTheEnvironmentSays) {
  const auto unset = [] { unsetenv("OMP_WAIT_POLICY"); };
  const auto active = [] { setenv("OMP_WAIT_POLICY", "active", 1); };
  EXPECT_THAT(bench({}, {.inChild = unset, .whileRunning = {}}).out, HasSubstr("by spinning"));
  EXPECT_THAT(bench({}, {.inChild = active, .whileRunning = {}}).out, HasSubstr("OMP_WAIT_POLICY=active"));
}

TEST_F(BenchTest, ProfilesSteps) {
  const Outcome outcome = bench({"--method", "rap", "--profile"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* part : {"GFLOP/s", "GB/s", "backward", "linear", "program"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
  EXPECT_GT(benchJson({"--method", "rap", "--profile"})["runs"][0]["steps"].size(), 20u);
}

TEST_F(BenchTest, TracesForABrowser) {
  const json run = benchJson({"--method", "rap", "--trace", folder_ / "trace.json", "--profile"})["runs"][0];
  const json trace = json::parse(readText(folder_ / "trace.json"));
  double end = 0;
  std::size_t steps = 0;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    EXPECT_GE(event["ts"].get<double>(), end - 1e-3);  // one after another
    end = event["ts"].get<double>() + event["dur"].get<double>();
    ++steps;
  }
  EXPECT_EQ(steps, run["steps"].size());
  EXPECT_THAT(namesIn(folder_.path()), testing::ElementsAre("trace.json"));
}

TEST_F(BenchTest, RunsOnAPicture) {
  EXPECT_EQ(benchJson({"--method", "gradient", "--input", examplePicture()})["runs"].size(), 1u);
}

// A picture that no run sees need not be one.
TEST_F(BenchTest, OfAFolderABatchTakesItsFirstPictures) {
  fs::create_directory(folder_ / "photos");
  for (const char* name : {"a.jpg", "b.jpg"})
    fs::copy_file(examplePicture(), folder_ / ("photos/" + std::string(name)));
  writeText(folder_ / "photos/c.jpg", "no picture");
  const auto saidOf = [&](const std::string& batch) {
    const Outcome outcome = bench({"--method", "gradient", "--input", folder_ / "photos", "--batch", batch});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.err;
  };
  const std::string why = ": a batch of N takes the first N pictures, or the first N rows of an array\n";
  EXPECT_EQ(saidOf("1"), "relprop: --input: runs see 1 of 3 files" + why);
  EXPECT_EQ(saidOf("1,2"), "relprop: --input: runs see 2 of 3 files" + why);
  expectRefused(bench({"--method", "gradient", "--input", folder_ / "photos", "--batch", "4"}), 1, "c.jpg");
  fs::remove(folder_ / "photos/c.jpg");
  EXPECT_EQ(saidOf("2"), "");
  EXPECT_EQ(saidOf("4"), "") << "of two pictures in turn";
}

TEST_F(BenchTest, OfAnArrayABatchTakesItsFirstRows) {
  fs::create_directory(folder_ / "inputs");
  ::relprop::writeFile(folder_ / "inputs/a.npy", ::relprop::encodeNpy(::relprop::Tensor({3, 3, 96, 96}, 0.25f)));
  const std::string why = ": a batch of N takes the first N pictures, or the first N rows of an array\n";
  const Outcome alone = bench({"--method", "gradient", "--input", folder_ / "inputs/a.npy", "--batch", "2"});
  EXPECT_EQ(alone.code, 0);
  EXPECT_EQ(alone.err, "relprop: --input: runs see 2 of 3 rows" + why);
  fs::copy_file(examplePicture(), folder_ / "inputs/b.jpg");
  const Outcome mixed = bench({"--method", "gradient", "--input", folder_ / "inputs", "--batch", "3"});
  EXPECT_EQ(mixed.code, 0);
  EXPECT_EQ(mixed.err, "relprop: --input: runs see 1 of 2 files" + why);
}

TEST_F(BenchTest, ATraceIsWrittenOverNoPictureOfAFolder) {
  fs::create_directory(folder_ / "photos");
  for (const char* name : {"a.jpg", "b.jpg"})
    fs::copy_file(examplePicture(), folder_ / ("photos/" + std::string(name)));
  expectRefused(bench({"--method", "gradient", "--input", folder_ / "photos", "--trace", folder_ / "photos/b.jpg"}), 1,
                "b.jpg: an input of this command");
  EXPECT_EQ(readText(folder_ / "photos/b.jpg"), readText(examplePicture()));
}

TEST_F(BenchTest, MistakesInUsage) {
  for (const Arguments& wrong : std::vector<Arguments>{{"--batch", "0"},
                                                       {"--batch", "1,x"},
                                                       {"--threads", "0"},
                                                       {"--rounds", "0"},
                                                       {"--precision", "f16"},
                                                       {"--no-such-option"}})
    expectRefused(bench(wrong), 2, "");
}

TEST_F(BenchTest, FidelityRefusesWhatItDoesNotUse) {
  for (const Arguments& unused : std::vector<Arguments>{{"--trace", "t.json"},
                                                        {"--profile"},
                                                        {"--input", examplePicture()},
                                                        {"--rounds", "3"},
                                                        {"--rounds", "9"},
                                                        {"--floor-precision", "bf16"},
                                                        {"--floor-precision", "f32"},
                                                        {"--precision", "bf16"},
                                                        {"--precision", "f32"},
                                                        {"--batch", "2"}}) {
    Arguments arguments = {"--fidelity", examplePicture()};
    arguments.insert(arguments.end(), unused.begin(), unused.end());
    expectRefused(fidelity(arguments), 2, "leave out " + unused.front());
  }
  expectRefused(relprop({"bench", exampleModel(), "--fidelity", examplePicture(), "--threads", "1,2"}), 2,
                "give one --threads");
}

TEST_F(BenchTest, WhatCannotBeMeasured) {
  expectRefused(bench({"--methods", "gradient,lrp-zpluss"}), 1, "lrp-zplus");
  expectRefused(relprop({"bench", folder_ / "missing.onnx"}), 1, "missing.onnx");
  expectRefused(bench({"--input", folder_ / "missing.png"}), 1, "missing.png");
  writeText(folder_ / "text.onnx", "this is not a network\n");
  expectRefused(relprop({"bench", folder_ / "text.onnx"}), 1, "text.onnx");
  expectRefused(bench({"--method", "rap", "--shape", "7x7"}), 1, "7");
}

// Before the work, not behind it.
TEST_F(BenchTest, TracesThatCannotBeWritten) {
  expectRefused(bench({"--trace", folder_.path()}), 1, "folder");
  writeText(folder_ / "file", "in the way");
  expectRefused(bench({"--trace", folder_ / "file/trace.json"}), 1, "not a folder");
}

TEST_F(BenchTest, AFullDiskLeavesNoTrace) {
  const auto limit = [] {
    signal(SIGXFSZ, SIG_IGN);
    rlimit small = {1024, 1024};
    setrlimit(RLIMIT_FSIZE, &small);
  };
  const Outcome outcome =
      bench({"--method", "rap", "--trace", folder_ / "trace.json"}, {.inChild = limit, .whileRunning = {}});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("trace.json"));
  EXPECT_THAT(namesIn(folder_.path()), IsEmpty());
}

TEST_F(BenchTest, StopsAtCtrlC) {
  const Outcome outcome =
      relprop({"bench", exampleModel(), "--rounds", "100000"}, onceItCatches(SIGINT, std::chrono::seconds(1)));
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

// Where the processor does not multiply such numbers, that is said.
TEST_F(BenchTest, ComparesMapsOfBothPrecisions) {
  fs::create_directory(folder_ / "photos");
  for (const char* name : {"a.jpg", "b.jpg"})
    fs::copy_file(examplePicture(), folder_ / ("photos/" + std::string(name)));
  writeText(folder_ / "photos/notes.txt", "no picture");
  const Outcome outcome = fidelity(
      {"--methods", "rap,gradient", "--fidelity", folder_ / "photos", "--fidelity", examplePicture(), "--json"});
  if (outcome.code == 1) {
    EXPECT_THAT(outcome.err, HasSubstr("bf16"));
    return;
  }
  EXPECT_THAT(outcome.err, HasSubstr("photos: left out: 1 file that is no JPEG"));
  const json all = json::parse(outcome.out);
  ASSERT_EQ(all.size(), 2u);
  for (const json& method : all) {
    EXPECT_EQ(method["pictures"], 3);
    EXPECT_GT(method["spearman"], 0.5);
    EXPECT_EQ(method["topChanged"], 0);
  }
  EXPECT_LT(all[0]["conservation"][0], 1e-4);
  EXPECT_TRUE(all[1]["conservation"].is_null());
  fs::rename(folder_ / "photos/notes.txt", folder_ / "photos/c.jpg");
  expectRefused(fidelity({"--fidelity", folder_ / "photos"}), 1, "c.jpg");
}

}  // namespace
}  // namespace e2e
