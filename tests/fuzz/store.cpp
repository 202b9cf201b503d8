// A store from elsewhere: opened, tabled, reported, exported and merged. The input is the file, or what is done to a
// good one first, by which rows of any content come about with pages that are whole: SQL, or changes of single cells.
#include "relprop/store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <map>
#include <numeric>
#include <optional>

#include "fuzz/harness.h"
#include "fuzz/small_store.h"
#include "relprop/image.h"
#include "relprop/report.h"
#include "support/temporary_folder.h"

namespace relprop::fuzz {
namespace {

constexpr std::string_view kMagic = "SQLite format 3";
constexpr std::uint8_t kCells = 1;  // the first byte where changes of cells follow
constexpr int kSteps = 20'000;      // of SQLite's machine, for all of the input's SQL

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

struct Column {
  std::string table, name, type;
};

// But for rows' numbers, most changes of which are refused at once.
std::vector<Column> columnsOf(const std::filesystem::path& path) {
  std::vector<Column> columns;
  sqlite3* database = nullptr;
  const auto add = [](void* all, int, char** values, char**) {
    static_cast<std::vector<Column>*>(all)->push_back({values[0], values[1], values[2]});
    return 0;
  };
  if (sqlite3_open(path.c_str(), &database) == SQLITE_OK)
    sqlite3_exec(
        database,
        "select m.name, c.name, c.type from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table' "
        "and not (c.type = 'INTEGER' and c.name in ('id', 'model', 'run', 'picture', 'method', 'protocol', 'result', "
        "'axis'))",
        add, &columns, nullptr);
  sqlite3_close(database);
  return columns;
}

// What a column of its type may hold; {0} is the column.
const std::vector<std::string>& valuesOf(const std::string& type) {
  static const std::map<std::string, std::vector<std::string>> values = {
      {"INTEGER",
       {"-1", "0", "1", "2", "3", "7", "999", "2147483648", "-2147483649", "9223372036854775807",
        "-9223372036854775807 - 1", "{0} + 1", "{0} * 1000"}},
      {"REAL", {"null", "0", "-1", "9e999", "-9e999", "1e-300", "0.5", "{0} * 1e300", "-{0}"}},
      {"TEXT",
       {"''", "'a'", "char(10, 27, 60)", "'{{}}'", "'[]'", "'rap'", "'gradient'", "'probe@1'", "'-1'", "'99999999999'",
        "cast(x'ff00fe' as text)", "upper({0})", "substr({0}, 1, length({0}) / 2)", "{0} || {0}",
        "replace({0}, ':', '=')", "replace({0}, '1', '9e9')", "hex(zeroblob(9999))", "{0} || ' '"}},
      {"BLOB",
       {"null", "x''", "x'ff'", "zeroblob(1)", "zeroblob(4)", "zeroblob(8)", "zeroblob(48)", "zeroblob(99999)",
        "substr({0}, 2)", "substr({0}, 1, length({0}) / 2)", "cast({0} || {0} as blob)", "x'89504e470d0a1a0a'",
        "x'0000c07f0000c07f0000807f'"}}};
  return values.at(type);
}

// Four bytes a change: a column, what it gets, and the row whose value there is exchanged or that goes, wherever it is.
std::vector<std::string> changesOf(Bytes bytes, const std::vector<Column>& columns) {
  std::vector<std::string> changes;
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    const Column& column = columns[bytes[0] % columns.size()];
    const std::vector<std::string>& values = valuesOf(column.type);
    const std::string row = fmt::format("where {} is (select {} from {} limit 1 offset {})", column.name, column.name,
                                        column.table, bytes[3] % 4);
    const std::string value = fmt::vformat(values[bytes[1] % values.size()], fmt::make_format_args(column.name));
    if (bytes[2] >= 250)
      changes.push_back(fmt::format("delete from {} {}", column.table, row));
    else
      changes.push_back(fmt::format("update or ignore {} set {} = {} {}", column.table, column.name, value,
                                    bytes[2] < 192 ? row : ""));
  }
  return changes;
}

// A good store that is changed by one input and put back for the next. To open one and to compile its schema and the
// changes takes longer than to read what came of it, so that the connection and the statements stay.
class Workbench {
 public:
  Workbench() {
    std::vector<std::uint8_t> bytes = smallStoreBytes();
    journal_ = {bytes[18], bytes[19]};
    bytes[18] = bytes[19] = 1;  // not the WAL, from which another connection would have to fetch the changes
    good_ = bytes;
    written(folder_.path(), "good.db", good_);
    sqlite3_open(path_.c_str(), &database_);
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, 1 << 20);
    for (const char* setting : {"pragma journal_mode = memory", "pragma synchronous = off"})
      sqlite3_exec(database_, setting, nullptr, nullptr, nullptr);
  }
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;
  ~Workbench() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }
  // That a change is refused does not matter.
  std::vector<std::uint8_t> changed(const std::vector<std::string>& changes) {
    run("begin");
    for (const std::string& change : changes) run(change);
    run("commit");
    std::vector<std::uint8_t> bytes = readFile(path_);
    bytes[18] = journal_[0], bytes[19] = journal_[1];
    written(folder_.path(), "good.db", good_);  // whose count of changes says that pages in memory are old
    return bytes;
  }

 private:
  void run(const std::string& sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (!statement) sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr);
    sqlite3_step(statement);
    sqlite3_reset(statement);
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "good.db";
  std::array<std::uint8_t, 2> journal_{};
  std::vector<std::uint8_t> good_;
  sqlite3* database_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
};

// Nothing where it was done and made no difference: the good store has been seen.
std::optional<std::filesystem::path> writtenStore(const std::filesystem::path& folder, Bytes bytes) {
  const std::string text = textOf(bytes);
  if (text.starts_with(kMagic)) return written(folder, "a.db", bytes);
  if (!bytes.empty() && bytes[0] == kCells) {
    static Workbench workbench;
    static const std::vector<Column> columns = columnsOf(written(folder, "a.db", smallStoreBytes()));
    const std::vector<std::uint8_t> changed = workbench.changed(changesOf(bytes.subspan(1), columns));
    return changed == smallStoreBytes() ? std::nullopt : std::optional(written(folder, "a.db", changed));
  }
  const std::filesystem::path path = written(folder, "a.db", smallStoreBytes());
  runSql(path, text);
  return readFile(path) == smallStoreBytes() ? std::nullopt : std::optional(path);
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
  const Path folder = emptyFolder();
  const std::optional<Path> path = writtenStore(folder, bytes);
  if (!path) return;
  const std::size_t sum = std::accumulate(bytes.begin(), bytes.end(), std::size_t{0});
  expectResultOrError([&] {
    if (sum % kBetweenReports == 0) return writeReport(readable(*path), folder / "report");
    kUses[sum % kUses.size()](*path);
  });
});

}  // namespace
}  // namespace relprop::fuzz
