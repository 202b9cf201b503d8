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
std::string changesOf(Bytes bytes, const std::vector<Column>& columns) {
  std::string sql;
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    const Column& column = columns[bytes[0] % columns.size()];
    const std::vector<std::string>& values = valuesOf(column.type);
    const std::string row = fmt::format("where {} is (select {} from {} limit 1 offset {})", column.name, column.name,
                                        column.table, bytes[3] % 4);
    const std::string value = fmt::vformat(values[bytes[1] % values.size()], fmt::make_format_args(column.name));
    if (bytes[2] >= 250)
      sql += fmt::format("delete from {} {};\n", column.table, row);
    else
      sql += fmt::format("update or ignore {} set {} = {} {};\n", column.table, column.name, value,
                         bytes[2] < 192 ? row : "");
  }
  return sql;
}

// Nothing where it was done and made no difference: the good store has been seen.
std::optional<std::filesystem::path> writtenStore(const std::filesystem::path& folder, Bytes bytes) {
  const std::string text = textOf(bytes);
  if (text.starts_with(kMagic)) return written(folder, "a.db", bytes);
  const std::filesystem::path path = written(folder, "a.db", smallStoreBytes());
  static const std::vector<Column> columns = columnsOf(path);
  runSql(path, !bytes.empty() && bytes[0] == kCells ? changesOf(bytes.subspan(1), columns) : text);
  if (readFile(path) == smallStoreBytes()) return std::nullopt;
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
