// Files that are no stores, damaged ones, and disks that are full or cannot be written.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

namespace fs = std::filesystem;
using Access = Store::Access;

void writeText(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string textOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Error refused(const fs::path& path, Access access) {
  return expectError(ErrorCode::StoreUnusable, [&] { Store::open(path, access); });
}

// A small file system, while it could be mounted.
class Disk {
 public:
  Disk(fs::path path, const char* size) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, size) == 0;
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    if (mounted_) ::umount(path_.c_str());
  }
  bool mounted() const { return mounted_; }
  bool makeReadOnly() { return ::mount("", path_.c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0; }

 private:
  fs::path path_;
  bool mounted_;
};

ResultBatch large(int i) {
  ResultBatch one = batch("large " + std::to_string(i));
  one.pictures[0].view.assign(40000, static_cast<std::uint8_t>(i));
  return one;
}

}  // namespace

TEST(StoreErrors, PathsThatLeadNowhere) {
  const Folder folder;
  expectError(ErrorCode::FileNotFound, [&] { Store::open(folder / "no.db", Access::Read); });
  expectError(ErrorCode::FileNotFound, [&] { Store::open("", Access::Read); });
  expectError(ErrorCode::FileNotFound, [&] { Store::open("", Access::Write); });
  const Error error = expectError(ErrorCode::FileNotFound, [&] { Store::open(folder / "no" / "s.db", Access::Write); });
  EXPECT_NE(error.hint().find((folder / "no").string()), std::string::npos);
  for (const Access access : {Access::Read, Access::Write}) {
    expectError(ErrorCode::FileUnreadable, [&] { Store::open(folder.path(), access); });
    refused("/dev/null", access);
  }
  EXPECT_TRUE(fs::is_empty(folder.path())) << "a file was left";
}

// The store would be there before its journal, whose name is longer.
TEST(StoreErrors, NamesThatAreTooLongLeaveNoFile) {
  const Folder folder;
  for (const std::size_t length : {248U, 251U, 252U, 255U, 256U}) {
    const Error error = refused(folder / std::string(length, 'n'), Access::Write);
    EXPECT_EQ(error.got(), "a name of " + std::to_string(length) + " bytes");
    EXPECT_EQ(error.expected(), "247 at most, as others with longer names lie beside it");
    EXPECT_EQ(error.hint(), "give a shorter name");
  }
  EXPECT_EQ(folder.entries(), 0);
  writable(folder / std::string(247, 'n')).write(batch("a"));
  EXPECT_EQ(Store::open(folder / std::string(247, 'n'), Access::Read).results().size(), 1U);
}

TEST(StoreErrors, OddNamesAreNames) {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  for (const std::string name : {":memory:", "file:s.db?mode=memory", "50% off #1?.db", "ü.db"}) {
    writable(name).write(batch("a"));
    EXPECT_TRUE(fs::is_regular_file(folder / name)) << name;
    EXPECT_EQ(Store::open(name, Access::Read).results().size(), 1U) << name;
  }
  fs::current_path(before);
}

TEST(StoreErrors, OtherFilesAreRefusedAndLeftAlone) {
  const Folder folder;
  for (const std::string& text : {std::string("x"), std::string("score,value\n1,2\n"), std::string(5000, 'y')}) {
    writeText(folder / "s.csv", text);
    for (const Access access : {Access::Read, Access::Write})
      EXPECT_EQ(refused(folder / "s.csv", access).got(), "not a results file");
    EXPECT_TRUE(textOf(folder / "s.csv") == text);
  }
  query(folder / "other.db", "create table t (a); insert into t values (5)");
  const std::string content = textOf(folder / "other.db");
  for (const Access access : {Access::Read, Access::Write})
    EXPECT_EQ(refused(folder / "other.db", access).got(), "a database of another program");
  EXPECT_TRUE(textOf(folder / "other.db") == content);
}

TEST(StoreErrors, AnEmptyFileBecomesAStoreButIsNone) {
  const Folder folder;
  writeText(folder / "s.db", "");
  EXPECT_EQ(refused(folder / "s.db", Access::Read).got(), "an empty file");
  writable(folder / "s.db").write(batch("a"));
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
}

TEST(StoreErrors, NewerVersionIsNamed) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  query(folder / "s.db", "pragma user_version = 2");
  for (const Access access : {Access::Read, Access::Write}) {
    const Error error = refused(folder / "s.db", access);
    EXPECT_EQ(error.got(), "a results file of version 2");
    EXPECT_EQ(error.expected(), "version 1");
  }
  query(folder / "s.db", "pragma user_version = 1");
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
}

TEST(StoreErrors, CutShort) {
  const Folder folder;
  {
    Store store = writable(folder / "s.db");
    for (int i = 0; i < 100; ++i) store.write(batch(std::to_string(i)));
  }
  const auto size = fs::file_size(folder / "s.db");
  for (const auto part : {size - 4096, size / 2, std::uintmax_t{5000}, std::uintmax_t{50}}) {
    fs::resize_file(folder / "s.db", part);
    for (const Access access : {Access::Read, Access::Write})
      EXPECT_EQ(refused(folder / "s.db", access).where(), (folder / "s.db").string());
  }
}

TEST(StoreErrors, MissingTableIsDamage) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  query(folder / "s.db", "drop table scores");
  for (const Access access : {Access::Read, Access::Write}) {
    const Error error = refused(folder / "s.db", access);
    EXPECT_EQ(error.got(), "damaged: no table or view 'scores'");
    EXPECT_NE(error.hint().find(".dump"), std::string::npos);
  }
}

TEST(StoreErrors, RowsNobodyWroteAreDamage) {
  const Folder folder;
  ResultBatch kept = batch("a");
  kept.maps[0].map = Tensor({1, 2}, {1, 2});
  const auto after = [&](const std::string& sql, const std::function<void(const Store&)>& use) {
    fs::remove(folder / "s.db");
    writable(folder / "s.db").write(kept);
    query(folder / "s.db", sql);
    const Store store = Store::open(folder / "s.db", Access::Read);
    EXPECT_EQ(expectError(ErrorCode::StoreUnusable, [&] { use(store); }).got().substr(0, 8), "damaged:") << sql;
  };
  after("update curves set y = x'0102'", [](const Store& store) { store.results(); });
  after("update curves set y = x''", [](const Store& store) { store.results(); });
  after("update axes set x = x'0102'", [](const Store& store) { store.results(); });
  after("update maps set explain_seconds = -1", [](const Store& store) { store.maps(); });
  after("update maps set explain_seconds = 9e999", [](const Store& store) { store.maps(); });
  after("update results set measure_seconds = -9e999", [](const Store& store) { store.results(); });
  after("update kept_maps set relevance = x'0000803f0000c07f'", [](const Store& store) { store.maps(true); });
  after("update kept_maps set width = 3", [](const Store& store) { store.maps(true); });
  after("update kept_maps set height = -1, width = -2", [](const Store& store) { store.maps(true); });
  after("update runs set libraries = 'x'", [](const Store& store) { store.runs(); });
  after("update runs set seed = '-1'", [](const Store& store) { store.runs(); });
}

// None of them is cut to what an int or a picture holds.
TEST(StoreErrors, NumbersThatNoProgramWroteAreNamed) {
  const Folder folder;
  ResultBatch kept = batch("a\x1b");
  kept.maps[0].map = Tensor({1, 2}, {1, 2});
  const auto after = [&](const std::string& sql, const std::function<void(const Store&)>& use) {
    fs::remove(folder / "s.db");
    writable(folder / "s.db").write(kept);
    query(folder / "s.db", sql);
    const Store store = Store::open(folder / "s.db", Access::Read);
    const Error error = expectError(ErrorCode::StoreUnusable, [&] { use(store); });
    EXPECT_EQ(error.where(), (folder / "s.db").string());
    expectError(ErrorCode::StoreUnusable, [&] { Store::inMemory().merge(store); });
    return error.got();
  };
  const auto pictures = [](const Store& store) { store.pictures(); };
  const auto maps = [](const Store& store) { store.maps(true); };
  const auto json = [](const Store& store) { exportStore(store, "json", [](const std::string&) {}); };
  EXPECT_EQ(after("update pictures set true_class = 4294967303", pictures), "damaged: class 4294967303 of a\\x1b");
  EXPECT_EQ(after("update pictures set predicted_class = -2", pictures), "damaged: class -2 of a\\x1b");
  EXPECT_EQ(after("update pictures set target_class = 2147483648", pictures), "damaged: class 2147483648 of a\\x1b");
  EXPECT_EQ(after("update runs set threads = 4294967297", json), "damaged: 4294967297 threads of a run");
  EXPECT_EQ(after("update runs set threads = -1", json), "damaged: -1 threads of a run");
  EXPECT_EQ(after("update kept_maps set width = 60000, relevance = zeroblob(240000)", maps),
            "damaged: a heatmap of a\\x1b, rap, of 1×60000, beyond 1 to 16384 on a side");
  EXPECT_EQ(after("update kept_maps set height = 0, relevance = x''", maps),
            "damaged: a heatmap of a\\x1b, rap, of 0×2, beyond 1 to 16384 on a side");
  EXPECT_EQ(after("update kept_maps set width = 3", maps), "damaged: a heatmap of a\\x1b, rap, of 1×3 with 2 values");
  EXPECT_EQ(after("update scores set name = 'same'", json), "damaged: two scores of one name of a\\x1b, rap, probe@1");
}

TEST(StoreErrors, WhatWouldBeDamageIsNotWritten) {
  Store store = ready(Store::inMemory());
  const auto refusal = [&](const std::function<void(ResultBatch&)>& change) {
    ResultBatch one = batch("a");
    change(one);
    return expectError(ErrorCode::InvalidArgument, [&] { store.write(one); }).got();
  };
  EXPECT_EQ(refusal([](ResultBatch& one) { one.pictures[0].predictedClass = -2; }), "class -2");
  EXPECT_EQ(refusal([](ResultBatch& one) { one.results[0].skipped = "no object"; }),
            "a skipped result of \"a\" with scores");
  EXPECT_EQ(refusal([](ResultBatch& one) { one.results[0].scores[1].name = "second"; }),
            "two scores of \"a\" of one name");
  EXPECT_EQ(refusal([](ResultBatch& one) { one.maps[0].map = Tensor({1, 16385}); }), "a heatmap 1×16385");
  EXPECT_TRUE(store.pictures().empty());
}

// What a join would pass over: the averages would be of fewer pictures, without a word.
TEST(StoreErrors, RowsThatReferToNoneAreDamage) {
  const Folder folder;
  ResultBatch kept = batch("a");
  kept.maps[0].map = Tensor({1, 2}, {1, 2});
  kept.pictures[0].view = {1, 2};
  const std::pair<const char*, const char*> deletions[] = {
      {"models", "pictures"}, {"methods", "maps"},           {"protocols", "results"}, {"runs", "maps"},
      {"axes", "curves"},     {"pictures", "kept_pictures"}, {"maps", "kept_maps"},    {"results", "curves"}};
  for (const auto& [table, left] : deletions) {
    fs::remove(folder / "s.db");
    writable(folder / "s.db").write(kept);
    query(folder / "s.db", std::string("pragma foreign_keys = off; delete from ") + table);
    const std::string got = refused(folder / "s.db", Access::Read).got();
    EXPECT_EQ(got, std::string("damaged: a row of ") + left + " refers to a row of " + table + " that is missing");
    EXPECT_EQ(refused(folder / "s.db", Access::Write).got(), got);
    const std::string text = textOf(folder / "s.db");
    std::vector<std::uint8_t> bytes(text.begin(), text.end());
    bytes.at(18) = bytes.at(19) = 1;  // as Store::bytes has it, which has no log beside it
    EXPECT_EQ(expectError(ErrorCode::StoreUnusable, [&] { Store::fromBytes(bytes); }).got(), got);
  }
  query(folder / "s.db", "delete from scores; delete from curves");
  EXPECT_TRUE(Store::open(folder / "s.db", Access::Read).results().empty()) << "what the hint says helps";
}

// It is too large to be looked at when it is opened.
TEST(StoreErrors, RowsThatReferToNoneAreNoticedInALargeStoreWhereTheyAreRead) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  query(folder / "s.db", "create table others (a); insert into others values (zeroblob(70000000))");
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
  const auto damaged = [&](const std::function<void(const Store&)>& use) {
    const Store store = Store::open(folder / "s.db", Access::Read);
    EXPECT_EQ(expectError(ErrorCode::StoreUnusable, [&] { use(store); }).got().substr(0, 8), "damaged:");
  };
  query(folder / "s.db", "pragma foreign_keys = off; delete from axes");
  damaged([](const Store& store) { store.results(); });
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results(false).size(), 1U) << "of curves nothing was asked";
  query(folder / "s.db", "pragma foreign_keys = off; delete from methods");
  damaged([](const Store& store) { store.results(false); });
  damaged([](const Store& store) { store.maps(); });
  damaged([](const Store& store) { store.seeds(); });
  damaged([](const Store& store) { Store::inMemory().merge(store); });
  query(folder / "s.db", "pragma foreign_keys = off; delete from models");
  damaged([](const Store& store) { store.pictures(); });
}

// A page in the middle is overwritten: reading says so, or does not meet it, and writing loses nothing else.
TEST(StoreErrors, DamageInTheMiddle) {
  const Folder folder;
  {
    Store store = writable(folder / "s.db");
    for (int i = 0; i < 300; ++i) store.write(batch(std::to_string(i), {"rap", "lrp"}));
  }
  const std::string good = textOf(folder / "s.db");
  std::mt19937 random(1);
  int refusals = 0;
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    const std::size_t from = random() % bad.size();
    for (std::size_t k = from; k < std::min(from + 3000, bad.size()); ++k) bad[k] = static_cast<char>(random());
    writeText(folder / "s.db", bad);
    try {
      Store store = writable(folder / "s.db");
      show(store);
      store.write(batch("new"));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::StoreUnusable) << error.what();
      ++refusals;
    }
  }
  EXPECT_GT(refusals, 20);
}

TEST(StoreErrors, OpenedToReadWritesNothing) {
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  Store store = ready(Store::inMemory());
  store = Store::open(folder / "s.db", Access::Read);
  store.beginRun(run());
  EXPECT_EQ(expectError(ErrorCode::StoreUnusable, [&] { store.write(batch("b")); }).got(), "read-only");
  expectError(ErrorCode::StoreUnusable, [&] { store.put(model("b")); });
  expectError(ErrorCode::StoreUnusable, [&] { store.claim("net", "d", "p", "true"); });
  EXPECT_EQ(store.results().size(), 1U);
}

// By name: what is written would be nowhere, or in a log beside a store that it is not of.
TEST(StoreErrors, AStoreThatIsNoLongerInItsPlaceIsNotWritten) {
  const auto after = [](const std::function<void(const fs::path& folder)>& change) {
    const Folder folder;
    const fs::path at = folder / "in";
    fs::create_directory(at);
    writable(folder / "other.db").write(batch("other"));
    {
      Store store = writable(at / "s.db");
      store.write(batch("a"));
      change(folder.path());
      for (int i = 0; i < 2; ++i) {
        const Error error = expectError(ErrorCode::StoreUnusable, [&] { store.write(batch("b")); });
        EXPECT_EQ(error.where(), (at / "s.db").string());
        EXPECT_EQ(error.got(), "it was removed, moved or replaced while it was written");
        EXPECT_NE(error.hint().find((at / "s.db-wal").string()), std::string::npos);
      }
      expectError(ErrorCode::StoreUnusable, [&] { store.merge(Store::open(folder / "other.db", Access::Read)); });
      expectError(ErrorCode::StoreUnusable, [&] { store.claim("net", "d", "p", "true"); });
      EXPECT_EQ(store.results().size(), 1U) << "nothing of it is there";
      fs::create_directory(at);
      fs::rename(folder / "kept.db", at / "s.db");
      store.write(batch("b"));
    }
    EXPECT_EQ(Store::open(at / "s.db", Access::Read).results().size(), 2U) << "put back it goes on";
  };
  const auto keep = [](const fs::path& folder) { fs::rename(folder / "in/s.db", folder / "kept.db"); };
  after(keep);
  after([&](const fs::path& folder) {
    fs::create_hard_link(folder / "in/s.db", folder / "kept.db");
    fs::remove(folder / "in/s.db");
  });
  after([&](const fs::path& folder) {
    keep(folder);
    fs::copy_file(folder / "other.db", folder / "in/s.db");
  });
}

TEST(StoreErrors, AStoreWhoseFolderWasMovedIsNotWritten) {
  const Folder folder;
  fs::create_directory(folder / "in");
  Store store = writable(folder / "in/s.db");
  store.write(batch("a"));
  fs::rename(folder / "in", folder / "out");
  expectError(ErrorCode::StoreUnusable, [&] { store.write(batch("b")); });
  EXPECT_EQ(Store::open(folder / "out/s.db", Access::Read).results().size(), 1U);
}

TEST(StoreErrors, ReadOnlyDisk) {
  const Folder folder;
  Disk disk(folder / "disk", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  const fs::path path = folder / "disk" / "s?#%.db";
  writable(path).write(batch("a"));
  ASSERT_TRUE(disk.makeReadOnly());
  EXPECT_EQ(Store::open(path, Access::Read).results().size(), 1U);
  refused(path, Access::Write);
  refused(folder / "disk" / "new.db", Access::Write);
}

// What a killed process left in the log cannot be read without writing; it must not be passed over in silence.
TEST(StoreErrors, ReadOnlyDiskWithALogLeftOver) {
  const Folder folder;
  Disk disk(folder / "disk", "size=4m");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  {
    Store store = writable(folder / "s.db");
    store.write(batch("a"));
    for (const std::string end : {"", "-wal"}) fs::copy_file(folder / ("s.db" + end), folder / "disk" / ("s.db" + end));
  }
  ASSERT_TRUE(disk.makeReadOnly());
  const Error error =
      expectError(ErrorCode::FileUnreadable, [&] { Store::open(folder / "disk" / "s.db", Access::Read); });
  EXPECT_NE(error.got().find("s.db-wal"), std::string::npos);
}

TEST(StoreErrors, ForbiddenFileAndFolder) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read and write everything";
  const Folder folder;
  writable(folder / "s.db").write(batch("a"));
  fs::permissions(folder / "s.db", fs::perms::owner_read);
  EXPECT_EQ(refused(folder / "s.db", Access::Write).got(), "read-only");
  fs::permissions(folder / "s.db", fs::perms::none);
  expectError(ErrorCode::FileUnreadable, [&] { Store::open(folder / "s.db", Access::Read); });
  fs::permissions(folder / "s.db", fs::perms::owner_all);
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 1U);
  refused(folder / "s.db", Access::Write);
  refused(folder / "new.db", Access::Write);
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST(StoreErrors, FullDiskKeepsWhatWasWritten) {
  const Folder folder;
  const Disk disk(folder / "disk", "size=2m");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  const fs::path path = folder / "disk" / "s.db";
  std::vector<std::string> written;
  {
    Store store = writable(path);
    Error error(ErrorCode::Internal, "", "");
    for (int i = 0; error.code() == ErrorCode::Internal && i < 1000; ++i) try {
        store.write(large(i));
        written.push_back(large(i).pictures[0].picture);
      } catch (const Error& e) {
        error = e;
      }
    EXPECT_EQ(error.code(), ErrorCode::FileWriteFailed) << error.what();
    EXPECT_NE(error.hint().find("room"), std::string::npos);
    EXPECT_GT(written.size(), 10U);
    EXPECT_EQ(store.pictures().size(), written.size()) << "still readable";
    expectError(ErrorCode::FileWriteFailed, [&] { store.write(large(1000)); });
  }
  const Store store = Store::open(path, Access::Read);
  EXPECT_EQ(store.results().size(), written.size());
  for (const PictureFacts& picture : store.pictures(true)) EXPECT_EQ(picture.view.size(), 40000U);
}

TEST(StoreErrors, DiskTooSmallForAStore) {
  const Folder folder;
  const Disk disk(folder / "disk", "size=16k");
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  expectError(ErrorCode::FileWriteFailed, [&] { Store::open(folder / "disk" / "s.db", Access::Write); });
}

// The same without a file system of its own: SQLite refuses to grow the file.
TEST(StoreErrors, DatabaseThatMayNotGrow) {
  const eval::Database database(":memory:", SQLITE_OPEN_READWRITE, "small");
  database.run("pragma page_size = 4096; create table t (a); pragma max_page_count = 8");
  eval::Statement insert(database, "insert into t values (?)");
  {
    eval::Writing writing(database);
    insert.run(eval::Blob(4096));
    const Error error = expectError(ErrorCode::FileWriteFailed, [&] { insert.run(eval::Blob(100000)); });
    EXPECT_EQ(error.where(), "small");
  }
  EXPECT_EQ(eval::firstInteger(database, "select count(*) from t"), 0) << "the transaction was not undone";
}

TEST(StoreErrors, WaitsForAnotherWriter) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  const eval::Database other((folder / "s.db").string(), SQLITE_OPEN_READWRITE, "other");
  auto writing = std::make_unique<eval::Writing>(other);
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    writing.reset();
  });
  store.write(batch("a"));
  release.join();
  EXPECT_EQ(store.results().size(), 1U);
}

TEST(StoreErrors, GivesUpOnAWriterThatNeverEnds) {
  const Folder folder;
  const Store store = writable(folder / "s.db");
  const eval::Database first((folder / "s.db").string(), SQLITE_OPEN_READWRITE, "first");
  eval::Database second((folder / "s.db").string(), SQLITE_OPEN_READWRITE, "second");
  const eval::Writing writing(first);
  second.waitAtMost(50);
  const Error error = expectError(ErrorCode::StoreUnusable, [&] { const eval::Writing refusedOne(second); });
  EXPECT_EQ(error.got(), "another process has been writing for 0.05 s");
  EXPECT_TRUE(store.results().empty()) << "readers do not wait for writers";
}

}  // namespace relprop::store_test
