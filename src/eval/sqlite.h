// SQLite's C interface with owners, exceptions and typed columns. What fails is thrown as Error, named by file.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace relprop::eval {

using Blob = std::vector<std::uint8_t>;

// One connection. Statements made from it must not outlive it, and it must not cross a fork.
class Database {
 public:
  // `location` is a path, a file: URI or ":memory:"; `name` is for messages.
  Database(const std::string& location, int flags, std::string name);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* get() const { return connection_.get(); }
  const std::string& name() const { return name_; }
  // Runs statements that return nothing of interest.
  void run(const std::string& statements) const;
  // From here on one statement may take as many steps as its file has reason for.
  void beginSteps() const;
  // The file's first bytes as they lie there, by SQLite's own descriptor and without a lock.
  void readStart(std::span<char> start) const;
  // Throws StoreUnusable where the file no longer lies where it was opened. One in memory always does.
  void requirePlace() const;
  // How long a call waits for other processes before it gives up.
  void waitAtMost(int milliseconds);
  [[noreturn]] void fail(int code) const;
  // Statements by their text. One that is given back is handed out again: to prepare it takes longer than most of them
  // run.
  sqlite3_stmt* prepare(const std::string& sql) const;
  void giveBack(sqlite3_stmt* statement) const noexcept;

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void setLimits();
  [[noreturn]] void failMoved() const;

  std::string name_;
  int patience_ = 0;                    // milliseconds
  mutable std::int64_t stepsLeft_ = 0;  // counted down by SQLite
  std::unique_ptr<sqlite3, Close> connection_;
  mutable std::unordered_multimap<std::string, std::unique_ptr<sqlite3_stmt, Finalize>> spare_;
};

// For content that no relprop wrote.
[[noreturn]] void failDamaged(const std::string& name, const std::string& got);
[[noreturn]] void failDamaged(const Database& database, const std::string& got);

// One prepared statement; may be bound and run again and again.
class Statement {
 public:
  Statement(const Database& database, const std::string& sql);

  // All parameters in order; values are copied.
  template <class... Values>
  Statement& bind(const Values&... values) {
    int i = 0;
    reset();
    database_->beginSteps();
    (put(++i, values), ...);
    return *this;
  }
  // To the next row; false after the last, when the statement is ready to be bound again.
  bool step();
  // Binds, runs to the end and returns how many rows were changed.
  template <class... Values>
  int run(const Values&... values) {
    bind(values...);
    while (step()) {
    }
    return sqlite3_changes(database_->get());
  }
  void reset() { sqlite3_reset(statement_.get()); }

  bool isNull(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  double real(int column) const;  // NULL is NaN: SQLite has no other way to keep one
  std::string text(int column) const;
  Blob blob(int column) const;

 private:
  struct GiveBack {
    const Database* database;
    void operator()(sqlite3_stmt* statement) const { database->giveBack(statement); }
  };
  void put(int i, std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), i, value)); }
  void put(int i, int value) { put(i, std::int64_t{value}); }
  void put(int i, double value) { check(sqlite3_bind_double(statement_.get(), i, value)); }
  void put(int i, const std::string& value);
  void put(int i, const Blob& value);
  void put(int i, const std::optional<Blob>& value);
  void check(int code) const {
    if (code != SQLITE_OK) database_->fail(code);
  }

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
};

// The first column of the first row.
template <class... Values>
std::optional<std::int64_t> firstInteger(Statement& statement, const Values&... values) {
  std::optional<std::int64_t> result;
  if (statement.bind(values...).step()) result = statement.integer(0);
  statement.reset();
  return result;
}
template <class... Values>
std::optional<std::int64_t> firstInteger(const Database& database, const std::string& sql, const Values&... values) {
  Statement statement(database, sql);
  return firstInteger(statement, values...);
}

// Everything until commit() happens, or nothing of it. Takes the write lock at once: a reader that turns writer
// half-way could be refused without having waited. Inside another one it is part of that, which then has to end by an
// exception where this one is not committed.
class Writing {
 public:
  explicit Writing(const Database& database);
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing();
  void commit();

 private:
  const Database& database_;
  bool outermost_, committed_ = false;
};

// One state of the file over several queries; inside another one it is part of that.
class Reading {
 public:
  explicit Reading(const Database& database);
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading();

 private:
  const Database& database_;
  bool outermost_;
};

}  // namespace relprop::eval
