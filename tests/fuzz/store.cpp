// A store from elsewhere: opened, tabled, reported, exported and merged. The input is the file, or SQL that is run on a
// good one first, by which rows of any content come about with pages that are whole.
#include "relprop/store.h"

#include <sqlite3.h>

#include <array>
#include <numeric>

#include "fuzz/harness.h"
#include "fuzz/small_store.h"
#include "relprop/image.h"
#include "relprop/report.h"

namespace relprop::fuzz {
namespace {

constexpr std::string_view kMagic = "SQLite format 3";
constexpr int kSteps = 20'000;  // of SQLite's machine, for all of the input's SQL

int deny(void*, int action, const char*, const char*, const char*, const char*) {
  return action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

// What the SQL says is wrong with it does not matter.
void runSql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) == SQLITE_OK) {
    sqlite3_set_authorizer(database, deny, nullptr);
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 1 << 20);
    sqlite3_progress_handler(
        database, kSteps, [](void*) { return 1; }, nullptr);
    sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  }
  sqlite3_close(database);
}

std::filesystem::path writtenStore(const std::filesystem::path& folder, Bytes bytes) {
  const std::string text = textOf(bytes);
  if (text.starts_with(kMagic)) return written(folder, "a.db", bytes);
  const std::filesystem::path path = written(folder, "a.db", smallStoreBytes());
  runSql(path, text);
  return path;
}

// What is done with a store. All of it takes ten times as long as opening it, a report most of that, so the sum of the
// bytes chooses.
constexpr std::size_t kBetweenReports = 64;
using Path = std::filesystem::path;
Store readable(const Path& path) {
  return Store::open(path, Store::Access::Read);
}
const std::array<void (*)(const Path&), 7> kUses = {
    [](const Path& path) { Store::fromBytes(readFile(path)); },
    [](const Path& path) { tablesJson(readable(path)); },
    [](const Path& path) { markdownReport(readable(path)); },
    [](const Path& path) { exportStore(readable(path), "csv", [](const std::string&) {}); },
    [](const Path& path) { exportStore(readable(path), "json", [](const std::string&) {}); },
    [](const Path& path) { Store::inMemory().merge(readable(path)); },
    [](const Path& path) {
      static const Store empty = Store::inMemory();
      Store::open(path, Store::Access::Write).merge(empty);
    }};

const Harness storeHarness("store", [](Bytes bytes) {
  const Path folder = emptyFolder(), path = writtenStore(folder, bytes);
  const std::size_t sum = std::accumulate(bytes.begin(), bytes.end(), std::size_t{0});
  expectResultOrError([&] {
    if (sum % kBetweenReports == 0) return writeReport(readable(path), folder / "report");
    kUses[sum % kUses.size()](path);
  });
});

}  // namespace
}  // namespace relprop::fuzz
