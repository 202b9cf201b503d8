#include "eval/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "eval/metric.h"
#include "eval/statistics.h"
#include "support/expect_error.h"

namespace relprop::eval {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Rows of one model and data set, written as a store returns them.
class TablesTest : public testing::Test {
 protected:
  TablesTest() {
    rows_.models.push_back({"k", "nets/net.onnx", "h", "{}", "3×8×8"});
    rows_.eachMap = [this](const auto& visit) { std::for_each(maps_.begin(), maps_.end(), visit); };
    rows_.eachResult = [this](const auto& visit) { std::for_each(results_.begin(), results_.end(), visit); };
  }

  void picture(const std::string& id, const std::string& skipped = "") {
    PictureFacts facts;
    facts.model = "k", facts.dataset = "d", facts.picture = id, facts.target = target_, facts.skipped = skipped;
    rows_.pictures.push_back(facts);
  }
  Result& result(const std::string& id, const std::string& method, const std::string& protocol) {
    results_.push_back({{"k", "d", id, target_, method, protocol}, "", {}, {}, 0.0});
    return results_.back();
  }
  void score(const std::string& id, const std::string& method, double value, const std::string& protocol = "p@1") {
    result(id, method, protocol).scores = {{"s", value}};
  }
  void seconds(const std::string& id, const std::string& method, double value) {
    maps_.push_back({"k", "d", id, target_, method, value, {}});
  }
  std::vector<Group> groups(Better better = Better::Higher) const {
    return groupsOf(rows_, [=](const std::string&, const std::string&) { return better; });
  }
  ScoreTable table(Better better = Better::Higher) const { return groups(better).at(0).table; }

  Rows rows_;
  std::vector<MapFacts> maps_;
  std::vector<Result> results_;
  std::string target_ = "true";
};

TEST_F(TablesTest, NothingGivesNoTable) {
  EXPECT_THAT(groups(), IsEmpty());
}

TEST_F(TablesTest, CellsAreMeansOverWhatAMethodHas) {
  for (const char* id : {"1", "2", "3"}) picture(id);
  score("1", "a", 1.0), score("2", "a", 2.0), score("3", "a", 6.0);
  score("1", "b", 4.0), score("3", "b", 5.0);
  const ScoreTable t = table();
  EXPECT_EQ(t.model, "nets/net.onnx (k)");
  EXPECT_EQ(t.dataset, "d");
  EXPECT_EQ(t.target, "true");
  EXPECT_EQ(t.pictures, 3u);
  EXPECT_THAT(t.methods, ElementsAre("a", "b"));
  ASSERT_THAT(t.columns, SizeIs(1));
  EXPECT_EQ(t.columns[0].cells[0].all.mean, 3.0);
  EXPECT_EQ(t.columns[0].cells[0].all.count, 3u);
  EXPECT_EQ(t.columns[0].cells[1].all.mean, 4.5);
  EXPECT_EQ(t.columns[0].cells[1].all.count, 2u);
}

// Rows come in the order of pictures, so a method that has none of the first ones comes late.
TEST_F(TablesTest, MethodsStandByNameWhenTheyCome) {
  for (const char* id : {"1", "2"}) picture(id);
  seconds("1", "c", 3.0), seconds("2", "a", 1.0), seconds("2", "b", 2.0);
  score("1", "c", 30.0), score("2", "a", 10.0), score("2", "c", 31.0), score("2", "b", 20.0, "q@1");
  const ScoreTable t = table();
  EXPECT_THAT(t.methods, ElementsAre("a", "b", "c"));
  ASSERT_THAT(t.columns, SizeIs(2));
  const auto mean = [&](std::size_t column, std::size_t method) { return t.columns[column].cells.at(method).all; };
  EXPECT_EQ(mean(0, 0).mean, 10.0);
  EXPECT_EQ(mean(0, 1).count, 0u);
  EXPECT_EQ(mean(0, 2).mean, 30.5);
  EXPECT_EQ(mean(1, 0).count, 0u);
  EXPECT_EQ(mean(1, 1).mean, 20.0);
  EXPECT_EQ(mean(1, 2).count, 0u);
  for (std::size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(t.costs[m].method, t.methods[m]);
    EXPECT_EQ(t.costs[m].seconds.mean, static_cast<double>(m + 1));
  }
}

TEST_F(TablesTest, ComparesOnCommonPicturesOnly) {
  for (const char* id : {"1", "2", "3"}) picture(id);
  score("1", "a", 1.0), score("2", "a", 100.0), score("3", "a", 3.0);
  score("1", "b", 200.0), score("3", "b", 300.0);
  const ScoreCell b = table().columns[0].cells[1];
  const DifferenceInterval expected = pairedBootstrap({200.0, 300.0}, {1.0, 3.0});
  EXPECT_EQ(b.toBest.count, 2u);
  EXPECT_EQ(b.toBest.difference, 248.0);
  EXPECT_EQ(b.toBest.low, expected.low);
  EXPECT_EQ(b.toBest.high, expected.high);
}

// 14 gigabytes if there were a number for each picture, method and score.
TEST_F(TablesTest, TakeMemoryForWhatIsThere) {
  for (int i = 0; i < 20'000; ++i) picture(std::to_string(i));
  for (int i = 0; i < 300; ++i) {
    result("0", "m" + std::to_string(i), "p@1");
    results_[0].scores.push_back({"s" + std::to_string(i), 1.0});
  }
  const ScoreTable t = table();
  ASSERT_THAT(t.columns, SizeIs(300));
  EXPECT_EQ(t.columns[0].cells[0].all.count, 1u);
  EXPECT_EQ(t.columns[0].cells[1].all.count, 0u);
}

TEST_F(TablesTest, AreRefusedWhereNobodyCouldReadThem) {
  picture("0");
  for (int i = 0; i < 400; ++i) {
    result("0", "m" + std::to_string(i), "p@1");
    results_[0].scores.push_back({"s" + std::to_string(i), 1.0});
  }
  const Error error = relprop::test::expectError(ErrorCode::StoreUnusable, [&] { table(); });
  EXPECT_EQ(error.expected(), "100000 cells at most");
}

// Twelve tables, each with 300 methods under one protocol and one of them under 300: 90,000 cells of 599 results.
TEST_F(TablesTest, AreRefusedWhereAllTogetherAreTooLarge) {
  for (int table = 0; table < 12; ++table) {
    target_ = "kind" + std::to_string(table);
    picture("0");
    for (int i = 0; i < 300; ++i) {
      score("0", "m" + std::to_string(i), 1.0);
      score("0", "m0", 1.0, "q@" + std::to_string(i));
    }
  }
  const Error error = relprop::test::expectError(ErrorCode::StoreUnusable, [&] { groups(); });
  EXPECT_EQ(error.where(), "all tables of a store");
  EXPECT_EQ(error.expected(), "1000000 cells at most");
}

TEST_F(TablesTest, NumbersWithoutASquareAreLeftOutAndCounted) {
  for (const char* id : {"1", "2", "3"}) picture(id);
  score("1", "a", 1e308), score("2", "a", 2.0), score("3", "a", 4.0);
  const ScoreTable t = table();
  EXPECT_EQ(t.columns[0].cells[0].all.mean, 3.0);
  ASSERT_THAT(t.skips, SizeIs(1));
  EXPECT_EQ(t.skips[0].reason, "s is too large a number");
}

// Nine of ten pictures are enough to be the best, eight are not, whatever the mean over them.
TEST_F(TablesTest, TheBestHasMostOfThePictures) {
  for (int i = 0; i < 10; ++i) {
    const std::string id = std::to_string(i);
    picture(id);
    score(id, "all", i < 9 ? 3.0 : 0.0);
    if (i < 9) score(id, "nine", 4.0);
    if (i < 8) score(id, "eight", 5.0);
  }
  const ScoreTable t = table();
  ASSERT_THAT(t.methods, ElementsAre("all", "eight", "nine"));
  const std::vector<ScoreCell>& cells = t.columns[0].cells;
  EXPECT_TRUE(cells[2].best && !cells[0].best && !cells[1].best);
  EXPECT_EQ(cells[1].toBest.count, 8u);
  EXPECT_EQ(cells[1].toBest.difference, 1.0);
  EXPECT_FALSE(cells[1].tied);
  EXPECT_EQ(cells[1].all.count, 8u);
}

TEST_F(TablesTest, BestFollowsTheDirection) {
  picture("1"), picture("2");
  for (const char* id : {"1", "2"}) score(id, "a", 1.0), score(id, "b", 2.0);
  const auto best = [](const ScoreTable& t) {
    return std::pair(t.columns[0].cells[0].best, t.columns[0].cells[1].best);
  };
  EXPECT_EQ(best(table(Better::Higher)), std::pair(false, true));
  EXPECT_EQ(best(table(Better::Lower)), std::pair(true, false));
  EXPECT_EQ(best(table(Better::Neither)), std::pair(false, false));
  EXPECT_EQ(table(Better::Neither).columns[0].cells[0].toBest.count, 0u);
}

TEST_F(TablesTest, TiedWhenTheIntervalIncludesZero) {
  for (int i = 0; i < 10; ++i) {
    const std::string id = std::to_string(i);
    picture(id);
    score(id, "best", 5.0);
    score(id, "near", 5.0 + (i % 2 ? 1.0 : -1.1));
    score(id, "far", 4.0 + 0.1 * (i % 2));
  }
  const ScoreTable t = table();
  EXPECT_THAT(t.methods, ElementsAre("best", "far", "near"));
  EXPECT_TRUE(t.columns[0].cells[0].best);
  EXPECT_FALSE(t.columns[0].cells[1].tied);
  EXPECT_TRUE(t.columns[0].cells[2].tied);
  EXPECT_FALSE(t.columns[0].cells[2].best);
}

// One picture with almost nothing inside makes the mean of a better method the higher one.
TEST_F(TablesTest, RatiosAreRankedByTheirLogarithms) {
  for (int i = 0; i < 9; ++i) {
    const std::string id = std::to_string(i);
    picture(id);
    score(id, "tail", i == 0 ? 50.0 : 0.1);
    score(id, "even", 1.0 + 0.01 * i);
  }
  const auto tableOf = [this](bool ratio) {
    return groupsOf(rows_, [=](const std::string&, const std::string&) { return ScoreKind(Better::Lower, ratio); })
        .at(0)
        .table;
  };
  const ScoreColumn plain = tableOf(false).columns[0], ratio = tableOf(true).columns[0];
  EXPECT_TRUE(plain.cells[0].best && !plain.cells[1].best);  // methods: even, tail
  EXPECT_TRUE(ratio.cells[1].best && !ratio.cells[0].best);
  EXPECT_FALSE(ratio.cells[0].tied);
  EXPECT_EQ(ratio.cells[1].all.mean, plain.cells[1].all.mean);
  EXPECT_EQ(ratio.cells[1].median, 0.1);
  EXPECT_EQ(ratio.cells[0].median, 1.04);
  EXPECT_NEAR(ratio.cells[1].logs.mean, (std::log(50.0) + 8 * std::log(0.1)) / 9, 1e-12);
  EXPECT_EQ(plain.cells[1].logs.count, 0u);
}

// The best ratio there is counts for the method that has it.
TEST_F(TablesTest, ARatioOfZeroCountsAsAThousandth) {
  picture("1"), picture("2");
  score("1", "a", 0.0), score("2", "a", 2.0), score("1", "b", 0.5), score("2", "b", 1.0);
  const ScoreColumn column =
      groupsOf(rows_, [](const std::string&, const std::string&) { return ScoreKind(Better::Lower, true); })
          .at(0)
          .table.columns[0];
  EXPECT_EQ(column.cells[0].all.count, 2u);
  EXPECT_EQ(column.cells[0].logs.count, 2u);
  EXPECT_NEAR(column.cells[0].logs.mean, (std::log(0.001) + std::log(2.0)) / 2, 1e-12);
  EXPECT_TRUE(column.cells[0].best && !column.cells[1].best);
  EXPECT_EQ(column.cells[1].toBest.count, 2u);
}

TEST_F(TablesTest, EqualMeansAreAllBest) {
  picture("1"), picture("2");
  score("1", "a", 1.0), score("2", "a", 3.0), score("1", "b", 3.0), score("2", "b", 1.0);
  EXPECT_TRUE(table().columns[0].cells[0].best);
  EXPECT_TRUE(table().columns[0].cells[1].best);
}

TEST_F(TablesTest, OneCommonPictureTellsNothingApart) {
  picture("1"), picture("2");
  score("1", "a", 1.0), score("1", "b", 5.0), score("2", "b", 5.0);
  EXPECT_EQ(table().columns[0].cells[0].toBest.count, 1u);
  EXPECT_TRUE(table().columns[0].cells[0].tied);
}

TEST_F(TablesTest, MethodsWithoutAScoreStayEmpty) {
  picture("1");
  score("1", "a", 1.0);
  seconds("1", "b", 0.5);
  const ScoreTable t = table();
  EXPECT_THAT(t.methods, ElementsAre("a", "b"));
  EXPECT_EQ(t.columns[0].cells[1].all.count, 0u);
  EXPECT_FALSE(t.columns[0].cells[1].best);
  EXPECT_FALSE(t.columns[0].cells[1].tied);
  EXPECT_EQ(t.costs[0].seconds.count, 0u);
  EXPECT_EQ(t.costs[1].method, "b");
  EXPECT_EQ(t.costs[1].seconds.mean, 0.5);
}

TEST_F(TablesTest, CountsSkipsByReason) {
  picture("1"), picture("2"), picture("3", "unreadable"), picture("4", "unreadable"), picture("5", "unreadable");
  score("1", "a", 1.0);
  result("2", "a", "p@1").skipped = "the box covers all";
  const std::vector<SkipCount> skips = table().skips;
  ASSERT_THAT(skips, SizeIs(2));
  EXPECT_EQ(skips[0].method, "");
  EXPECT_EQ(skips[0].reason, "unreadable");
  EXPECT_EQ(skips[0].count, 3u);
  EXPECT_EQ(skips[1].method, "a");
  EXPECT_EQ(skips[1].protocol, "p@1");
  EXPECT_EQ(skips[1].reason, "the box covers all");
  EXPECT_EQ(skips[1].count, 1u);
  EXPECT_EQ(table().pictures, 2u);
}

TEST_F(TablesTest, ANumberThatIsNoneIsLeftOutAndCounted) {
  picture("1"), picture("2");
  score("1", "a", 1.0), score("2", "a", std::numeric_limits<double>::quiet_NaN());
  const ScoreTable t = table();
  EXPECT_EQ(t.columns[0].cells[0].all.mean, 1.0);
  EXPECT_EQ(t.columns[0].cells[0].all.count, 1u);
  ASSERT_THAT(t.skips, SizeIs(1));
  EXPECT_EQ(t.skips[0].reason, "s is not a finite number");
}

TEST_F(TablesTest, ColumnsStandByProtocolAndKeepTheOrderOfScores) {
  picture("1"), picture("2");
  result("1", "a", "q@1").scores = {{"z", 1.0}, {"a", 2.0}};
  result("2", "a", "p@1").scores = {{"s", 3.0}};
  std::vector<std::string> names;
  for (const ScoreColumn& column : table().columns) names.push_back(column.protocol + " " + column.score);
  EXPECT_THAT(names, ElementsAre("p@1 s", "q@1 z", "q@1 a"));
}

TEST_F(TablesTest, TargetsDoNotMix) {
  picture("1");
  score("1", "a", 1.0);
  target_ = "predicted";
  picture("1");
  score("1", "a", 9.0);
  const std::vector<Group> both = groups();
  ASSERT_THAT(both, SizeIs(2));
  EXPECT_EQ(both[0].table.target, "predicted");
  EXPECT_EQ(both[0].table.columns[0].cells[0].all.mean, 9.0);
  EXPECT_EQ(both[1].table.columns[0].cells[0].all.mean, 1.0);
}

// Both classes of a picture, and the picture that has one alone.
TEST_F(TablesTest, ClassesOfAPictureAreSamplesOfOneTable) {
  for (const char* target : {"true:0", "true:1"}) {
    target_ = target;
    picture("1");
    const double first = target_ == "true:0" ? 1.0 : 3.0;
    score("1", "a", first), score("1", "b", first + 2.0), seconds("1", "a", first);
  }
  target_ = "true";
  picture("2");
  score("2", "a", 8.0);
  const std::vector<Group> all = groups();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all[0].classes);
  const ScoreTable& t = all[0].table;
  EXPECT_EQ(t.target, "true");
  EXPECT_EQ(t.pictures, 2u);
  EXPECT_EQ(t.samples, 3u);
  const std::vector<ScoreCell>& cells = t.columns.at(0).cells;
  EXPECT_EQ(cells[0].all.mean, 4.0);
  EXPECT_EQ(cells[0].all.count, 3u);
  EXPECT_EQ(cells[1].all.mean, 4.0);
  EXPECT_EQ(cells[1].toBest.count, 2u) << "paired by picture and class";
  EXPECT_EQ(cells[1].toBest.difference, 2.0);
  EXPECT_EQ(t.costs[0].seconds.mean, 2.0);
}

TEST_F(TablesTest, AClassThatWasLeftOutIsCountedAlone) {
  target_ = "true:0+correct";
  picture("1");
  score("1", "a", 1.0);
  target_ = "true:1+correct";
  picture("1", "not classified correctly");
  const ScoreTable t = table();
  EXPECT_EQ(t.target, "true+correct");
  EXPECT_EQ(t.pictures, 1u);
  EXPECT_EQ(t.samples, 1u);
  ASSERT_THAT(t.skips, SizeIs(1));
  EXPECT_EQ(t.skips[0].count, 1u);
}

TEST_F(TablesTest, PicturesOfOneClassAreOneSampleEach) {
  picture("1"), picture("2"), score("1", "a", 1.0);
  EXPECT_FALSE(groups().at(0).classes);
  EXPECT_EQ(table().pictures, 2u);
  EXPECT_EQ(table().samples, 2u);
}

TEST(KindOfTarget, IsWithoutTheClass) {
  EXPECT_EQ(kindOfTarget("true"), "true");
  EXPECT_EQ(kindOfTarget("true:7"), "true");
  EXPECT_EQ(kindOfTarget("true:7+correct"), "true+correct");
  EXPECT_EQ(kindOfTarget("true+correct"), "true+correct");
  EXPECT_EQ(kindOfTarget("predicted"), "predicted");
  EXPECT_EQ(kindOfTarget(""), "");
}

TEST(DirectionOf, IsTheMetrics) {
  EXPECT_TRUE(directionOf(completeProtocol("outside-inside"), "pos").ratio);
  EXPECT_FALSE(directionOf(completeProtocol("pointing-game"), "hit").ratio);
  EXPECT_EQ(directionOf(completeProtocol("pointing-game"), "hit").better, Better::Higher);
  EXPECT_EQ(directionOf(completeProtocol("deletion"), "deletion").better, Better::Lower);
  EXPECT_EQ(directionOf("no-such-metric@1", "s").better, Better::Neither);
  const std::string aopc = parseProtocol("region-perturbation").scores.front().name;
  EXPECT_EQ(directionOf(completeProtocol("region-perturbation"), aopc).better, Better::Higher);
  EXPECT_EQ(directionOf(completeProtocol("region-perturbation:order=lerf"), aopc).better, Better::Lower);
  EXPECT_EQ(directionOf("region-perturbation@0:order=odd", aopc).better, Better::Higher) << "of another version";
}

TEST(TablesOf, AStoresTables) {
  Store store = Store::inMemory();
  store.beginRun({});
  store.put({"k", "net.onnx", "h", "{}", "3×8×8"});
  ResultBatch batch;
  PictureFacts facts;
  facts.model = "k", facts.dataset = "d", facts.picture = "1", facts.target = "true";
  batch.pictures = {facts};
  batch.maps = {{"k", "d", "1", "true", "a", 0.25, {}}};
  batch.results = {{{"k", "d", "1", "true", "a", completeProtocol("pointing-game")}, "", {{"hit", 1.0}}, {}, 0.0}};
  store.write(batch);
  const std::vector<ScoreTable> tables = tablesOf(store);
  ASSERT_THAT(tables, SizeIs(1));
  EXPECT_EQ(tables[0].columns[0].better, Better::Higher);
  EXPECT_TRUE(tables[0].columns[0].cells[0].best);
  EXPECT_EQ(tables[0].costs[0].seconds.mean, 0.25);
}

}  // namespace
}  // namespace relprop::eval
