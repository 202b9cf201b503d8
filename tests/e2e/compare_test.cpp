// relprop compare: what is said of two networks, and what mistakes get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"
#include "relprop/image.h"

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

// What is prepared is what is used: the plan for 4096 pictures takes gigabytes.
TEST_F(CompareTest, PicturesGoOneByOneWhateverTheBatch) {
  const Arguments one = {examplePicture(), "--method", "gradient", "--memory", "64M"};
  const Outcome plain = compare(one);
  ASSERT_EQ(plain.code, 0) << plain.err;
  Arguments many = one;
  many.insert(many.end(), {"--batch", "4096"});
  const Outcome batched = compare(many);
  EXPECT_EQ(batched.code, 0) << batched.err;
  EXPECT_EQ(batched.out, plain.out);
  EXPECT_EQ(batched.err, "");
}

TEST_F(CompareTest, RowsOfAnArrayAreComputedTogether) {
  ::relprop::Tensor rows({3, 3, 96, 96});
  for (std::size_t i = 0; i < rows.data.size(); ++i) rows.data[i] = static_cast<float>(i * i % 101) / 50.0f - 1.0f;
  ::relprop::writeFile(folder_ / "x.npy", ::relprop::encodeNpy(rows));
  const auto batched = [&](const std::string& batch) {
    return compare({folder_ / "x.npy", "--method", "gradient", "--memory", "64M", "--json", "--batch", batch});
  };
  expectRefused(batched("512"), "use a smaller --batch");
  const Outcome two = batched("2");
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(two.out, batched("1").out);
}

// Networks of pictures of any size whose files leave open how many classes they have, written field by field of the
// ONNX format: one makes a class of every number of the picture, the other one of every channel.
class CompareOpenTest : public CompareTest {
 protected:
  CompareOpenTest() {
    writeText(pixels(), network(layer("Flatten", "x", "y")));
    writeText(means(), network(layer("GlobalAveragePool", "x", "p") + layer("Flatten", "p", "y")));
    for (const char* name : {"a.npy", "b.npy"}) {
      ::relprop::Tensor picture({1, 3, 4, 4});
      for (std::size_t i = 0; i < picture.data.size(); ++i) picture.data[i] = static_cast<float>(i) / 10;
      ::relprop::writeFile(folder_ / name, ::relprop::encodeNpy(picture));
    }
  }
  std::string pixels() const { return folder_ / "pixels.onnx"; }
  std::string means() const { return folder_ / "means.onnx"; }
  static std::string scalar(int place, int less128) {
    return {static_cast<char>(place << 3), static_cast<char>(less128)};
  }
  static std::string message(int place, const std::string& content) {
    std::string text(1, static_cast<char>(place << 3 | 2));
    std::size_t size = content.size();
    for (; size > 127; size >>= 7) text += static_cast<char>(size | 128);
    return text + static_cast<char>(size) + content;
  }
  static std::string layer(const std::string& op, const std::string& from, const std::string& to) {
    return message(1, message(1, from) + message(2, to) + message(3, to + "_node") + message(4, op));
  }
  static std::string tensor(int place, const std::string& name, const std::string& extents) {
    return message(place, message(1, name) + message(2, message(1, scalar(1, 1) + message(2, extents))));
  }
  static std::string network(const std::string& layers) {
    const std::string open = message(1, message(2, "N")), colours = message(1, scalar(1, 3));
    const std::string graph =
        layers + message(2, "g") + tensor(11, "x", open + colours + open + open) + tensor(12, "y", open + open);
    return scalar(1, 8) + message(8, scalar(2, 13)) + message(7, graph);
  }
};

// The network's fault and none of a picture's: it is said once.
TEST_F(CompareOpenTest, OtherClassesAreTheNetworksFault) {
  const auto refused = [&](const std::string& first, const std::string& second, const std::string& why) {
    const Outcome outcome =
        compare({folder_ / "a.npy", folder_ / "b.npy", "--shape", "4x4", "--method", "gradient"}, {first, second});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "relprop: error: " + second + ": " + why + "; compare two forms of one network\n");
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(namesIn(folder_ / "out"), IsEmpty());
  };
  refused(pixels(), means(), "3 classes (expected 48 as " + pixels() + " has)");
  refused(means(), pixels(), "48 classes (expected 3 as " + means() + " has)");
}

TEST_F(CompareOpenTest, TheSameClassesAreCompared) {
  const Outcome outcome = compare({folder_ / "a.npy", "--method", "gradient", "--json"}, {pixels(), pixels()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(jsonLines(outcome.out).at(0)["target"]["index"], 47);
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
