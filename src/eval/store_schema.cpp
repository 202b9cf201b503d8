#include "eval/store_schema.h"

#include <fmt/format.h>

#include <map>

#include "core/limits.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

// What many rows share (models, methods, protocols, runs, the x of curves) are rows of their own. What is large lies in
// tables that averages do not read.
constexpr const char* kSchema = R"sql(
create table models (
  id integer primary key,
  key text not null unique,
  path text not null,
  hash text not null,
  preprocess text not null,
  input_shape text not null
) strict;

create table runs (
  id integer primary key,
  version text not null,
  host text not null,
  command text not null,
  precision text not null,
  libraries text not null,
  seed text not null,
  threads integer not null,
  unique (version, host, command, precision, libraries, seed, threads)
) strict;

create table methods (id integer primary key, name text not null unique) strict;
create table protocols (id integer primary key, name text not null unique) strict;

create table pictures (
  id integer primary key,
  model integer not null references models,
  dataset text not null,
  picture text not null,
  target text not null,
  file text not null,
  true_class integer not null,
  predicted_class integer not null,
  target_class integer not null,
  true_label text not null,
  predicted_label text not null,
  target_label text not null,
  target_probability real,
  skipped text not null,
  run integer not null references runs,
  unique (model, dataset, picture, target)
) strict;

create table kept_pictures (
  picture integer primary key references pictures,
  view blob,
  truth blob
) strict;

create table maps (
  picture integer not null references pictures,
  method integer not null references methods,
  explain_seconds real,
  run integer not null references runs,
  primary key (picture, method)
) strict, without rowid;

create table kept_maps (
  picture integer not null,
  method integer not null,
  height integer not null,
  width integer not null,
  relevance blob not null,
  primary key (picture, method),
  foreign key (picture, method) references maps
) strict;

create table results (
  id integer primary key,
  picture integer not null references pictures,
  method integer not null references methods,
  protocol integer not null references protocols,
  skipped text not null,
  measure_seconds real,
  run integer not null references runs,
  unique (picture, method, protocol)
) strict;

create table scores (
  result integer not null references results,
  position integer not null,
  name text not null,
  value real,
  primary key (result, position)
) strict, without rowid;

create table axes (
  id integer primary key,
  abscissa text not null,
  x blob not null,
  unique (abscissa, x)
) strict;

create table curves (
  result integer not null references results,
  position integer not null,
  name text not null,
  axis integer not null references axes,
  y blob not null,
  primary key (result, position)
) strict;

create table claims (
  model text not null,
  dataset text not null,
  picture text not null,
  target text not null,
  machine text not null,
  pid integer not null,
  started text not null,
  primary key (model, dataset, picture, target)
) strict, without rowid;

create view results_flat as
  select r.id as result, m.key as model, m.path as model_path, p.dataset, p.picture, p.target, me.name as method,
         pr.name as protocol, r.skipped, r.measure_seconds, r.run
  from results r
  join pictures p on p.id = r.picture
  join models m on m.id = p.model
  join methods me on me.id = r.method
  join protocols pr on pr.id = r.protocol;

create view scores_flat as
  select f.model, f.model_path, f.dataset, f.picture, f.target, f.method, f.protocol, s.name as score, s.value, f.run
  from results_flat f
  join scores s on s.result = f.result;

create view curves_flat as
  select f.model, f.model_path, f.dataset, f.picture, f.target, f.method, f.protocol, c.name as curve, a.abscissa, a.x,
         c.y, f.run
  from results_flat f
  join curves c on c.result = f.result
  join axes a on a.id = c.axis;

create view costs_flat as
  select m.key as model, m.path as model_path, p.dataset, p.picture, p.target, me.name as method, a.explain_seconds,
         a.run
  from maps a
  join pictures p on p.id = a.picture
  join models m on m.id = p.model
  join methods me on me.id = a.method;
)sql";

[[noreturn]] void foreign(const Database& database, const std::string& got, const std::string& hint) {
  throw Error(ErrorCode::StoreUnusable, database.name(), got, "a results file that relprop wrote", hint);
}

// A line of sqlite_schema. Its text is run as a statement when the file is first read, whatever the type says.
struct Entry {
  std::string type, table, sql;
  bool operator==(const Entry&) const = default;
};

using Schema = std::map<std::string, Entry>;  // by name

Schema schemaOf(const Database& database) {
  Schema schema;
  Statement rows(database, "select type, name, tbl_name, sql from sqlite_schema");
  while (rows.step())
    if (!schema.emplace(rows.text(1), Entry{rows.text(0), rows.text(2), rows.text(3)}).second)
      failDamaged(database, fmt::format("'{}' is there twice", rows.text(1)));
  return schema;
}

const Schema& ownSchema() {
  static const Schema schema = [] {
    const Database database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "a new store");
    database.run(kSchema);
    return schemaOf(database);
  }();
  return schema;
}

// A table or a view, read by whoever asks for it, or an index that SQLite made for a table and that has no text. SQLite
// takes names of its own, sqlite_…, on trust when it reads a schema: it keeps tables and such indices under them only.
bool isPassive(const std::string& name, const Entry& entry) {
  const bool internal = name.starts_with("sqlite_");
  if (entry.type == "index") return internal && entry.sql.empty();
  if (entry.type == "view") return !internal && entry.table == name && entry.sql.starts_with("CREATE VIEW ");
  return entry.type == "table" && entry.table == name && entry.sql.starts_with("CREATE TABLE ");
}

// In UTF-16 names of files that are no UTF-8 could not be told apart: SQLite has one character for all such bytes.
void requireUtf8(const Database& database) {
  Statement encoding(database, "pragma encoding");
  encoding.step();
  if (encoding.text(0) != "UTF-8")
    foreign(database, fmt::format("a database whose text is {}", encoding.text(0)),
            "start another file; relprop writes UTF-8");
}

std::vector<std::string> ownTables() {
  std::vector<std::string> tables;
  for (const auto& [name, entry] : ownSchema())
    if (entry.type == "table") tables.push_back(name);
  return tables;
}

}  // namespace

void checkSchema(const Database& database) {
  const Schema found = schemaOf(database);
  for (const auto& [name, entry] : ownSchema()) {
    const auto same = found.find(name);
    if (same == found.end()) failDamaged(database, fmt::format("no table or view '{}'", name));
    if (same->second != entry) failDamaged(database, fmt::format("'{}' is not written as relprop writes it", name));
  }
  for (const auto& [name, entry] : found)
    if (!ownSchema().contains(name) && !isPassive(name, entry))
      throw Error(ErrorCode::StoreUnusable, database.name(), fmt::format("{} '{}'", entry.type, name),
                  "tables and views as relprop makes them", fmt::format("drop '{}' with sqlite3", name));
}

bool checkPages(const Database& database) {
  const Reading reading(database);
  const auto pages = firstInteger(database, "pragma page_count").value_or(0);
  const auto size = firstInteger(database, "pragma page_size").value_or(0);
  if (pages * size > limits::kStoreCheckedBytes) return false;
  for (const std::string& table : ownTables()) {
    Statement check(database, fmt::format("pragma integrity_check({})", table));
    if (!check.step() || check.text(0) != "ok") failDamaged(database, check.text(0));
  }
  checkReferences(database, ownTables());
  return true;
}

void checkReferences(const Database& database, const std::vector<std::string>& tables) {
  for (const std::string& table : tables) {
    Statement check(database, fmt::format("pragma foreign_key_check({})", table));
    if (!check.step()) continue;
    throw Error(ErrorCode::StoreUnusable, database.name(),
                fmt::format("damaged: a row of {} refers to a row of {} that is missing", table, check.text(2)),
                "an intact results file",
                "\"sqlite3 FILE 'pragma foreign_key_check'\" lists such rows; delete them, or give another file");
  }
}

bool isStore(const Database& database, bool mayBeEmpty) {
  const Reading reading(database);
  const auto application = firstInteger(database, "pragma application_id").value_or(0);
  const auto version = firstInteger(database, "pragma user_version").value_or(0);
  const bool empty = firstInteger(database, "select count(*) from sqlite_schema") == 0 && application == 0;
  if (empty && !mayBeEmpty) foreign(database, "an empty file", "check the path");
  if (!empty && application != kStoreApplication)
    foreign(database, "a database of another program", "give the path of another file");
  if (version > kStoreVersion)
    throw Error(ErrorCode::StoreUnusable, database.name(), fmt::format("a results file of version {}", version),
                fmt::format("version {}", kStoreVersion), "a newer relprop wrote it; use that one");
  if (!empty && version < 1) foreign(database, fmt::format("damaged: a results file of version {}", version), "");
  requireUtf8(database);
  return !empty;
}

void createStore(const Database& database) {
  Writing writing(database);
  if (isStore(database, true)) return;
  database.run(kSchema);
  database.run(fmt::format("pragma application_id = {}; pragma user_version = {}", kStoreApplication, kStoreVersion));
  writing.commit();
}

}  // namespace relprop::eval
