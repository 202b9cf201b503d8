#include "relprop/report.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "eval/report/curves.h"
#include "eval/report/folder.h"
#include "eval/report/html.h"
#include "eval/report/names.h"
#include "eval/report/plot.h"
#include "eval/statistics.h"
#include "relprop/image.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string textOf(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = readFile(path);
  return {bytes.begin(), bytes.end()};
}

std::size_t countOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class FolderTest : public testing::Test {
 protected:
  relprop::test::TemporaryFolder base_;
};

// Names
// -----------------------------------------------------------------------------------------------------------------

std::vector<std::string> shortTexts(const std::vector<std::string>& complete) {
  std::vector<std::string> texts;
  for (const ShortName& name : shortNames(complete)) texts.push_back(name.text());
  return texts;
}

TEST(ShortNames, AreNamesWhereThoseSuffice) {
  EXPECT_THAT(shortTexts({"rap:batchnorm=fold", "gradient", "lrp-gamma:gamma=0.25,batchnorm=fold"}),
              ElementsAre("rap", "gradient", "lrp-gamma"));
}

TEST(ShortNames, KeepWhatDiffers) {
  EXPECT_THAT(shortTexts({"g:gamma=0.25,b=fold,r=x", "g:gamma=0.5,b=fold,r=x", "g:gamma=0.5,b=pass,r=x"}),
              ElementsAre("g gamma=0.25, b=fold", "g gamma=0.5, b=fold", "g gamma=0.5, b=pass"));
  EXPECT_THAT(shortTexts({"g:k=1", "g:k=1 | conv=wplus"}), ElementsAre("g", "g | conv=wplus"));
}

TEST(ShortNames, VersionsAreParameters) {
  EXPECT_THAT(shortTexts({"id-score@1:step=4", "miou@1:threshold=mean"}), ElementsAre("id-score", "miou"));
  EXPECT_THAT(shortTexts({"id-score@1:step=4", "id-score@2:step=4"}), ElementsAre("id-score @1", "id-score @2"));
}

TEST(ShortNames, AreCompleteWhereNothingElseDiffers) {
  EXPECT_THAT(shortTexts({"g:a=1,a=1", "g:a=1"}), ElementsAre("g:a=1,a=1", "g:a=1"));
}

TEST(Numbers, ShowThreeFigures) {
  EXPECT_EQ(decimalsFor({0.91234, 0.5}), 3);
  EXPECT_EQ(decimalsFor({1.0, 0.5}), 3);
  EXPECT_EQ(decimalsFor({12.0}), 1);
  EXPECT_EQ(decimalsFor({-1234.0}), 0);
  EXPECT_EQ(decimalsFor({0.0}), 2);
  EXPECT_EQ(formatted(0.91264, 3), "0.913");
  EXPECT_EQ(formatted(0.0, 3), "0.000");
  EXPECT_EQ(formatted(1.3e-6, 3), "1.3e-06");
  EXPECT_EQ(formatted(2e9, 0), "2.0e+09");
  EXPECT_EQ(formattedSeconds(0.0042), "4.2 ms");
  EXPECT_EQ(formattedSeconds(0.062), "62 ms");
  EXPECT_EQ(formattedSeconds(2.345), "2.35 s");
  EXPECT_EQ(formattedSeconds(31.04), "31.0 s");
}

// HTML
// ------------------------------------------------------------------------------------------------------------------

TEST(Html, NothingInATextIsMarkup) {
  EXPECT_EQ(escaped("<img onerror='x' a=\"1\">&"), "&lt;img onerror=&#39;x&#39; a=&quot;1&quot;&gt;&amp;");
}

TEST(Html, TextIsUtf8WithoutControlCharacters) {
  EXPECT_EQ(escaped("a\xFF<\xC3"), "a\uFFFD&lt;\uFFFD");
  EXPECT_EQ(escaped("x\u202egpj.exe \u2069 \u200f \u202f"), "x\\u202egpj.exe \\u2069 \u200f \u202f");
  EXPECT_EQ(escaped("\x1b[31m\x07 a\tb\nc"), "\uFFFD[31m\uFFFD a\tb\nc");
}

TEST(Html, DataCannotEndItsElement) {
  const std::string script = scriptJson({{"name", "</script><!-- \"x\""}});
  EXPECT_EQ(countOf(script, "<"), 2u);  // the element's own
  const std::size_t start = script.find('>') + 1;
  const auto back = nlohmann::json::parse(script.substr(start, script.rfind('<') - start));
  EXPECT_EQ(back["name"], "</script><!-- \"x\"");
}

TEST(Html, NamesNeedNotBeUtf8) {
  EXPECT_THAT(scriptJson({{"name", "a\xff"}}), HasSubstr("a\xef\xbf\xbd"));
}

// Diagrams
// --------------------------------------------------------------------------------------------------------------

TEST(Plot, TicksAreRound) {
  EXPECT_THAT(niceTicks(0.0, 1.0, 5),
              ElementsAre(0.0, 0.2, testing::DoubleEq(0.4), testing::DoubleNear(0.6, 1e-12), 0.8, 1.0));
  EXPECT_THAT(niceTicks(-3.0, 14.0, 5), ElementsAre(0.0, 5.0, 10.0));
  EXPECT_THAT(niceTicks(120.0, 480.0, 4), ElementsAre(200.0, 300.0, 400.0));
}

TEST(Plot, PutsPointsInProportion) {
  Plot plot{"t", "x", "y", false, {{0, "m", {{0, 0, 0, 0}, {0.25, 1, 1, 1}, {1, 2, 2, 2}}}}};
  const std::string svg = linePlot(plot);
  const std::regex points("class=\"hit\" points=\"([0-9.]+),([0-9.]+) ([0-9.]+),([0-9.]+) ([0-9.]+),([0-9.]+) ");
  std::smatch p;
  ASSERT_TRUE(std::regex_search(svg, p, points));
  const auto at = [&](int i) { return std::stod(p[static_cast<std::size_t>(i)]); };
  EXPECT_NEAR((at(3) - at(1)) / (at(5) - at(1)), 0.25, 0.001);
  EXPECT_NEAR((at(4) - at(2)) / (at(6) - at(2)), 0.5, 0.001);
  EXPECT_LT(at(6), at(2));  // larger values lie higher
}

TEST(Plot, LogarithmsMakeDecadesEqual) {
  Plot plot{"t", "x", "y", true, {{0, "m", {{0.01, 1, 1, 1}}}, {1, "n", {{1, 1, 1, 1}}}, {2, "o", {{100, 1, 1, 1}}}}};
  const std::string svg = pointPlot(plot);
  const std::regex circle("cx=\"([0-9.]+)\"");
  std::vector<double> x;
  for (std::sregex_iterator found(svg.begin(), svg.end(), circle), end; found != end; ++found)
    x.push_back(std::stod((*found)[1]));
  ASSERT_EQ(x.size(), 3u);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.11);
}

TEST(Plot, SaysNothingThatIsMarkup) {
  const std::string svg = linePlot({"<t>", "<x>", "<y>", false, {{12, "<m>", {{0, 0, 0, 0}}}}});
  EXPECT_THAT(svg, Not(testing::ContainsRegex("<[txym]>")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, HasSubstr("class=\"series c2 d1\""));  // the thirteenth method: third colour, dashed
}

// Points 0, 1 and 3 know how sure they are, point 2 does not.
TEST(Plot, WhatIsNotKnownHasNoBandAndNoBar) {
  const double none = std::nan("");
  const Plot plot{"t", "x", "y", false, {{0, "m", {{0, 3, 2, 4}, {1, 3, 2, 4}, {2, 9, none, none}, {3, 3, 2, 4}}}}};
  const std::string line = linePlot(plot), points = pointPlot(plot);
  EXPECT_EQ(countOf(line, "class=\"band\""), 2u);
  EXPECT_EQ(countOf(points, "<circle"), 4u);
  EXPECT_EQ(countOf(points.substr(points.find("class=\"series")), "<line"), 3u);
  for (const std::string& svg : {line, points}) EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Plot, AConstantIsALine) {
  const std::string svg = linePlot({"t", "x", "y", false, {{0, "m", {{0, 3, 3, 3}, {1, 3, 3, 3}}}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, Not(HasSubstr("band")));
}

TEST(Curves, RunningMeansAreMeans) {
  const std::vector<double> values = {0.3, 1e6, -4.0, 2.0, 2.0};
  RunningMean running;
  for (double value : values) running.add(value);
  const SampleMean expected = meanOf(values);
  EXPECT_DOUBLE_EQ(running.result().mean, expected.mean);
  EXPECT_DOUBLE_EQ(running.result().standardError, expected.standardError);
  EXPECT_EQ(running.result().count, 5u);
  EXPECT_EQ(RunningMean().result().count, 0u);
  RunningMean single;
  single.add(2.0);
  EXPECT_EQ(single.result().mean, 2.0);
  EXPECT_TRUE(std::isnan(single.result().standardError));
}

TEST(Curves, MeanPointByPoint) {
  GroupCurves curves;
  Result result;
  result.key.method = "m", result.key.protocol = "p";
  result.curves = {{"c", "steps", {0, 1}, {2, 4}}};
  addCurves(curves, result);
  result.curves = {{"c", "steps", {0, 1, 2}, {4, 8, std::nan("")}}};
  addCurves(curves, result);
  const MeanCurve& mean = curves.at({"p", "c", "steps"}).at("m");
  ASSERT_EQ(mean.size(), 2u);  // what is no number makes no point
  EXPECT_EQ(mean.at(0).result().mean, 3.0);
  EXPECT_EQ(mean.at(1).result().mean, 6.0);
  EXPECT_EQ(mean.at(1).result().count, 2u);
}

// Folder
// ----------------------------------------------------------------------------------------------------------------

TEST_F(FolderTest, IsThereOnceItIsWhole) {
  const fs::path target = base_ / "new/report";
  {
    FolderWriter writer(target);
    writer.write("pages/1.html", std::string("page"));
    EXPECT_FALSE(fs::exists(target));
    writer.commit();
  }
  EXPECT_EQ(textOf(target / "pages/1.html"), "page");
  EXPECT_EQ(std::distance(fs::directory_iterator(target.parent_path()), {}), 1);
}

TEST_F(FolderTest, LeavesNothingBehindWithoutCommit) {
  { FolderWriter(base_ / "report").write("a", std::string("a")); }
  EXPECT_EQ(base_.entries(), 0);
}

// What an ended process left is known by its name and by what is in it; the rest is somebody else's, or still written.
TEST_F(FolderTest, SweepsWhatAKilledProcessLeft) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string dead = ".report.part." + std::to_string(child) + ".3";
  const std::string alive = ".report.part." + std::to_string(::getppid()) + ".3";
  const std::string foreign = ".report.part." + std::to_string(child) + ".4";
  const std::string locked = ".report.part." + std::to_string(child) + ".5";
  for (const std::string& name : {dead, alive, locked}) base_.write(name + "/.relprop-report", "");
  for (const std::string& name : {dead, foreign}) base_.write(name + "/pages/1.html", "half");
  const int other = ::open((base_ / locked).c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);  // as a process of another machine does
  { FolderWriter(base_ / "report").write("a", std::string("a")); }
  ::close(other);
  EXPECT_FALSE(fs::exists(base_ / dead));
  for (const std::string& name : {alive, foreign, locked}) EXPECT_TRUE(fs::exists(base_ / name)) << name;
  EXPECT_EQ(base_.entries(), 3);
}

TEST_F(FolderTest, ReplacesAnEarlierReport) {
  for (const char* text : {"first", "second"}) {
    FolderWriter writer(base_ / "report");
    writer.write(text, std::string(text));
    writer.commit();
  }
  EXPECT_FALSE(fs::exists(base_ / "report/first"));
  EXPECT_EQ(textOf(base_ / "report/second"), "second");
  EXPECT_EQ(base_.entries(), 1);
}

TEST_F(FolderTest, AFailureKeepsTheEarlierReport) {
  FolderWriter first(base_ / "report");
  first.write("a", std::string("first"));
  first.commit();
  { FolderWriter(base_ / "report").write("a", std::string("second")); }
  EXPECT_EQ(textOf(base_ / "report/a"), "first");
}

TEST_F(FolderTest, TakesAnEmptyFolderAndALinkToOne) {
  fs::create_directory(base_ / "real");
  fs::create_directory_symlink(base_ / "real", base_ / "link");
  FolderWriter writer(base_ / "link/");
  writer.write("a", std::string("a"));
  writer.commit();
  EXPECT_TRUE(fs::is_symlink(base_ / "link"));
  EXPECT_EQ(textOf(base_ / "real/a"), "a");
}

TEST_F(FolderTest, RefusesWhatIsNotItsOwn) {
  base_.write("photos/dog.jpg", "dog");
  const Error foreign = relprop::test::failureOf([&] { FolderWriter writer(base_ / "photos"); });
  EXPECT_EQ(foreign.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(foreign.got(), "a folder that holds something else");
  EXPECT_EQ(foreign.expected(), "a new or empty folder, or an earlier report");
  EXPECT_EQ(textOf(base_ / "photos/dog.jpg"), "dog");
  base_.write("file", "text");
  EXPECT_EQ(relprop::test::failureOf([&] { FolderWriter writer(base_ / "file"); }).got(), "a file");
  EXPECT_EQ(relprop::test::failureOf([&] { FolderWriter writer(""); }).got(), "an empty path");
  EXPECT_EQ(base_.entries(), 2);
}

TEST_F(FolderTest, RefusesAReportWithSomebodysFileInIt) {
  FolderWriter first(base_ / "report");
  first.write("a", std::string("a"));
  first.commit();
  base_.write("report/notes/mine.txt", "thoughts");
  const Error error = relprop::test::failureOf([&] { FolderWriter writer(base_ / "report"); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error.got(), "an earlier report and a file that is not part of it, notes/mine.txt");
  EXPECT_EQ(textOf(base_ / "report/notes/mine.txt"), "thoughts");
}

TEST_F(FolderTest, SaysWhereItCannotWrite) {
  base_.write("file", "text");
  const Error error = relprop::test::failureOf([&] { FolderWriter writer(base_ / "file/report"); });
  EXPECT_EQ(error.code(), ErrorCode::FileWriteFailed);
}

// Whole reports
// ---------------------------------------------------------------------------------------------------------

constexpr const char* kPointing = "pointing-game@1:tolerance=15";

class ReportTest : public FolderTest {
 protected:
  ReportTest() {
    Provenance run;
    run.version = "0.1.0", run.host = "host", run.command = "relprop evaluate net.onnx | tee <log>", run.threads = 2;
    store_.beginRun(run);
    store_.put({"k", "nets/net.onnx", "h", "{}", "3×8×8"});
  }
  void write(const std::string& id, bool keep, double a, double b) {
    ResultBatch batch;
    PictureFacts facts;
    facts.model = "k", facts.dataset = "d", facts.picture = id, facts.target = "true", facts.targetLabel = "dog & cat";
    if (keep) facts.view = encodePng({8, 8, std::vector<std::uint8_t>(192, 128)});
    batch.pictures = {facts};
    for (const auto& [method, value] : {std::pair("a:k=1", a), std::pair("b:k=1", b)}) {
      batch.maps.push_back({"k", "d", id, "true", method, 0.05, {}});
      if (keep) batch.maps.back().map = Tensor({8, 8}, 1.0f);
      batch.results.push_back({{"k", "d", id, "true", method, kPointing}, "", {{"hit", value}}, {}, 0.0});
    }
    store_.write(batch);
  }

  Store store_ = Store::inMemory();
};

TEST_F(ReportTest, AnEmptyStoreSaysSo) {
  writeReport(Store::inMemory(), base_ / "report");
  EXPECT_THAT(textOf(base_ / "report/index.html"), HasSubstr("The store holds no results yet."));
}

TEST_F(ReportTest, HasAPageAndPicturesForEachPicture) {
  write("one", true, 1, 0), write("two", false, 1, 0);
  writeReport(store_, base_ / "report");
  const fs::path pictures = base_ / "report/pictures";
  EXPECT_TRUE(fs::exists(base_ / "report/pages/0001.html"));
  EXPECT_TRUE(fs::exists(base_ / "report/pages/0002.html"));
  EXPECT_TRUE(fs::exists(pictures / "0001-view.png"));
  EXPECT_FALSE(fs::exists(pictures / "0001-truth.png"));
  EXPECT_FALSE(fs::exists(pictures / "0002-view.png"));
  const Image map = readImage(pictures / "0001-m01.png");
  EXPECT_EQ(map.width, 8 * 28);   // 224, enlarged by a whole number
  EXPECT_EQ(map.pixels[0], 128);  // dark red
  EXPECT_THAT(textOf(base_ / "report/index.html"), HasSubstr("The store holds no heatmaps of 1 of these pictures."));
}

// Of three pages, the index among them; stopped each time that it asks.
TEST_F(ReportTest, StopsBetweenPagesAndLeavesNothing) {
  write("one", true, 1, 0), write("two", true, 1, 0);
  ReportOptions options;
  std::vector<std::int64_t> asked;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 3);
    asked.push_back(done);
    return true;
  };
  writeReport(store_, base_ / "whole", options);
  fs::remove_all(base_ / "whole");
  EXPECT_TRUE(std::is_sorted(asked.begin(), asked.end()));
  for (const std::int64_t page : {0, 1, 2, 3}) EXPECT_TRUE(std::count(asked.begin(), asked.end(), page)) << page;
  EXPECT_EQ(std::count(asked.begin(), asked.end(), 3), 1) << "once, before the folder takes its place";
  for (std::size_t stop = 1; stop <= asked.size(); ++stop) {
    std::size_t left = stop;
    options.progress = [&](std::int64_t, std::int64_t) { return --left > 0; };
    EXPECT_EQ(relprop::test::codeOf([&] { writeReport(store_, base_ / "report", options); }), ErrorCode::Cancelled);
    EXPECT_EQ(base_.entries(), 0);
  }
}

TEST_F(ReportTest, EscapesEveryName) {
  write("<img src=x onerror=alert(1)>", false, 1, 0);
  writeReport(store_, base_ / "report", {200, "A <b> title"});
  for (const char* file : {"index.html", "pages/0001.html"}) {
    const std::string html = textOf(base_ / "report" / file);
    EXPECT_THAT(html, Not(HasSubstr("<img src=x"))) << file;
    EXPECT_THAT(html, Not(HasSubstr("A <b>"))) << file;
    EXPECT_THAT(html, HasSubstr("A &lt;b&gt; title")) << file;
  }
  EXPECT_THAT(textOf(base_ / "report/index.html"), HasSubstr("tee &lt;log&gt;"));
}

TEST_F(ReportTest, AsksNoNetwork) {
  write("one", true, 1, 0);
  writeReport(store_, base_ / "report");
  for (const char* file : {"index.html", "pages/0001.html", "report.css", "report.js"})
    EXPECT_THAT(textOf(base_ / "report" / file), Not(HasSubstr("://"))) << file;
}

TEST_F(ReportTest, TheGalleryTakesPicturesEvenly) {
  for (int i = 0; i < 10; ++i) write("p" + std::to_string(i), false, 1, 0);
  writeReport(store_, base_ / "report", {5, "t"});
  const std::string html = textOf(base_ / "report/index.html");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(countOf(html, "\"name\":\"p" + std::to_string(i) + "\""), i % 2 == 0 ? 1u : 0u) << i;
  EXPECT_FALSE(fs::exists(base_ / "report/pages/0006.html"));
}

TEST_F(ReportTest, SameStoreSameBytes) {
  write("one", true, 1, 0);
  writeReport(store_, base_ / "first"), writeReport(store_, base_ / "second");
  EXPECT_EQ(textOf(base_ / "first/index.html"), textOf(base_ / "second/index.html"));
}

TEST_F(ReportTest, ModelsOfOneNameAreToldApart) {
  write("one", false, 1, 0);
  EXPECT_THAT(markdownReport(store_), HasSubstr("## net on d, target true\n"));
  store_.put({"other", "elsewhere/net.onnx", "h2", "{}", "3×8×8"});
  ResultBatch batch;
  PictureFacts facts;
  facts.model = "other", facts.dataset = "d", facts.picture = "one", facts.target = "true";
  batch.pictures = {facts};
  store_.write(batch);
  writeReport(store_, base_ / "report");
  const std::string html = textOf(base_ / "report/index.html");
  EXPECT_THAT(html, HasSubstr(">net on d, target true (k)</h2>"));
  EXPECT_THAT(html, HasSubstr(">net on d, target true (other)</h2>"));
}

TEST_F(ReportTest, RefusesAFolderBeforeItReadsTheStore) {
  base_.write("mine/file", "text");
  EXPECT_EQ(relprop::test::codeOf([&] { writeReport(store_, base_ / "mine"); }), ErrorCode::InvalidArgument);
}

TEST_F(ReportTest, MarkdownHasTheTitleThatWasChosen) {
  write("one", false, 1, 0);
  EXPECT_THAT(markdownReport(store_), StartsWith("# Results\n"));
  ReportOptions options;
  options.title = "Cats & dogs";
  EXPECT_THAT(markdownReport(store_, options), StartsWith("# Cats \\& dogs\n"));
}

TEST_F(ReportTest, Markdown) {
  write("one", false, 1, 0), write("two", false, 1, 0), write("three", false, 1, 1);
  const std::string text = markdownReport(store_);
  EXPECT_THAT(text, HasSubstr("## net on d, target true\n\n3 measured pictures.\n\n"
                              "| method | pointing-game · hit ↑ | time a picture ↓ |\n"
                              "|---|---:|---:|\n"
                              "| `a` | **1.000** ± 0.000 | 50 ms |\n"
                              "| `b` | ≈ 0.333 ± 0.333 | 50 ms |\n"));
  EXPECT_THAT(text, HasSubstr("- `a:k=1`\n"));
  EXPECT_THAT(text, HasSubstr("- `pointing-game@1:tolerance=15`\n"));
  EXPECT_THAT(text, HasSubstr("- `relprop evaluate net.onnx | tee <log>`\n  relprop 0.1.0 on host, 2 threads"));
}

// ln 0.5 = −0.69 and ln 2 = 0.69: no tail, no difference.
TEST_F(ReportTest, RatiosHaveTheirMedianAndLogarithmsBesideTheMean) {
  ResultBatch batch;
  const std::string protocol = "outside-inside@1:region=any";
  for (const auto& [id, value] : {std::pair("one", 0.5), std::pair("two", 0.5), std::pair("three", 2.0)}) {
    PictureFacts facts;
    facts.model = "k", facts.dataset = "d", facts.picture = id, facts.target = "true";
    batch.pictures.push_back(facts);
    batch.results.push_back({{"k", "d", id, "true", "a:k=1", protocol}, "", {{"all", value}}, {}, 0.0});
  }
  store_.write(batch);
  EXPECT_THAT(markdownReport(store_),
              HasSubstr("| method | outside-inside · all ↓ | median | mean of logs | time a picture ↓ |\n"
                        "|---|---:|---:|---:|---:|\n"
                        "| `a` | **1.000** ± 0.500 | 0.500 | -0.23 ± 0.46 | – |\n"));
  writeReport(store_, base_ / "report");
  EXPECT_THAT(textOf(base_ / "report/index.html"), HasSubstr("median 0.500, logs -0.23 ± 0.46"));
}

TEST_F(ReportTest, MarkdownSaysWhatIsMissing) {
  write("one", false, 1, 0);
  ResultBatch batch;
  PictureFacts facts;
  facts.model = "k", facts.dataset = "d", facts.picture = "two", facts.target = "true",
  facts.skipped = "broken_file <x>";
  batch.pictures = {facts};
  facts.picture = "three", facts.skipped = "";
  batch.pictures.push_back(facts);
  batch.results = {{{"k", "d", "three", "true", "a:k=1", kPointing}, "no mask", {}, {}, 0.0}};
  store_.write(batch);
  const std::string text = markdownReport(store_);
  EXPECT_THAT(text, HasSubstr("- 1 picture: broken\\_file \\<x\\>\n"));
  EXPECT_THAT(text, HasSubstr("- 1 score of `a:k=1` under `pointing-game@1:tolerance=15`: no mask\n"));
  EXPECT_THAT(text, HasSubstr("| `a` | **1.000** (n 1) |"));
}

TEST_F(ReportTest, OnePictureHasNoError) {
  write("one", false, 1, 0);
  const std::string markdown = markdownReport(store_);
  EXPECT_THAT(markdown, HasSubstr("| `a` | **1.000** | 50 ms |\n"));
  writeReport(store_, base_ / "report");
  const std::string html = textOf(base_ / "report/index.html");
  EXPECT_THAT(html, HasSubstr("data-tip=\"1.00000 (1 picture)."));
  EXPECT_THAT(html, HasSubstr("data-tip=\"50 ms (1 picture).\""));
  EXPECT_THAT(html, Not(HasSubstr("class=\"error\"")));
  EXPECT_THAT(html, Not(HasSubstr("\"nan")));
  const auto error = [this] { return nlohmann::json::parse(tablesJson(store_))[0]["rows"][0]["standardError"]; };
  EXPECT_TRUE(error().is_null());
  write("two", false, 1, 0);
  EXPECT_EQ(error(), 0.0);
}

// One picture that shows a dog and a cat, each a sample of its own, and one with a dog alone.
class ClassesReportTest : public ReportTest {
 protected:
  void write(const std::string& id, const std::string& target, const std::string& label, double hit,
             const std::string& skipped = "", const std::string& file = "") {
    ResultBatch batch;
    PictureFacts facts;
    facts.model = "k", facts.dataset = "voc:d", facts.picture = id, facts.target = target, facts.targetLabel = label;
    facts.skipped = skipped, facts.file = file;
    batch.pictures = {facts};
    if (skipped.empty()) {
      batch.maps = {{"k", "voc:d", id, target, "a:k=1", 0.001 * hit, {}}};
      batch.results = {{{"k", "voc:d", id, target, "a:k=1", kPointing}, "", {{"hit", hit}}, {}, 0.0}};
    }
    store_.write(batch);
  }
  void writeThree() {
    write("both", "true:0", "cat", 1), write("both", "true:1", "dog", 5), write("one", "true", "dog", 9);
  }
};

TEST_F(ClassesReportTest, AreOneTable) {
  writeThree();
  write("both", "true:2", "<b>", 0, "no such class");
  const std::string text = markdownReport(store_);
  EXPECT_EQ(countOf(text, "\n## net on"), 1u);
  EXPECT_THAT(text, HasSubstr("## net on voc:d, target true\n\n3 targets of 2 measured pictures.\n"));
  EXPECT_THAT(text, HasSubstr("| `a` | **5.00** ± 2.31 | 5.0 ms |\n"));
  EXPECT_THAT(text, HasSubstr("- 1 target: no such class\n"));
}

TEST_F(ClassesReportTest, HaveAPageEachWithItsScoresAndItsName) {
  writeThree();
  writeReport(store_, base_ / "report");
  const fs::path pages = base_ / "report/pages";
  const auto page = [&](int i) { return textOf(pages / ("000" + std::to_string(i) + ".html")); };
  const std::vector<std::string> names = {"both · cat", "both · dog", "one"}, scores = {"1.0000", "5.0000", "9.0000"};
  const std::vector<std::string> kinds = {"true, true:0 in the store", "true, true:1 in the store", "true"};
  const std::string index = textOf(base_ / "report/index.html");
  EXPECT_THAT(index, HasSubstr("3 of 3 targets of 2 measured pictures."));
  for (int i = 1; i <= 3; ++i) {
    const auto at = static_cast<std::size_t>(i - 1);
    EXPECT_THAT(page(i), HasSubstr("<h1 class=\"file\">" + names[at] + "</h1>"));
    EXPECT_THAT(page(i), HasSubstr(">" + scores[at] + "</td>"));
    EXPECT_THAT(page(i), HasSubstr("<dt>Kind of target</dt><dd>" + kinds[at] + "</dd>"));
    EXPECT_EQ(countOf(index, "{\"name\":\"" + names[at] + "\""), 1u);
  }
  EXPECT_FALSE(fs::exists(pages / "0004.html"));
}

// Of three tables: none, one, or each has a picture, and no more than were asked for.
TEST_F(ClassesReportTest, TheGalleryNeverTakesMoreThanAskedFor) {
  for (const char* target : {"predicted", "true", "true+correct"})
    for (const char* id : {"1", "2", "3"}) write(id, target, "dog", 1);
  for (const std::size_t most : {0, 1, 2, 3, 6, 7}) {
    writeReport(store_, base_ / "report", {most, "t"});
    const fs::path pages = base_ / "report/pages";
    const auto count = fs::exists(pages) ? std::distance(fs::directory_iterator(pages), {}) : 0;
    EXPECT_EQ(count, most - most % (most < 3 ? 1 : 3)) << most;
  }
}

TEST_F(ClassesReportTest, FilesAreShownWhereTheyAreKnownAndAsText) {
  const std::string hostile = "/photos/</script><img src=x onerror='alert(1)'>\xff\x1b" + std::string(20'000, 'y');
  write("a", "true", "dog", 1), write("b", "true", "dog", 1, "", hostile);
  writeReport(store_, base_ / "report");
  EXPECT_THAT(textOf(base_ / "report/pages/0001.html"), Not(HasSubstr("<dt>File</dt>")));
  EXPECT_THAT(textOf(base_ / "report/pages/0002.html"),
              HasSubstr("<dt>File</dt><dd>/photos/&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"));
  for (const char* file : {"index.html", "pages/0002.html"}) {
    EXPECT_THAT(textOf(base_ / "report" / file), Not(HasSubstr("<img src=x"))) << file;
    EXPECT_THAT(textOf(base_ / "report" / file), Not(HasSubstr("\x1b"))) << file;
  }
}

}  // namespace
}  // namespace relprop::eval
