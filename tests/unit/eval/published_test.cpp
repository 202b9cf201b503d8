// Figures that others published: where they stand in a report, and what is refused.
#include "eval/report/published.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "relprop/explain.h"
#include "relprop/image.h"
#include "relprop/metrics.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;
using relprop::test::codeOf;
using relprop::test::failureOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

PublishedFigure published(const std::string& network, const std::string& metric, const std::string& method,
                          double value = 0.625, const std::string& source = "Somebody, 2020") {
  return {source, network, metric, method, "hit", value};
}

PublishedFigure of(const std::string& data, const std::string& target, double value) {
  PublishedFigure figure = published("net", "pointing-game", "gradient", value);
  figure.data = data, figure.target = target;
  return figure;
}

// A network and its gradient and random maps of one picture, on VOC with true classes unless it says something else.
class PublishedTest : public testing::Test {
 protected:
  PublishedTest() {
    store_.beginRun({});
    store_.put({"k", "nets/net.onnx", "h", "{}", "3×8×8"});
  }
  void write(const std::string& dataset = "voc:VOC2012", const std::string& target = "true") {
    ResultBatch batch;
    PictureFacts facts;
    facts.model = "k", facts.dataset = dataset, facts.picture = "one", facts.target = target;
    batch.pictures = {facts};
    const std::string protocol = completeProtocol("pointing-game");
    for (const char* method : {"random", "gradient"})
      batch.results.push_back(
          {{"k", dataset, "one", target, completeMethod(method), protocol}, "", {{"hit", 1}}, {}, 0.0});
    store_.write(batch);
  }
  std::string markdown(const std::vector<PublishedFigure>& figures) const {
    return markdownReport(store_, {0, "", figures});
  }
  Error refused(const std::vector<PublishedFigure>& figures) const {
    return failureOf([&] { markdown(figures); });
  }

  Store store_ = Store::inMemory();
  relprop::test::TemporaryFolder base_;
};

TEST_F(PublishedTest, FiguresStandBesideOurs) {
  write();
  const std::vector<PublishedFigure> figures = {published("net", "pointing-game", "gradient"),
                                                published("net", "pointing-game:tolerance=3", "random"),
                                                published("other", "pointing-game", "random")};
  const std::string text = markdown(figures);
  EXPECT_THAT(text, HasSubstr("| `gradient` | **1.000** [0.625] | – |\n"));
  EXPECT_THAT(text, HasSubstr("| `random` | **1.000** | – |\n"));  // another protocol, another network
  EXPECT_THAT(text, HasSubstr("\nIn brackets: Somebody, 2020.\n"));
  ReportOptions options;
  options.beside = figures;
  writeReport(store_, base_ / "report", options);
  const std::vector<std::uint8_t> bytes = readFile(base_ / "report/index.html");
  const std::string html(bytes.begin(), bytes.end());
  EXPECT_THAT(html, HasSubstr("<span class=\"count\">published 0.625</span>"));
  EXPECT_THAT(html, HasSubstr("Published: Somebody, 2020."));
  EXPECT_THAT(markdown({}), Not(HasSubstr("In brackets")));
}

TEST_F(PublishedTest, FiguresStandBesideTheDataTheyAreOf) {
  for (const char* dataset : {"voc:VOC2012", "voc", "imagenet:val", "imagenet-s:val"}) write(dataset);
  const auto standsBeside = [&](const std::string& data, const std::string& dataset) {
    const std::string text = markdown({of(data, "", 0.625)});
    const std::size_t start = text.find("## net on " + dataset + ", ");
    EXPECT_NE(start, std::string::npos);
    return text.substr(start, text.find("## ", start + 3) - start).find("[0.625]") != std::string::npos;
  };
  for (const char* dataset : {"voc:VOC2012", "voc", "imagenet:val", "imagenet-s:val"})
    EXPECT_TRUE(standsBeside("", dataset)) << dataset;
  EXPECT_TRUE(standsBeside("voc", "voc:VOC2012") && standsBeside("voc", "voc"));
  EXPECT_FALSE(standsBeside("voc", "imagenet:val"));
  EXPECT_TRUE(standsBeside("voc:VOC2012", "voc:VOC2012"));
  EXPECT_FALSE(standsBeside("voc:VOC2007", "voc:VOC2012") || standsBeside("voc:VOC2012", "voc"));
  EXPECT_TRUE(standsBeside("imagenet", "imagenet:val"));
  EXPECT_FALSE(standsBeside("imagenet", "imagenet-s:val")) << "another kind whose name begins alike";
}

TEST_F(PublishedTest, FiguresStandBesideTheTargetTheyAreOf) {
  write("d", "true:3"), write("e", "predicted"), write("f", "true+correct");
  const auto shown = [&](const std::string& target) {
    const std::string text = markdown({of("", target, 0.625)});
    std::string where;
    for (const char* dataset : {"d", "e", "f"}) {
      const std::size_t start = text.find(std::string("## net on ") + dataset);
      if (text.substr(start, text.find("## ", start + 3) - start).find("[0.625]") != std::string::npos)
        where += dataset;
    }
    return where;
  };
  EXPECT_EQ(shown(""), "def");
  EXPECT_EQ(shown("true"), "d");
  EXPECT_EQ(shown("predicted"), "e");
  EXPECT_EQ(shown("true+correct"), "f");
}

TEST_F(PublishedTest, OnlySourcesOfShownFiguresAreNamed) {
  write();
  PublishedFigure elsewhere = published("net", "pointing-game", "random", 0.5, "Of other data");
  elsewhere.data = "imagenet";
  const std::string text =
      markdown({published("net", "pointing-game", "gradient", 0.5, "Shown"),
                published("net", "pointing-game", "rap", 0.5, "Of a method that is not there"),
                published("net", "pointing-game:tolerance=3", "random", 0.5, "Of other cells"),
                published("other", "pointing-game", "random", 0.5, "Of another network"), elsewhere});
  EXPECT_THAT(text, HasSubstr("\nIn brackets: Shown.\n"));
}

TEST_F(PublishedTest, OfSeveralSourcesTheFirstStands) {
  write();
  const std::string text = markdown({published("net", "pointing-game", "gradient", 0.5, "First"),
                                     published("net", "pointing-game", "gradient", 0.25, "Second"),
                                     published("net", "pointing-game", "random", 0.125, "Third")});
  EXPECT_THAT(text, HasSubstr("| `gradient` | **1.000** [0.500] | – |\n"));
  EXPECT_THAT(text, HasSubstr("| `random` | **1.000** [0.125] | – |\n"));
  EXPECT_THAT(text, HasSubstr("\nIn brackets: First; Third.\n"));
}

// The same cell, differently spelled.
TEST_F(PublishedTest, OneSourceHasOneFigureForACell) {
  write();
  std::vector<PublishedFigure> figures = {published("net", "pointing-game", "gradient", 0.5),
                                          published("net", "pointing-game@1", completeMethod("gradient"), 0.25)};
  Error error = refused(figures);
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error.where(), "published figure 2");
  EXPECT_THAT(error.got(), HasSubstr("published figure 1"));
  figures[0].where = "papers.json, entry 3", figures[1].where = "papers.json, entry 8";
  error = refused(figures);
  EXPECT_EQ(error.where(), "papers.json, entry 8");
  EXPECT_THAT(error.got(), HasSubstr("papers.json, entry 3"));
  figures[0].data = "voc", figures[1].data = "imagenet";
  EXPECT_THAT(markdown(figures), HasSubstr("[0.500]"));
}

TEST_F(PublishedTest, FiguresOfUnknownThingsAreRefused) {
  write();
  EXPECT_EQ(refused({published("net", "pointing-game", "gradiant")}).code(), ErrorCode::UnknownMethod);
  EXPECT_EQ(refused({published("net", "pointing", "gradient")}).code(), ErrorCode::UnknownMetric);
  const Error score = refused({published("net", "outside-inside", "gradient")});
  EXPECT_EQ(score.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(score.where(), "published figure 1");
  EXPECT_EQ(score.got(), "the score \"hit\" of outside-inside");
  EXPECT_EQ(score.expected(), "one of: all, pos");
}

constexpr const char* kBegin = R"({"source": "S", "network": "n", "metric": "outside-inside", "method": "rap")";

TEST_F(PublishedTest, FiguresAreReadFromAList) {
  const fs::path file = base_ / "papers.json";
  const auto read = [&](const std::string& text) {
    std::ofstream(file) << text;
    return readPublishedFigures(file);
  };
  const std::string begin = kBegin, entry = begin + R"(, "scores": {"all": 0.5, "pos": 1}})";
  const std::vector<PublishedFigure> figures =
      read("[" + entry + ", " + begin + R"(, "data": "voc", "target": "true", "scores": {"all": 2}}])");
  ASSERT_EQ(figures.size(), 3u);
  EXPECT_EQ(figures[1].score, "pos");
  EXPECT_EQ(figures[1].value, 1);
  EXPECT_EQ(figures[0].method, "rap");
  EXPECT_EQ(figures[0].data + figures[0].target, "");
  EXPECT_EQ(figures[2].data, "voc");
  EXPECT_EQ(figures[2].target, "true");
  EXPECT_EQ(figures[2].where, file.string() + ", entry 2");
  const auto refusedText = [&](const std::string& text) {
    const Error error = failureOf([&] { read(text); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.where(), HasSubstr("papers.json"));
    return error.got();
  };
  EXPECT_EQ(refusedText(entry), "no JSON list");
  EXPECT_EQ(refusedText("[7"), "broken JSON at byte 3");
  EXPECT_EQ(refusedText("[1e999]"), "a number that no double holds");
  EXPECT_EQ(refusedText("[7]"), "no JSON object");
  EXPECT_EQ(refusedText("[{}]"), "no text source");
  EXPECT_EQ(refusedText("[" + begin + "}]"), "no scores");
  // Two figures for a cell, of which a parser would keep the last.
  EXPECT_EQ(refusedText("[" + begin + R"(, "scores": {"all": 0.5, "all": 0.7}}])"), "key 'all' twice");
  EXPECT_EQ(refusedText("[" + begin + R"(, "method": "gradient", "scores": {"all": 1}}])"), "key 'method' twice");
  EXPECT_EQ(refusedText("[" + begin + R"(, "scores": {"a": "b"}}])"), "the score a is no number");
  EXPECT_EQ(refusedText("[" + begin + R"(, "data": 7, "scores": {"all": 1}}])"), "a data that is no text");
  EXPECT_EQ(refusedText("[" + begin + R"(, "target": null, "scores": {"all": 1}}])"), "a target that is no text");
  EXPECT_EQ(refusedText(R"([{"source": 7, "network": "n"}])"), "a source that is no text");
}

// It would stand beside every data set and target.
TEST_F(PublishedTest, KeysThatAreNoneAndEmptyTextsAreRefused) {
  const fs::path file = base_ / "papers.json";
  const auto refusedText = [&](const std::string& text) {
    std::ofstream(file) << text;
    const Error error = failureOf([&] { readPublishedFigures(file); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(error.where(), file.string() + ", entry 1");
    return error.got();
  };
  const std::string begin = std::string("[") + kBegin, end = R"(, "scores": {"all": 1}}])";
  for (const std::string key : {"dataset", "Data", "Target", "score", ""})
    EXPECT_EQ(refusedText(begin + ", \"" + key + "\": \"voc\"" + end), "the unknown key '" + key + "'");
  for (const std::string key : {"data", "target"})
    EXPECT_EQ(refusedText(begin + ", \"" + key + "\": \"\"" + end), "an empty " + key);
  EXPECT_EQ(refusedText(R"([{"source": "", "network": "n"}])"), "an empty source");
  EXPECT_EQ(refusedText(R"([{"source": "S", "network": ""}])"), "an empty network");
}

// Also what is of no table of this network is looked at, and a name that was right once is right for all.
TEST_F(PublishedTest, FiguresOfOtherDataAreCheckedToo) {
  write();
  std::vector<PublishedFigure> figures(200, of("imagenet", "", 0.5));
  for (std::size_t i = 0; i < figures.size(); ++i) figures[i].source = std::to_string(i);
  EXPECT_THAT(markdown(figures), Not(HasSubstr("[0.500]")));
  figures.back().score = "miss";
  EXPECT_EQ(refused(figures).where(), "published figure 200");
  figures.back().score = "hit", figures.back().method = "gradiant";
  EXPECT_EQ(refused(figures).code(), ErrorCode::UnknownMethod);
}

// Each network of it on each of its data sets: every name is known, and no cell has two figures.
TEST_F(PublishedTest, TheListOfThisProjectIsAccepted) {
  const std::vector<PublishedFigure> figures =
      readPublishedFigures(fs::path(__FILE__).parent_path() / "../../../tools/results/papers.json");
  ASSERT_THAT(figures, Not(IsEmpty()));
  FigureCells cells;
  for (const PublishedFigure& one : figures) {
    EXPECT_FALSE(one.data.empty()) << one.where;
    Group group;
    group.model.path = one.network + ".onnx", group.key = {"k", one.data + ":folder", "true"};
    const Published beside(figures, group, cells);
    EXPECT_EQ(beside.value(completeMethod(one.method), completeProtocol(one.metric), one.score), one.value)
        << one.where;
    EXPECT_THAT(beside.sources(), IsEmpty()) << "the table has no cell";
  }
}

}  // namespace
}  // namespace relprop::eval
