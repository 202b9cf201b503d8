// Stores that somebody changed: statements of their own in the schema, indices that say other than their tables, bytes
// at random.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>

#include "eval/store_impl.h"
#include "relprop/report.h"
#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

namespace fs = std::filesystem;
using Access = Store::Access;

std::string bytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replaceBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Everything that reads a store.
void readAll(const fs::path& path, const fs::path& report) {
  const Store store = Store::open(path, Access::Read);
  show(store);
  for (const char* format : {"csv", "json"}) exportStore(store, format, [](const std::string&) {});
  Store::inMemory().merge(store);
  markdownReport(store);
  writeReport(store, report, {});
}

std::string refusal(const fs::path& path) {
  std::string got;
  for (const Access access : {Access::Read, Access::Write})
    got = expectError(ErrorCode::StoreUnusable, [&] { Store::open(path, access); }).got();
  return got;
}

std::string refusalAfter(const std::string& sql) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  query(folder / "s.db", sql);
  return refusal(folder / "s.db");
}

// Three pictures with two methods and two protocols each, with what is kept of them.
std::vector<ResultBatch> threePictures() {
  std::vector<ResultBatch> all;
  for (const char* picture : {"a", "b", "c"}) {
    all.push_back(batch(picture, {"rap", "gradient"}, {"probe@1", "other@1"}));
    all.back().pictures[0].view = {1, 2, 3};
    for (MapFacts& map : all.back().maps) map.map = Tensor({2, 2}, 1.0f);
    for (std::size_t i = 0; i < all.back().results.size(); ++i)
      all.back().results[i].curves[0].abscissa = "axis " + std::to_string(i);
  }
  return all;
}

// What ANALYZE would leave in a file with many rows in one table and one row in each of the others.
std::string falseStatistics(const std::string& large) {
  return "analyze; delete from sqlite_stat1; insert into sqlite_stat1 select tbl, idx, case tbl when '" + large +
         "' then '1000000000 1000 1000 1000 1000 1000 1000 1000' else '1 1 1 1 1 1 1 1' end from "
         "(select tbl_name as tbl, name as idx from sqlite_schema where type = 'index' union all values "
         "('maps', 'maps'), ('scores', 'scores'), ('claims', 'claims'), ('kept_pictures', null))";
}

// From row to row of a whole table, by all statements of a store since it was asked the last time.
int stepsThroughTables(const Store& store) {
  sqlite3* connection = StoreAccess::databaseOf(store).get();
  int steps = 0;
  for (sqlite3_stmt* one = nullptr; (one = sqlite3_next_stmt(connection, one));)
    steps += sqlite3_stmt_status(one, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
  return steps;
}

// All that is asked for one row or for those of one picture, and written.
void lookUpRows(Store& store) {
  const ResultKey key = {"net", "folder:animals", "b", "true", "gradient", ""};
  for (const ResultBatch& again : threePictures()) store.write(again);
  store.write(batch("d", {"rap", "gradient"}, {"probe@1", "other@1"}));
  EXPECT_TRUE(store.claim(key.model, key.dataset, key.picture, key.target));
  EXPECT_FALSE(store.isSkipped(key.model, key.dataset, key.picture, key.target));
  EXPECT_EQ(store.done(key.model, key.dataset, key.picture, key.target).at(key.method).size(), 2U);
  EXPECT_EQ(store.picture(pictureFacts("b")).view, (std::vector<std::uint8_t>{1, 2, 3}));
  EXPECT_EQ(store.map({key.model, key.dataset, key.picture, key.target, key.method, 0.0, {}})->data.size(), 4U);
  EXPECT_FALSE(store.map({key.model, key.dataset, "none", key.target, key.method, 0.0, {}}));
}

}  // namespace

TEST(StoreHostile, StatementsOfTheFileAreNotRun) {
  EXPECT_EQ(
      refusalAfter("drop view results_flat; create view results_flat as with recursive n(i) as (select 1 union all "
                   "select i + 1 from n) select i as result from n"),
      "damaged: 'results_flat' is not written as relprop writes it");
  EXPECT_EQ(refusalAfter("create trigger t after insert on pictures begin delete from results; end"), "trigger 't'");
  EXPECT_EQ(refusalAfter("create index i on pictures (hex(zeroblob(1000)))"), "index 'i'");
  EXPECT_EQ(refusalAfter("pragma writable_schema = on; insert into sqlite_schema values ('table', 't', 't', 0, "
                         "'create trigger t after insert on pictures begin delete from results; end')"),
            "damaged: malformed database schema (t)");
  EXPECT_EQ(
      refusalAfter("pragma writable_schema = on; insert into sqlite_schema values ('trigger', 'sqlite_t', 'scores', 0, "
                   "'CREATE TRIGGER sqlite_t AFTER INSERT ON scores BEGIN UPDATE scores SET value = 99; END')"),
      "trigger 'sqlite_t'")
      << "a name that SQLite keeps for itself";
  EXPECT_EQ(
      refusalAfter("pragma writable_schema = on; insert into sqlite_schema values ('view', 'sqlite_v', 'sqlite_v', 0, "
                   "'CREATE VIEW sqlite_v AS SELECT 1')"),
      "view 'sqlite_v'");
  EXPECT_EQ(refusalAfter("alter table scores add column note text"),
            "damaged: 'scores' is not written as relprop writes it");
}

// SQLite deletes the file that the end of a journal names (as it does after changes of several files at once, which are
// never made here), before it shows a row of the store; and it follows links.
TEST(StoreHostile, JournalsThatNameAnotherFileDeleteNothing) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  fs::create_symlink(folder / "s.db", folder / "link.db");
  const std::string victim = (folder / "victim").string();
  replaceBytes(victim, "of value");
  const auto four = [](std::size_t n) {
    return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                       static_cast<char>(n)};
  };
  const std::string magic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
  std::string header =
      magic + four(0) + four(0x1234) + four(bytesOf(folder / "s.db").size() / 4096) + four(512) + four(4096);
  header.resize(512);
  std::size_t sum = 0;
  for (const char c : victim) sum += static_cast<std::size_t>(static_cast<signed char>(c));
  replaceBytes(folder / "s.db-journal",
               header + four((1 << 30) / 4096 + 1) + victim + four(victim.size()) + four(sum) + magic);
  for (const char* name : {"s.db", "link.db"})
    EXPECT_EQ(refusal(folder / name), "it names a file that is to be deleted");
  EXPECT_EQ(bytesOf(victim), "of value");
  fs::remove(folder / "s.db-journal");
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
}

TEST(StoreHostile, WhatLiesBesideAStoreIsNoLink) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  for (const char* ending : {"-journal", "-wal", "-shm"}) {
    const fs::path beside = (folder / "s.db").string() + ending;
    fs::remove(beside);
    fs::create_symlink("nowhere", beside);
    EXPECT_EQ(refusal(folder / "s.db"), "a link, folder, device or pipe") << ending;
    fs::remove(beside);
    ASSERT_EQ(::mkfifo(beside.c_str(), 0600), 0);
    EXPECT_EQ(refusal(folder / "s.db"), "a link, folder, device or pipe") << ending;
    fs::remove(beside);
  }
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
}

// By each of its names a store has a log of its own, which is not found by the other.
TEST(StoreHostile, AStoreOfTwoNamesIsOnlyRead) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  fs::create_hard_link(folder / "s.db", folder / "t.db");
  for (const char* name : {"s.db", "t.db"}) {
    EXPECT_EQ(Store::open(folder / name, Access::Read).results().size(), 1U);
    const Error error = expectError(ErrorCode::StoreUnusable, [&] { Store::open(folder / name, Access::Write); });
    EXPECT_EQ(error.got(), "a file with 2 names (hard links)");
  }
  fs::remove(folder / "t.db");
  writable(folder / "s.db").write(batch("b"));
}

// Whoever adds tables and views to ask them questions of their own is left alone.
TEST(StoreHostile, TablesAndViewsOfOthersAreNotLookedAt) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  query(folder / "s.db", "create table notes (a unique); create view best as select max(value) from scores; analyze");
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
  writable(folder / "s.db").write(batch("b"));
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 2U);
}

TEST(StoreHostile, NoStatisticsMakeALookUpAWalk) {
  for (const char* large : {"none", "models", "runs", "methods", "protocols", "pictures", "kept_pictures", "maps",
                            "kept_maps", "results", "scores", "axes", "curves", "claims"}) {
    const Folder folder;
    {
      Store store = writable(folder / "s.db");
      store.put(model("other"));
      for (const ResultBatch& one : threePictures()) store.write(one);
      store.beginRun(run("another"));
      store.write(batch("e"));
    }
    query(folder / "s.db", falseStatistics(large));
    Store store = writable(folder / "s.db");
    stepsThroughTables(store);  // whoever opens a store reads all of it
    lookUpRows(store);
    EXPECT_EQ(stepsThroughTables(store), 0) << large;
  }
}

// Of names that are no UTF-8 several would be one.
TEST(StoreHostile, TextIsUtf8) {
  const Folder folder;
  query(folder / "empty.db", "pragma encoding = 'UTF-16le'; create table t (a); drop table t");
  query(
      folder / "s.db",
      "pragma encoding = 'UTF-16be'; create table t (a); pragma application_id = 0x72656c70; pragma user_version = 1");
  EXPECT_EQ(refusal(folder / "s.db"), "a database whose text is UTF-16be");
  const Error error = expectError(ErrorCode::StoreUnusable, [&] { Store::open(folder / "empty.db", Access::Write); });
  EXPECT_EQ(error.got(), "a database whose text is UTF-16le");
  EXPECT_EQ(error.expected(), "a results file that relprop wrote");
}

TEST(StoreHostile, AnIndexThatDisagreesIsDamage) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  std::string bytes = bytesOf(folder / "s.db");
  const auto root = static_cast<std::size_t>(std::stoul(
      query(folder / "s.db", "select rootpage from sqlite_schema where name = 'sqlite_autoindex_models_1'")));
  const std::size_t key = bytes.find("net", (root - 1) * 4096);
  ASSERT_LT(key, root * 4096);
  bytes[key] = 'N';
  replaceBytes(folder / "s.db", bytes);
  EXPECT_EQ(refusal(folder / "s.db").substr(0, 9), "damaged: ");
}

TEST(StoreHostile, RowsOfAModelThatIsMissing) {
  EXPECT_EQ(refusalAfter("pragma foreign_keys = off; update pictures set model = 5"),
            "damaged: a row of pictures refers to a row of models that is missing");
}

TEST(StoreHostile, NoStoreIsCalledAsTheJournalOfAnother) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  for (const char* name : {"s.db-wal", "s.db-shm", "s.db-journal"})
    EXPECT_EQ(refusal(folder / name), "a name that SQLite has for the journal of the store beside it");
  writable(folder / "alone-wal").write(batch("a"));
  EXPECT_EQ(Store::open(folder / "alone-wal", Access::Read).results().size(), 1U);
}

TEST(StoreHostile, AResultMayHaveCurvesAndNoScore) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a", {"rap"}, {"probe@1", "probe@1:k=2"}));
  query(folder / "s.db", "delete from scores where result in (select max(id) from results)");
  readAll(folder / "s.db", folder / "report");
  const std::string page = bytesOf(folder / "report" / "index.html");
  EXPECT_NE(page.find("probe@1:k=2"), std::string::npos) << "whose curve is drawn";
}

TEST(StoreHostile, ThreeHundredMutationsAreReadOrRefused) {
  const Folder folder;
  {
    Store store = writable(folder / "good.db");
    for (int i = 0; i < 4; ++i) store.write(batch(std::to_string(i), {"rap", "gradient"}, {"probe@1", "other@1:k=2"}));
  }
  const std::string good = bytesOf(folder / "good.db");
  std::mt19937 random(16);
  int refusals = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    // One byte, a few, or a run of them; every third within the first bytes of a page, where its structure is.
    const std::size_t length = i % 3 == 0 ? 1 : 1 + random() % 64;
    std::size_t from = random() % bad.size();
    if (i % 3 == 1) from = from / 4096 * 4096 + random() % 64;
    for (std::size_t k = from; k < std::min(from + length, bad.size()); ++k) bad[k] = static_cast<char>(random());
    if (i % 10 == 9) bad.resize(random() % bad.size());
    replaceBytes(folder / "s.db", bad);
    try {
      readAll(folder / "s.db", folder / "report");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::StoreUnusable) << i << ": " << error.what();
      ++refusals;
    }
    for (const char* end : {"s.db-wal", "s.db-shm"}) fs::remove(folder / end);
  }
  EXPECT_GT(refusals, 60);
  EXPECT_LT(refusals, 300) << "bytes of a name may be any";
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(2));
}

}  // namespace relprop::store_test
