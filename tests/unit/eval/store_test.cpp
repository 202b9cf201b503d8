#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

using Access = Store::Access;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> shown(const std::vector<Result>& results) {
  std::vector<std::string> texts;
  for (const Result& one : results) texts.push_back(show(one));
  return texts;
}

}  // namespace

TEST(Store, NewOneIsEmpty) {
  const Folder folder;
  const Store store = Store::open(folder / "s.db", Access::Write);
  EXPECT_EQ(store.name(), (folder / "s.db").string());
  EXPECT_TRUE(store.models().empty());
  EXPECT_TRUE(store.pictures().empty());
  EXPECT_TRUE(store.maps().empty());
  EXPECT_TRUE(store.results().empty());
  EXPECT_TRUE(store.runs().empty());
  EXPECT_TRUE(store.done("net", "folder:animals", "a.jpg", "true").empty());
}

TEST(Store, OneThatWasMovedFromSaysSo) {
  Store first = Store::inMemory();
  const Store second = std::move(first);
  const auto refused = [](const std::function<void()>& call) { expectError(ErrorCode::InvalidArgument, call); };
  refused([&] { (void)first.name(); });
  refused([&] { first.together([] {}); });
  refused([&] { (void)first.models(); });
  refused([&] { first.merge(second); });
  refused([&] { Store::inMemory().merge(first); });
  refused([&] { (void)first.bytes(); });
  EXPECT_TRUE(second.models().empty());
}

TEST(Store, FunctionsThatAreEmptyAreRefused) {
  Store store = Store::inMemory();
  expectError(ErrorCode::InvalidArgument, [&] { store.together({}); });
  for (const char* format : {"csv", "json"})
    expectError(ErrorCode::InvalidArgument, [&] { exportStore(store, format, {}); });
}

TEST(Store, GivesBackWhatWasWritten) {
  const Folder folder;
  ResultBatch written = batch("a.jpg", {"rap", "lrp-gamma:gamma=0.5"}, {"probe@1", "other@2:region=mask"});
  written.pictures[0].view = {1, 2, 3, 0, 255};
  written.pictures[0].truth = {9};
  written.maps[0].map = Tensor({2, 3}, {0.1F, -0.0F, 1e-42F, 3, -4, 3.4e38F});
  writable(folder / "s.db").write(written);

  const Store store = Store::open(folder / "s.db", Access::Read);
  const std::vector<PictureFacts> pictures = store.pictures(true);
  ASSERT_EQ(pictures.size(), 1U);
  EXPECT_EQ(show(pictures[0]), show(written.pictures[0]));
  std::sort(written.results.begin(), written.results.end(),
            [](const Result& a, const Result& b) { return a.key < b.key; });
  EXPECT_EQ(shown(store.results()), shown(written.results));
  EXPECT_EQ(store.results()[0].measureSeconds, 0.25);
  const std::vector<MapFacts> maps = store.maps(true);
  ASSERT_EQ(maps.size(), 2U);
  EXPECT_EQ(maps[0].method, "lrp-gamma:gamma=0.5");
  EXPECT_FALSE(maps[0].map);
  EXPECT_EQ(maps[1].explainSeconds, 0.5);
  EXPECT_EQ(maps[1].map->shape, written.maps[0].map->shape);
  EXPECT_EQ(maps[1].map->data, written.maps[0].map->data);
  EXPECT_TRUE(std::signbit(maps[1].map->data[1]));
  ASSERT_EQ(store.models().size(), 1U);
  EXPECT_EQ(store.models()[0].inputShape, "3×224×224");
  ASSERT_EQ(store.runs().size(), 1U);
  EXPECT_EQ(show(store.runs()[0]), show(run()));
}

TEST(Store, ReadsLargePartsOnlyWhenAsked) {
  Store store = ready(Store::inMemory());
  ResultBatch written = batch("a.jpg");
  written.pictures[0].truth = {5, 6};
  written.maps[0].map = Tensor({1, 2}, {1, 2});
  store.write(written);
  const PictureFacts bare = store.pictures()[0];
  EXPECT_TRUE(bare.truth.empty());
  EXPECT_EQ(store.picture(bare).truth, written.pictures[0].truth);
  EXPECT_TRUE(store.picture(bare).view.empty());
  const MapFacts cost = store.maps()[0];
  EXPECT_FALSE(cost.map);
  EXPECT_EQ(store.map(cost)->data, written.maps[0].map->data);
  EXPECT_TRUE(store.results(false)[0].curves.empty());
  EXPECT_EQ(store.results(false)[0].scores.size(), 2U);
  MapFacts other = cost;
  other.method = "none";
  EXPECT_FALSE(store.map(other));
  EXPECT_NE(expectError(ErrorCode::InvalidArgument, [&] { store.picture(pictureFacts("b.jpg")); }).got().find("b.jpg"),
            std::string::npos);
}

TEST(Store, KeepsNumbersThatAreNone) {
  Store store = ready(Store::inMemory());
  ResultBatch written = batch("a.jpg");
  written.results[0].scores = {{"nan", std::nan("")}, {"inf", kInfinity}, {"-inf", -kInfinity}, {"-0", -0.0}};
  written.results[0].curves[0].y = {std::nan(""), -kInfinity, 5e-324};
  store.write(written);
  const Result read = store.results()[0];
  EXPECT_TRUE(std::isnan(read.scores[0].value));
  EXPECT_EQ(read.scores[1].value, kInfinity);
  EXPECT_EQ(read.scores[2].value, -kInfinity);
  EXPECT_EQ(read.scores[3].value, 0);  // SQLite drops this sign
  EXPECT_TRUE(std::isnan(read.curves[0].y[0]));
  EXPECT_EQ(read.curves[0].y[2], 5e-324);
}

TEST(Store, TextsOfAnyKind) {
  Store store = ready(Store::inMemory());
  const std::string odd = "'; drop table results; -- \"☃\"\n\xff\xfe";
  ResultBatch written = batch(odd, {odd}, {odd});
  written.results[0].skipped = odd, written.results[0].scores.clear();
  store.write(written);
  EXPECT_EQ(shown(store.results()), shown(written.results));
  EXPECT_EQ(store.done("net", "folder:animals", odd, "true").at(odd), std::vector{odd});
}

// Against a plain sort of what was written.
TEST(Store, RowsComeInTheOrderOfTheirKeys) {
  Store store = ready(Store::inMemory());
  store.put(model("another net"));
  std::vector<ResultBatch> batches;
  for (const std::string name : {"b", "a", "é", "B", "a0", "Z"})
    for (const std::string net : {"net", "another net"})
      for (const std::string target : {"true:7", "predicted", "true"}) {
        ResultBatch one = batch(name, {"rap", "Rap", "lrp"}, {"q@1", "p@1"});
        one.pictures[0].model = net;
        one.pictures[0].target = target;
        for (MapFacts& map : one.maps) map.model = net, map.target = target;
        for (Result& row : one.results) row.key.model = net, row.key.target = target;
        batches.push_back(one);
      }
  std::shuffle(batches.begin(), batches.end(), std::mt19937(3));
  std::vector<ResultKey> keys;
  for (const ResultBatch& one : batches) {
    store.write(one);
    for (const Result& row : one.results) keys.push_back(row.key);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<ResultKey> read;
  for (const Result& row : store.results()) read.push_back(row.key);
  EXPECT_EQ(read, keys);
  const std::vector<PictureFacts> pictures = store.pictures();
  EXPECT_EQ(pictures.size(), 36U);
  EXPECT_TRUE(std::is_sorted(pictures.begin(), pictures.end(), [](const auto& a, const auto& b) {
    return std::tie(a.model, a.dataset, a.picture, a.target) < std::tie(b.model, b.dataset, b.picture, b.target);
  }));
}

TEST(Store, ARowThatIsThereStaysAsItIs) {
  Store store = ready(Store::inMemory());
  store.write(batch("a.jpg"));
  const std::string before = show(store);
  ResultBatch again = batch("a.jpg");
  again.pictures[0].trueLabel = "horse";
  again.results[0].scores = {{"first", 99}, {"more", 1}};
  again.results[0].curves.clear();
  store.beginRun(run("another command"));
  store.write(again);
  EXPECT_EQ(show(store), before);
  again.results.push_back(result("a.jpg", "lrp"));
  store.write(again);
  ASSERT_EQ(store.results().size(), 2U);
  EXPECT_EQ(show(store.results()[0]), show(again.results[1]));
  EXPECT_EQ(show(store.results()[1]), show(result("a.jpg")));
}

TEST(Store, TheSameRowTwiceInABatchIsOne) {
  Store store = ready(Store::inMemory());
  ResultBatch twice = batch("a.jpg");
  twice.results.push_back(twice.results[0]);
  twice.results[1].scores.clear();
  store.write(twice);
  EXPECT_EQ(shown(store.results()), shown({result("a.jpg")}));
}

TEST(Store, KeptPicturesMayComeLater) {
  Store store = ready(Store::inMemory());
  store.write(batch("a.jpg"));
  ResultBatch kept = batch("a.jpg");
  kept.pictures[0].view = {7};
  kept.maps[0].map = Tensor({1, 1}, {5});
  store.write(kept);
  EXPECT_EQ(store.pictures(true)[0].view, kept.pictures[0].view);
  EXPECT_EQ(store.map(kept.maps[0])->data, kept.maps[0].map->data);
}

TEST(Store, DoneSaysWhatIsThere) {
  Store store = ready(Store::inMemory());
  store.write(batch("a.jpg", {"rap", "lrp"}, {"q@1", "p@1"}));
  ResultBatch more;
  more.results = {result("a.jpg", "rap", "skipped@1")};
  more.results[0].scores.clear();
  more.results[0].skipped = "the box covers all";
  store.write(more);
  const std::map<std::string, std::vector<std::string>> expected = {{"lrp", {"p@1", "q@1"}},
                                                                    {"rap", {"p@1", "q@1", "skipped@1"}}};
  EXPECT_EQ(store.done("net", "folder:animals", "a.jpg", "true"), expected);
  EXPECT_TRUE(store.done("net", "folder:animals", "a.jpg", "predicted").empty());
  EXPECT_TRUE(store.done("net", "folder:animals", "A.jpg", "true").empty());
  EXPECT_TRUE(store.done("other", "folder:animals", "a.jpg", "true").empty());
}

TEST(Store, SaysWhichPicturesWereSkipped) {
  Store store = ready(Store::inMemory());
  ResultBatch skipped;
  skipped.pictures = {pictureFacts("wrong"), pictureFacts("broken")};
  skipped.pictures[0].skipped = "not classified correctly";
  skipped.pictures[1].skipped = "unreadable: a truncated JPEG";
  store.write(skipped);
  store.write(batch("good"));
  const auto isSkipped = [&](const std::string& picture) {
    return store.isSkipped("net", "folder:animals", picture, "true");
  };
  EXPECT_TRUE(isSkipped("wrong"));
  EXPECT_FALSE(isSkipped("broken")) << "its file may be whole by now";
  EXPECT_FALSE(isSkipped("good"));
  EXPECT_FALSE(isSkipped("unknown"));
  EXPECT_FALSE(store.isSkipped("net", "folder:animals", "wrong", "predicted"));
}

// One picture that could not be read and one result that was skipped, and the same as they were measured later.
TEST(Store, WhatWasSkippedGivesWayToWhatWasMeasured) {
  ResultBatch failed = batch("half", {"rap"}), measured = batch("half", {"rap"});
  failed.maps.clear(), failed.results.clear();
  failed.pictures[0].skipped = "unreadable: a truncated JPEG";
  ResultBatch skipped = batch("whole", {"rap"});
  skipped.results[0] = {skipped.results[0].key, "no object", {}, {}, 0};
  const ResultBatch whole = batch("whole", {"rap"});
  Store before = ready(Store::inMemory()), after = ready(Store::inMemory());
  before.write(failed), before.write(skipped);
  after.write(measured), after.write(whole);
  EXPECT_TRUE(before.done("net", "folder:animals", "whole", "true", false).empty());
  EXPECT_EQ(before.done("net", "folder:animals", "whole", "true").size(), 1U);
  const std::string wanted = show(after);
  after.merge(before);
  EXPECT_EQ(show(after), wanted) << "what was measured gave way";
  before.merge(after);
  EXPECT_EQ(show(before), wanted);
}

TEST(Store, EveryRowKnowsItsRun) {
  Store store = ready(Store::inMemory());
  store.write(batch("a.jpg"));
  Provenance second = run("second");
  second.seed = std::numeric_limits<std::uint64_t>::max();
  store.beginRun(second);
  store.write(batch("b.jpg"));
  store.beginRun(run());
  store.write(batch("c.jpg"));
  store.beginRun(run("nothing was written by this one"));
  std::vector<std::string> by;
  store.each([&](const Result&, const Provenance& one) { by.push_back(show(one)); });
  EXPECT_EQ(by, (std::vector{show(run()), show(second), show(run())}));
  ASSERT_EQ(store.runs().size(), 2U);
  EXPECT_EQ(show(store.runs()[0]), show(run()));
  EXPECT_EQ(show(store.runs()[1]), show(second));
}

TEST(Store, RefusesRowsThatHangInTheAir) {
  Store store = Store::inMemory();
  store.put(model());
  expectError(ErrorCode::InvalidArgument, [&] { store.write(batch("a.jpg")); });  // no run
  store = ready(Store::inMemory());
  ResultBatch stranger = batch("a.jpg");
  stranger.pictures[0].model = "unknown net";
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(stranger); }).got(),
            "a row of model \"unknown net\"");
  ResultBatch lonely = batch("a.jpg");
  lonely.pictures.clear();
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(lonely); }).got(),
            "a row of picture \"a.jpg\", target \"true\", of folder:animals");
  ResultBatch crooked = batch("a.jpg");
  crooked.results[0].curves[0].y.pop_back();
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(crooked); }).got(),
            "curve \"curve\" with 3 x and 2 y");
  ResultBatch deep = batch("a.jpg");
  deep.maps[0].map = Tensor({1, 2, 2});
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(deep); }).got(), "a heatmap 1×2×2 of 4 values");
  deep.maps[0].map = Tensor({1, 2}, {1, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(deep); }).got(),
            "a heatmap with a value that is not finite");
  deep.maps[0].map.reset();
  deep.maps[0].explainSeconds = -1;
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { store.write(deep); }).got(), "work that took -1 s");
  EXPECT_TRUE(store.pictures().empty()) << "part of a batch was kept";
  EXPECT_TRUE(store.runs().empty());
  store.write(batch("a.jpg"));
  EXPECT_EQ(store.results().size(), 1U);
}

TEST(Store, WhatIsWrittenTogetherIsThereTogetherOrNotAtAll) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  const Store other = Store::open(folder / "s.db", Access::Read);
  store.together([&] {
    store.write(batch("a.jpg"));
    store.merge(ready(Store::inMemory()));
    store.write(batch("b.jpg"));
    EXPECT_EQ(store.pictures().size(), 2U);
    EXPECT_EQ(other.pictures().size(), 0U) << "seen before all was written";
  });
  EXPECT_EQ(other.pictures().size(), 2U);
  ResultBatch crooked = batch("d.jpg");
  crooked.results[0].curves[0].y.pop_back();
  expectError(ErrorCode::InvalidArgument, [&] {
    store.together([&] {
      store.write(batch("c.jpg"));
      store.write(crooked);
    });
  });
  EXPECT_EQ(other.pictures().size(), 2U);
  store.write(batch("c.jpg"));
  EXPECT_EQ(other.pictures().size(), 3U);
}

TEST(Store, AMistakeThatIsCaughtHalfWayIsNotWrittenInPart) {
  Store store = ready(Store::inMemory());
  ResultBatch crooked = batch("b.jpg");
  crooked.results[0].curves[0].y.pop_back();
  EXPECT_THROW(store.together([&] {
    store.write(batch("a.jpg"));
    expectError(ErrorCode::InvalidArgument, [&] { store.write(crooked); });
  }),
               Error);
  EXPECT_TRUE(store.pictures().empty());
}

TEST(Store, TravelsAsBytes) {
  const Folder folder;
  Store file = writable(folder / "s.db");
  Store memory = ready(Store::inMemory());
  for (Store* store : {&file, &memory}) {
    store->write(batch("a.jpg", {"rap", "lrp"}));
    Store copy = Store::fromBytes(store->bytes());
    EXPECT_EQ(show(copy), show(*store));
    copy.beginRun(run("elsewhere"));
    copy.write(batch("b.jpg"));
    EXPECT_EQ(copy.results().size(), 3U);
    EXPECT_EQ(store->results().size(), 2U);
  }
}

TEST(Store, BytesThatAreNoStore) {
  expectError(ErrorCode::StoreUnusable, [] { Store::fromBytes({}); });
  expectError(ErrorCode::StoreUnusable, [] { Store::fromBytes({1, 2, 3}); });
  expectError(ErrorCode::StoreUnusable, [] { Store::fromBytes(std::vector<std::uint8_t>(100000, 7)); });
  Store store = ready(Store::inMemory());
  for (int i = 0; i < 50; ++i) store.write(batch(std::to_string(i)));
  const std::vector<std::uint8_t> bytes = store.bytes();
  expectError(ErrorCode::StoreUnusable, [&] { Store::fromBytes({bytes.begin(), bytes.begin() + 9000}); });
  // Wherever bytes are wrong, the store is refused or gives rows; anything else than Error would end the test.
  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::vector<std::uint8_t> wrong = bytes;
    for (int k = 0; k < 20; ++k) wrong[random() % wrong.size()] = static_cast<std::uint8_t>(random());
    try {
      show(Store::fromBytes(wrong));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::StoreUnusable) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(StoreMerge, BringsWhatIsMissingWithItsRun) {
  const Folder folder;
  Store ours = writable(folder / "ours.db");
  ours.write(batch("a.jpg"));
  Store theirs = ready(Store::inMemory());
  theirs.beginRun(run("theirs"));
  theirs.put(model("another net"));
  ResultBatch a = batch("a.jpg", {"rap", "lrp"});
  a.results[0].scores = {{"first", 99}};
  a.maps[1].map = Tensor({1, 2}, {3, 4});
  theirs.write(a);
  ResultBatch b = batch("b.jpg");
  b.pictures[0].view = {1, 2};
  theirs.write(b);

  Store expected = ready(Store::inMemory());
  expected.put(model("another net"));
  expected.write(batch("a.jpg"));
  expected.beginRun(run("theirs"));
  expected.write(a);
  expected.write(b);
  ours.merge(theirs);
  EXPECT_EQ(show(ours), show(expected));
  ours.merge(theirs);
  ours.merge(Store::open(folder / "ours.db", Access::Read));
  EXPECT_EQ(show(ours), show(expected));
  EXPECT_EQ(ours.runs().size(), 2U);
}

// Shares of work, merged in any order, are what one process would have written.
TEST(StoreMerge, OrderDoesNotMatter) {
  Store whole = ready(Store::inMemory());
  std::vector<Store> parts;
  for (int i = 0; i < 4; ++i) parts.push_back(ready(Store::inMemory()));
  for (int i = 0; i < 40; ++i) {
    whole.write(batch(std::to_string(i), {"rap", "lrp"}, {"p@1", "q@1"}));
    parts[static_cast<std::size_t>(i % 4)].write(batch(std::to_string(i), {"lrp"}, {"q@1", "p@1"}));
    parts[static_cast<std::size_t>(i * 7 % 3)].write(batch(std::to_string(i), {"rap", "lrp"}, {"q@1", "p@1"}));
  }
  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    Store merged = Store::inMemory();
    for (const std::size_t part : order) merged.merge(parts[part]);
    EXPECT_EQ(merged.resultCount(), merged.results(false).size());
    EXPECT_EQ(show(merged), show(whole));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(StoreMerge, SeedsAreThoseOfTheRowsThatAreThere) {
  Store ours = ready(Store::inMemory()), theirs = Store::inMemory();
  EXPECT_TRUE(ours.seeds().empty());
  Provenance other = run();
  other.seed = 8;
  theirs.beginRun(other), theirs.put(model());
  ours.write(batch("a")), theirs.write(batch("a"));
  using Seeds = std::map<std::pair<std::string, std::string>, std::set<std::uint64_t>>;
  ours.merge(theirs);
  EXPECT_EQ(ours.seeds(), (Seeds{{{"net", "folder:animals"}, {7}}}));
  theirs.write(batch("b"));
  ours.merge(theirs);
  EXPECT_EQ(ours.seeds(), (Seeds{{{"net", "folder:animals"}, {7, 8}}}));
}

// Whatever was skipped, for a reason that another run did not have, gives way to what that run measured.
TEST(StoreMerge, APictureThatWasMeasuredIsNotSkipped) {
  for (const std::string reason :
       {"its true class is not known", "not classified correctly", "unreadable: cut short"}) {
    Store with = ready(Store::inMemory()), without = ready(Store::inMemory());
    with.write(batch("a"));
    ResultBatch skipped;
    skipped.pictures = {pictureFacts("a")};
    skipped.pictures[0].skipped = reason;
    without.write(skipped);
    const std::string expected = show(with);
    without.merge(with), with.merge(without);
    EXPECT_EQ(show(without), expected) << reason;
    EXPECT_EQ(show(with), expected) << reason;
  }
}

TEST(StoreMerge, WithItselfChangesNothing) {
  Store store = ready(Store::inMemory());
  store.write(batch("a.jpg"));
  const std::string before = show(store);
  store.merge(store);
  EXPECT_EQ(show(store), before);
}

TEST(StoreSql, ViewsAnswerQuestions) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  double sum = 0;
  for (const std::string picture : {"a", "b", "c"}) {
    store.write(batch(picture, {"rap", "lrp"}, {"p@1", "q@1"}));
    sum += result(picture, "rap", "q@1").scores[1].value;
  }
  const std::string mean = query(folder / "s.db",
                                 "select avg(value) from scores_flat where score = 'first' and protocol = 'q@1' "
                                 "group by method having method = 'rap'");
  EXPECT_DOUBLE_EQ(std::stod(mean), sum / 3);
  EXPECT_EQ(query(folder / "s.db", "select method, count(*), avg(explain_seconds) from costs_flat group by method"),
            "lrp|3|0.5\nrap|3|0.5\n");
  EXPECT_EQ(query(folder / "s.db", "select count(*), count(distinct result), min(model_path) from results_flat"),
            "12|12|models/net.onnx\n");
  EXPECT_EQ(query(folder / "s.db", "select count(*), min(curve), min(length(x)), max(length(y)) from curves_flat"),
            "12|curve|24|24\n");
  EXPECT_EQ(query(folder / "s.db", "select count(*) from axes"), "1\n");
  EXPECT_EQ(query(folder / "s.db", "pragma foreign_key_check"), "");
}

TEST(StoreSql, FileSaysWhatItIs) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  EXPECT_EQ(query(folder / "s.db", "pragma application_id"), std::to_string(0x72656c70) + "\n");
  EXPECT_EQ(query(folder / "s.db", "pragma user_version"), "1\n");
  EXPECT_EQ(query(folder / "s.db", "pragma journal_mode"), "wal\n");
}

}  // namespace relprop::store_test
