// Reports of stores that say little and could be made to say much: numbers that hardly differ, tables that are nearly
// empty, rows by the thousand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "eval/report/plot.h"
#include "relprop/image.h"
#include "relprop/report.h"
#include "support/temporary_folder.h"

namespace relprop::eval::report_bounds_test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t timesIn(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

constexpr const char* kProtocol = "pointing-game@1:tolerance=15";

ResultKey keyOf(const std::string& picture, const std::string& method, const std::string& protocol = kProtocol) {
  return {"k", "d", picture, "true", method, protocol};
}

PictureFacts factsOfPicture(const std::string& picture, const std::string& model = "k") {
  PictureFacts facts;
  facts.model = model, facts.dataset = "d", facts.picture = picture, facts.target = "true";
  return facts;
}

// A store of these rows.
Store storeOf(const ResultBatch& batch, const std::vector<std::string>& models = {"k"}) {
  Store store = Store::inMemory();
  store.beginRun({"0.1.0", "host", "command", "float32", {}, 0, 1});
  store.together([&] {
    for (const std::string& model : models) store.put({model, "nets/net.onnx", "h", "{}", "3×8×8"});
    store.write(batch);
  });
  return store;
}

// So many methods under one protocol, and one of them under so many, all on the first of the pictures. Of protocols
// that no metric has: there are no best methods, so no bootstraps.
Store sparseStore(int methods, int protocols, int pictures) {
  ResultBatch batch;
  for (int p = 0; p < pictures; ++p) batch.pictures.push_back(factsOfPicture(fmt::format("p{:04}", p)));
  for (int m = 0; m < methods; ++m)
    batch.results.push_back({keyOf("p0000", fmt::format("m{:06}", m), "q0000"), "", {{"s", 0.5}}, {}, 0.0});
  for (int p = 1; p < protocols; ++p)
    batch.results.push_back({keyOf("p0000", "m000000", fmt::format("q{:04}", p)), "", {{"s", 0.5}}, {}, 0.0});
  return storeOf(batch);
}

class ReportBounds : public testing::Test {
 protected:
  std::string report(const Store& store, std::size_t gallery = 200) {
    writeReport(store, folder_ / "report", {gallery, "t"});
    return text("index.html");
  }
  std::string text(const std::string& file) const {
    const std::vector<std::uint8_t> bytes = readFile(folder_ / "report" / file);
    return {bytes.begin(), bytes.end()};
  }
  std::ptrdiff_t pages() const {
    const auto path = folder_ / "report/pages";
    return std::filesystem::exists(path) ? std::distance(std::filesystem::directory_iterator(path), {}) : 0;
  }
  // What grows with the square of such sizes takes minutes of the processor.
  void expectSoon() const { EXPECT_LT(std::clock() - start_, std::clock_t{60} * CLOCKS_PER_SEC); }

 private:
  relprop::test::TemporaryFolder folder_;
  std::clock_t start_ = std::clock();
};

// Beyond 2⁵³ a whole number and the next one are the same.
TEST_F(ReportBounds, TicksAreFewWhereNumbersAreFarApart) {
  EXPECT_LE(niceTicks(1e16, 1e16 + 2, 6).size(), 7u);
  EXPECT_LE(niceTicks(-1e16 - 2, -1e16, 6).size(), 7u);
  EXPECT_LE(niceTicks(0.3, 0.1 + 0.2, 6).size(), 7u);
}

// Along x and along y.
TEST_F(ReportBounds, ValuesThatDifferInTheLastBitsAreOne) {
  for (const auto& [a, b] : {std::pair(0.3, 0.1 + 0.2), std::pair(1e16, 1e16 + 2), std::pair(-1e16 - 2, -1e16)})
    for (const bool along : {true, false}) {
      const PlotPoint first = along ? PlotPoint{a, 0, 0, 0} : PlotPoint{0, a, a, a},
                      second = along ? PlotPoint{b, 1, 1, 1} : PlotPoint{1, b, b, b};
      const std::string svg = linePlot({"t", "x", "y", false, {{0, "m", {first, second}}}});
      EXPECT_GE(timesIn(svg, "<line"), 5u) << a;
      EXPECT_LE(timesIn(svg, "<line"), 7u + 6u + 1u) << a;  // ticks of y and of x, and the axis
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("inf")));
    }
}

TEST_F(ReportBounds, APageSaysWhatItsPictureHas) {
  ResultBatch batch;
  for (const char* picture : {"all", "none", "one"}) batch.pictures.push_back(factsOfPicture(picture));
  const Curve curve = {"c", "steps", {0, 1}, {1, 2}};
  for (const char* method : {"a", "b"})
    for (const char* protocol : {kProtocol, "q@1"})
      batch.results.push_back({keyOf("all", method, protocol), "", {{"hit", 0.25}}, {curve}, 0.0});
  batch.results.push_back({keyOf("one", "b"), "", {{"hit", 0.5}}, {curve}, 0.0});
  batch.maps = {{"k", "d", "one", "true", "c", 0.05, {}}};
  const std::string index = report(storeOf(batch));
  EXPECT_THAT(index, HasSubstr("\"scores\":[[0.25,0.25,null],[0.25,0.25,null]]}"));
  EXPECT_THAT(index, HasSubstr("\"scores\":[null,null]}"));
  EXPECT_THAT(index, HasSubstr("\"scores\":[[null,0.5,null],null]}"));
  const std::string all = text("pages/0001.html"), none = text("pages/0002.html"), one = text("pages/0003.html");
  EXPECT_EQ(timesIn(all, "<tr data-method="), 2u);
  EXPECT_EQ(timesIn(all, "<td "), 6u);
  EXPECT_EQ(timesIn(one, "<tr data-method="), 2u);  // the second and the third method, which has a time alone
  EXPECT_EQ(timesIn(one, "<td "), 4u);
  EXPECT_EQ(timesIn(one, "class=\"protocol\""), 1u);
  EXPECT_THAT(one, HasSubstr("<tr data-method=\"1\">"));
  EXPECT_THAT(one, HasSubstr("data-tip=\"not measured\""));
  EXPECT_EQ(timesIn(one, "<li><button"), 2u);  // the legend
  EXPECT_THAT(none, HasSubstr("<p class=\"note\">No method was measured on this picture.</p>"));
  EXPECT_THAT(none, Not(HasSubstr("<table")));
}

// 100 methods, 99 scores and the time are 10,000 cells for each picture.
TEST_F(ReportBounds, PicturesOfALargeTableAreFewer) {
  const std::string index = report(sparseStore(100, 99, 120));
  EXPECT_EQ(pages(), 100);
  EXPECT_THAT(index, HasSubstr("100 of 120 measured pictures."));
  EXPECT_THAT(index, HasSubstr("Fewer pictures than were asked for, as the table has 100 methods and 99 scores: all "
                               "pictures of a report have 1000000 cells of their tables together at most."));
  EXPECT_THAT(report(sparseStore(100, 99, 100)), Not(HasSubstr("Fewer pictures")));
  EXPECT_EQ(pages(), 100);
}

TEST_F(ReportBounds, DiagramsAreFewAndShowSomething) {
  const auto withCurves = [](int count, const std::vector<double>& x) {
    ResultBatch batch{{factsOfPicture("p")}, {}, {{keyOf("p", "a"), "", {}, {}, 0.0}}};
    for (int i = 0; i < count; ++i) batch.results[0].curves.push_back({fmt::format("c{:03}", i), "steps", x, x});
    return storeOf(batch);
  };
  EXPECT_THAT(report(withCurves(300, {})), Not(HasSubstr("<svg class=\"plot\"")));
  EXPECT_THAT(text("pages/0001.html"), Not(HasSubstr("<svg class=\"plot\"")));
  EXPECT_EQ(timesIn(report(withCurves(200, {0, 1})), "<svg class=\"plot\""), 200u);
  EXPECT_THAT(text("index.html"), Not(HasSubstr("left out")));
  EXPECT_EQ(timesIn(report(withCurves(201, {0, 1})), "<svg class=\"plot\""), 200u);
  EXPECT_THAT(text("index.html"), HasSubstr("<p class=\"note\">1 more is left out: 200 stand here at most.</p>"));
  EXPECT_EQ(timesIn(text("pages/0001.html"), "<svg class=\"plot\""), 200u);
}

TEST_F(ReportBounds, ManyMethods) {
  const Store store = sparseStore(90'000, 1, 1);
  EXPECT_EQ(timesIn(report(store, 0), "<tr data-method="), 90'000u);
  EXPECT_EQ(timesIn(markdownReport(store), "| 0.500 |"), 90'000u);
  expectSoon();
}

TEST_F(ReportBounds, ManyTables) {
  ResultBatch batch;
  std::vector<std::string> models;
  for (int i = 0; i < 40'000; ++i) models.push_back(fmt::format("k{:05}", i));
  for (const std::string& model : models) batch.pictures.push_back(factsOfPicture("p", model));
  EXPECT_EQ(timesIn(report(storeOf(batch, models), 3), "<section id=\"section-"), 40'000u);
  EXPECT_EQ(pages(), 3);
  expectSoon();
}

TEST_F(ReportBounds, ManyScores) {
  ResultBatch batch{{factsOfPicture("p")}, {}, {{keyOf("p", "a"), "", {}, {}, 0.0}}};
  for (int i = 0; i < 95'000; ++i) batch.results[0].scores.push_back({fmt::format("s{:05}", 94'999 - i), i + 0.5});
  const Store store = storeOf(batch);
  report(store);
  EXPECT_EQ(timesIn(text("pages/0001.html"), "<td class=\"\" data-value="), 94'999u);
  EXPECT_THAT(text("pages/0001.html"), HasSubstr("<td class=\"first\" data-value=\"0.5\">0.5000</td>"));
  std::string json;
  exportStore(store, "json", [&](const std::string& part) { json += part; });
  EXPECT_THAT(json, HasSubstr("\"scores\":{\"s94999\":0.5,\"s94998\":1.5,"));
  expectSoon();
}

}  // namespace
}  // namespace relprop::eval::report_bounds_test
