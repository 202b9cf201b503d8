// A store from elsewhere: opened, tabled, reported, exported and merged. The input is the file, or SQL that is run on a
// good one first, by which rows of any content come about with pages that are whole.
#include "relprop/store.h"

#include <sqlite3.h>

#include "fuzz/harness.h"
#include "fuzz/small_store.h"
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

const Harness storeHarness("store", [](Bytes bytes) {
  const std::filesystem::path folder = emptyFolder(), path = writtenStore(folder, bytes);
  expectResultOrError([&] { Store::fromBytes(copyOf(bytes)); });
  expectResultOrError([&] {
    const Store store = Store::open(path, Store::Access::Read);
    expectResultOrError([&] { tablesJson(store); });
    expectResultOrError([&] { markdownReport(store); });
    expectResultOrError([&] { exportStore(store, "csv", [](const std::string&) {}); });
    expectResultOrError([&] { exportStore(store, "json", [](const std::string&) {}); });
    expectResultOrError([&] { writeReport(store, folder / "report"); });
    expectResultOrError([&] { Store::inMemory().merge(store); });
  });
  expectResultOrError([&] { Store::open(path, Store::Access::Write).merge(Store::inMemory()); });
});

}  // namespace
}  // namespace relprop::fuzz
