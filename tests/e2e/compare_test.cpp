// relprop compare: what is said of two networks, and what mistakes get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class CompareTest : public testing::Test {
 protected:
  Outcome compare(const Arguments& more, const Arguments& networks = {exampleModel(), exampleModel()}) {
    Arguments all = {"compare"};
    all.insert(all.end(), networks.begin(), networks.end());
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {"--threads", "1", "--out", folder_ / "out"});
    return relprop(all);
  }
  std::vector<json> jsonLines(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
    return lines;
  }
  void expectRefused(const Outcome& outcome, const std::string& word) {
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(word));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(namesIn(folder_ / "out"), IsEmpty());
  }

  TemporaryFolder folder_;
};

TEST_F(CompareTest, ANetworkAgreesWithItself) {
  const Outcome outcome = compare({examplePicture(), "--methods", "rap,gradient", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<json> lines = jsonLines(outcome.out);
  ASSERT_EQ(lines.size(), 3u);
  for (const json& line : {lines[0], lines[1]}) {
    EXPECT_EQ(line["spearman"], 1.0);
    EXPECT_EQ(line["topChanged"], false);
    EXPECT_EQ(line["logits"], 0.0);
    EXPECT_EQ(line["target"]["logit"][0], line["target"]["logit"][1]);
    EXPECT_EQ(line["predictions"][0], line["predictions"][1]);
    EXPECT_TRUE(fs::exists(line["files"]["png"].get<std::string>()));
  }
  EXPECT_EQ(lines[2]["summary"].size(), 2u);
  EXPECT_EQ(lines[2]["summary"][1]["topChanged"], 0);
  const std::string stem = fs::path(examplePicture()).stem();
  EXPECT_THAT(namesIn(folder_ / "out"), ElementsAre(stem + ".gradient.compare.png", stem + ".rap.compare.png"));
}

TEST_F(CompareTest, SaysItInWordsToo) {
  const Outcome outcome = compare({examplePicture(), "--method", "gradient"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("gradient Spearman 1.000"));
  EXPECT_THAT(outcome.out, HasSubstr("top-1 changed"));
}

// Two files of one published network, where they lie beside the checkout.
TEST_F(CompareTest, FloatsAndIntegersOfOneNetwork) {
  const char* shared = std::getenv("RELPROP_SHARED");
  const fs::path wild = (shared ? fs::path(shared) : fs::path(SOURCE_FOLDER).parent_path() / "shared") / "wild";
  if (!fs::exists(wild / "tinycnn_esp_int8"))
    GTEST_SKIP() << "no such networks; their folder is named by RELPROP_SHARED";
  const Outcome outcome = compare({wild / "tinycnn_esp" / "input.npy", "--methods", "lrp-zplus,rap,gradient", "--json"},
                                  {wild / "tinycnn_esp" / "model.onnx", wild / "tinycnn_esp_int8" / "model.onnx"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<json> lines = jsonLines(outcome.out);
  ASSERT_EQ(lines.size(), 4u);
  for (const json& line : lines)
    if (line.contains("spearman")) {
      EXPECT_EQ(line["topChanged"], false);
      EXPECT_GT(line["spearman"].get<double>(), 0.8);
      EXPECT_LT(line["spearman"].get<double>(), 1.0);
      EXPECT_LT(line["logits"].get<double>(), 0.03);
    }
}

TEST_F(CompareTest, NetworksThatCannotBeReadLeaveNothingBehind) {
  writeText(folder_ / "broken.onnx", "no network");
  for (const std::string name : {"broken.onnx", "missing.onnx"}) {
    expectRefused(compare({examplePicture()}, {exampleModel(), folder_ / name}), name);
    expectRefused(compare({examplePicture()}, {folder_ / name, exampleModel()}), name);
  }
  expectRefused(compare({examplePicture(), "--method", "lrp-zpluss"}), "lrp-zplus");
}

TEST_F(CompareTest, APictureThatCannotBeReadDoesNotStopTheOthers) {
  writeText(folder_ / "broken.png", "no picture");
  const Outcome outcome = compare({folder_ / "broken.png", examplePicture(), "--method", "gradient"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("broken.png"));
  EXPECT_THAT(namesIn(folder_ / "out"),
              ElementsAre(fs::path(examplePicture()).stem().string() + ".gradient.compare.png"));
}

TEST_F(CompareTest, HelpHasExamples) {
  const Outcome outcome = relprop({"compare", "--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  relprop compare"));
}

TEST_F(CompareTest, WrongUsageIsExitCodeTwo) {
  for (const Arguments& arguments :
       {Arguments{"compare"}, {"compare", exampleModel()}, {"compare", exampleModel(), exampleModel()}}) {
    const Outcome outcome = relprop(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, StartsWith("relprop: error: "));
  }
}

TEST_F(CompareTest, AFolderThatCannotBeWrittenIsSaidFirst) {
  writeText(folder_ / "file", "");
  const Outcome outcome =
      relprop({"compare", exampleModel(), exampleModel(), examplePicture(), "--out", folder_ / "file"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("is not a folder"));
}

}  // namespace
}  // namespace e2e
