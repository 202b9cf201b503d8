// What is said of rows that two stores both have and have differently, and of stores that contradict themselves.
#include <cmath>
#include <limits>

#include "relprop/image.h"
#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

constexpr double kBeyond = std::numeric_limits<double>::infinity();

// Models, pictures, heatmaps and results that differ.
std::string merged(Store& ours, const Store& theirs) {
  const MergeDifferences found = ours.merge(theirs);
  return std::to_string(found.models) + " " + std::to_string(found.pictures) + " " + std::to_string(found.maps) + " " +
         std::to_string(found.results);
}

Store holding(const ResultBatch& rows) {
  Store store = ready(Store::inMemory());
  store.write(rows);
  return store;
}

// Of one picture, once as it is and once changed, merged either way.
template <class Change>
std::string differing(const ResultBatch& rows, Change change) {
  ResultBatch other = rows;
  change(other);
  Store ours = holding(rows), theirs = holding(other);
  const std::string before = show(ours), counts = merged(ours, theirs);
  EXPECT_EQ(show(ours), before) << "the first one stays";
  ours = holding(rows);
  EXPECT_EQ(merged(theirs, ours), counts);
  return counts;
}

std::string withScore(double here, double there) {
  ResultBatch rows = batch("a");
  rows.results[0].scores = {{"s", here}};
  return differing(rows, [&](ResultBatch& other) { other.results[0].scores[0].value = there; });
}

std::vector<std::uint8_t> pngOf(int grey) {
  return encodePng({4, 2, std::vector<std::uint8_t>(24, static_cast<std::uint8_t>(grey))});
}

}  // namespace

TEST(StoreMerge, CountsWhatWasThereWithOtherScores) {
  Store ours = ready(Store::inMemory()), theirs = ready(Store::inMemory());
  ours.write(batch("a", {"rap", "lrp"}, {"p@1", "q@1"}));
  ResultBatch other = batch("a", {"rap", "lrp"}, {"p@1", "q@1"});
  EXPECT_EQ(merged(ours, theirs), "0 0 0 0");
  other.results[0].scores[0].value *= 1.0001;  // another processor
  other.results[1].scores[0].value += 1;
  other.results[2].scores.clear(), other.results[2].skipped = "no object";
  theirs.write(other);
  EXPECT_EQ(merged(ours, theirs), "0 0 0 1");
  EXPECT_EQ(merged(ours, theirs), "0 0 0 1");
  EXPECT_EQ(merged(ours, ours), "0 0 0 0");
}

TEST(StoreMerge, InfinityIsAlikeToNoNumber) {
  const double nan = std::nan("");
  EXPECT_EQ(withScore(0.5, kBeyond), "0 0 0 1");
  EXPECT_EQ(withScore(-kBeyond, kBeyond), "0 0 0 1");
  EXPECT_EQ(withScore(0.5, nan), "0 0 0 1");
  EXPECT_EQ(withScore(kBeyond, nan), "0 0 0 1");
  EXPECT_EQ(withScore(kBeyond, kBeyond), "0 0 0 0");
  EXPECT_EQ(withScore(nan, nan), "0 0 0 0");
  EXPECT_EQ(withScore(1.7e308, -1.7e308), "0 0 0 1");
}

TEST(StoreMerge, AResultWithoutTheScoresOfAnotherDiffers) {
  const ResultBatch rows = batch("a", {"rap", "lrp"});
  EXPECT_EQ(differing(rows, [](ResultBatch& other) { other.results[0].scores.clear(); }), "0 0 0 1");
  EXPECT_EQ(differing(rows, [](ResultBatch& other) { other.results[1].scores.pop_back(); }), "0 0 0 1");
  EXPECT_EQ(differing(rows, [](ResultBatch& other) { other.results[1].scores[0].name = "third"; }), "0 0 0 1");
}

TEST(StoreMerge, CountsOtherCurves) {
  ResultBatch rows = batch("a", {"rap", "lrp"});
  rows.results[0].curves = {{"curve", "share", {0, 0.5, 1}, {1, 1e-9, 0.5}}};
  const auto with = [&](const std::function<void(std::vector<Curve>&)>& change) {
    return differing(rows, [&](ResultBatch& other) { change(other.results[0].curves); });
  };
  EXPECT_EQ(with([](auto& curves) { curves[0].y[2] = 0.6; }), "0 0 0 1");
  EXPECT_EQ(with([](auto& curves) { curves[0].y[1] = 3e-9; }), "0 0 0 0") << "what rounding leaves of 1";
  EXPECT_EQ(with([](auto& curves) { curves[0].x[1] = 0.6; }), "0 0 0 1");
  EXPECT_EQ(with([](auto& curves) { curves.clear(); }), "0 0 0 1");
}

TEST(StoreMerge, CountsOtherFactsOfPictures) {
  ResultBatch rows = batch("a");
  rows.pictures[0].view = pngOf(100), rows.pictures[0].truth = pngOf(255);
  const auto with = [&](const std::function<void(PictureFacts&)>& change) {
    return differing(rows, [&](ResultBatch& other) { change(other.pictures[0]); });
  };
  EXPECT_EQ(with([](PictureFacts& p) { p.trueClass = 9; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.predictedClass = 9; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.targetClass = -1; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.trueLabel = "cow"; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.targetProbability = 0.5; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.view = pngOf(110); }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.truth = {'n', 'o', 'n', 'e'}; }), "0 1 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.view = pngOf(101); }), "0 0 0 0") << "another library's rounding";
  EXPECT_EQ(with([](PictureFacts& p) { p.targetProbability += 1e-5; }), "0 0 0 0");
  EXPECT_EQ(with([](PictureFacts& p) { p.file = "elsewhere/a"; }), "0 0 0 0") << "for people alone";
}

TEST(StoreMerge, WhatOnlyOneStoreHasOfAPictureIsNoDifference) {
  Store ours = holding(batch("a"));
  ResultBatch more = batch("a");
  more.pictures[0].view = pngOf(100), more.pictures[0].trueLabel.clear();
  more.maps[0].map = Tensor({1, 2}, {3, 4});
  EXPECT_EQ(merged(ours, holding(more)), "0 0 0 0");
  ResultBatch skipped;
  skipped.pictures = {pictureFacts("a")};
  skipped.pictures[0].skipped = "not classified correctly", skipped.pictures[0].predictedClass = 7;
  EXPECT_EQ(merged(ours, holding(skipped)), "0 0 0 0");
}

TEST(StoreMerge, CountsOtherHeatmaps) {
  ResultBatch rows = batch("a", {"rap", "lrp"});
  rows.maps[0].map = Tensor({1, 2}, {1, 1e-6F});
  const auto with = [&](const Tensor& map) {
    return differing(rows, [&](ResultBatch& other) { other.maps[0].map = map; });
  };
  EXPECT_EQ(with(Tensor({1, 2}, {1, 2e-6F})), "0 0 0 0");
  EXPECT_EQ(with(Tensor({1, 2}, {1, 0.5F})), "0 0 1 0");
  EXPECT_EQ(with(Tensor({2, 1}, {1, 1e-6F})), "0 0 1 0");
}

// A key is the digest of the rest, so that one of the two stores is wrong.
TEST(StoreMerge, CountsModelsThatAreOthersUnderTheSameKey) {
  const auto with = [](const std::function<void(ModelFacts&)>& change) {
    Store ours = ready(Store::inMemory()), theirs = Store::inMemory();
    ModelFacts other = model();
    change(other);
    theirs.put(other);
    return merged(ours, theirs);
  };
  EXPECT_EQ(with([](ModelFacts& facts) { facts.path = "/elsewhere/net.onnx"; }), "0 0 0 0");
  EXPECT_EQ(with([](ModelFacts& facts) { facts.hash = "xxh3:ffff"; }), "1 0 0 0");
  EXPECT_EQ(with([](ModelFacts& facts) { facts.preprocess = "{}"; }), "1 0 0 0");
  EXPECT_EQ(with([](ModelFacts& facts) { facts.inputShape = "3×8×8"; }), "1 0 0 0");
}

TEST(StoreMerge, SkippedResultsWithScoresAreDamageOfTheirFile) {
  const Folder folder;
  writable(folder / "part.db").write(batch("a"));
  query(folder / "part.db", "update results set skipped = 'because'");
  Store whole = holding(batch("b"));
  const std::string before = show(whole);
  const Store part = Store::open(folder / "part.db", Store::Access::Read);
  const Error error = expectError(ErrorCode::StoreUnusable, [&] { whole.merge(part); });
  EXPECT_EQ(error.where(), (folder / "part.db").string());
  EXPECT_EQ(error.got(), "damaged: scores of a skipped result of a, rap, probe@1");
  EXPECT_EQ(show(whole), before);
  EXPECT_EQ(expectError(ErrorCode::StoreUnusable, [&] { part.results(); }).got(), error.got());
}

TEST(StoreMerge, WhatASkippedResultHasGivesWayWithIt) {
  const Folder folder;
  writable(folder / "ours.db").write(batch("a"));
  query(folder / "ours.db", "update results set skipped = 'because'");
  Store ours = writable(folder / "ours.db");
  ResultBatch measured = batch("a");
  measured.results[0].scores = {{"new", 5}};
  const Store theirs = holding(measured);
  EXPECT_EQ(merged(ours, theirs), "0 0 0 0");
  EXPECT_EQ(show(ours), show(theirs));
}

}  // namespace relprop::store_test
