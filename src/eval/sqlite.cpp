#include "eval/sqlite.h"

#include <fmt/format.h>

#include <cerrno>
#include <limits>
#include <new>
#include <system_error>

#include "core/limits.h"
#include "image/replace_file.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

constexpr int kPatience = 60'000;   // milliseconds; a picture is written in a few of them
constexpr int kStride = 1'000'000;  // steps of SQLite's machine between two looks at how many are left

[[noreturn]] void unusable(const std::string& name, const std::string& got, const std::string& expected,
                           const std::string& hint) {
  throw Error(ErrorCode::StoreUnusable, name, got, expected, hint);
}

bool isReadFailure(int extended) {
  return extended == SQLITE_IOERR_READ || extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_FSTAT ||
         extended == SQLITE_IOERR_ACCESS;
}

[[noreturn]] void failIo(const std::string& name, int extended, int error, const std::string& why) {
  if (isReadFailure(extended))
    throw Error(ErrorCode::FileUnreadable, name, why, "a file that can be read to its end", "check the disk");
  throw Error(ErrorCode::FileWriteFailed, name, error == EFBIG ? "it may not grow: " + why : why, "",
              writingHint(name, error, "make room on the disk, or check it"));
}

// What SQLite has opened, or null: a journal that there is none of, a store in memory.
sqlite3_file* fileOf(sqlite3* connection, int which) {
  sqlite3_file* file = nullptr;
  const bool known = sqlite3_file_control(connection, "main", which, &file) == SQLITE_OK && file && file->pMethods;
  return known ? file : nullptr;
}

int lastErrorOf(sqlite3* connection, int whichFile) {
  int error = 0;
  if (sqlite3_file* file = fileOf(connection, whichFile))
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

// An errno, 0 where SQLite does not know it. Of what could not be written at the end of a transaction the file itself
// knows, the log or the store.
int errorOf(sqlite3* connection, int code) {
  if (!connection) return 0;
  if (code == SQLITE_IOERR_WRITE)
    for (const int file : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER})
      if (const int error = lastErrorOf(connection, file); error != 0) return error;
  return sqlite3_system_errno(connection);
}

}  // namespace

Database::Database(const std::string& location, int flags, std::string name) : name_(std::move(name)) {
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(location.c_str(), &connection, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  connection_.reset(connection);
  if (code != SQLITE_OK) fail(code);
  waitAtMost(kPatience);
  setLimits();
}

void Database::setLimits() {
  sqlite3_limit(get(), SQLITE_LIMIT_LENGTH, limits::kStoreValueBytes);
  sqlite3_limit(get(), SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(get(), SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  const auto count = [](void* steps) { return static_cast<int>((*static_cast<std::int64_t*>(steps) -= kStride) < 0); };
  sqlite3_progress_handler(get(), kStride, count, &stepsLeft_);
}

// Pages that are listed many times over can make a small file an endless one.
void Database::beginSteps() const {
  sqlite3_int64 size = 0;
  if (sqlite3_file* file = fileOf(get(), SQLITE_FCNTL_FILE_POINTER)) file->pMethods->xFileSize(file, &size);
  stepsLeft_ = limits::kStoreSteps + limits::kStoreStepsPerByte * size;
}

void Database::readStart(std::span<char> start) const {
  sqlite3_file* file = fileOf(get(), SQLITE_FCNTL_FILE_POINTER);
  if (!file) return;
  const int code = file->pMethods->xRead(file, start.data(), static_cast<int>(start.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) fail(code);  // what is missing is 0 then
}

// By the file's number as by its name: one that was removed, renamed, or that another one took the place of.
void Database::requirePlace() const {
  int moved = 0;
  if (sqlite3_file_control(get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0) failMoved();
}

// What is not in the store yet lies in a log beside its old place, where SQLite would take it for another store's.
void Database::failMoved() const {
  const char* file = sqlite3_db_filename(get(), "main");
  const std::string log = (file ? std::string(file) : name_) + "-wal";
  unusable(name_, "it was removed, moved or replaced while it was written", "the file that was opened",
           fmt::format("put it back to where {} is and start again; where it is lost, remove that first", log));
}

void Database::waitAtMost(int milliseconds) {
  patience_ = milliseconds;
  sqlite3_busy_timeout(get(), milliseconds);
}

void Database::run(const std::string& statements) const {
  beginSteps();
  const int code = sqlite3_exec(get(), statements.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

sqlite3_stmt* Database::prepare(const std::string& sql) const {
  if (const auto found = spare_.find(sql); found != spare_.end()) {
    sqlite3_stmt* statement = found->second.release();
    spare_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  return statement;
}

void Database::giveBack(sqlite3_stmt* statement) const noexcept {
  constexpr std::size_t kMost = 64;  // more than a run has different ones
  std::unique_ptr<sqlite3_stmt, Finalize> owned(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (spare_.size() >= kMost) return;
  try {
    spare_.emplace(sqlite3_sql(statement), std::move(owned));
  } catch (const std::bad_alloc&) {  // then it is not kept
  }
}

void Database::fail(int code) const {
  const std::string said = get() ? sqlite3_errmsg(get()) : sqlite3_errstr(code);
  const int error = errorOf(get(), code);
  const std::string why = error == 0 ? said : std::generic_category().message(error);
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw Error(ErrorCode::FileWriteFailed, name_, "the disk is full", "", "make room on the disk");
    case SQLITE_IOERR:
      failIfShort(name_, error);
      failIo(name_, code, error, why);
    case SQLITE_NOMEM:
      throw Error(ErrorCode::OutOfMemory, name_, said);
    case SQLITE_TOOBIG:
      throw Error(ErrorCode::InvalidArgument, name_, "a value that is too large",
                  fmt::format("at most {} MiB", limits::kStoreValueBytes >> 20));
    case SQLITE_READONLY:
      if (code == SQLITE_READONLY_DBMOVED) failMoved();
      unusable(name_, "read-only", "a results file that can be written",
               "check the permissions of the file and its folder, or give another path");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      failIfShort(name_, error);
      unusable(name_, "cannot be opened: " + why, "a file and a folder that can be written",
               writingHint(name_, error, "check the permissions of the file and its folder, or give another path"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      unusable(name_, fmt::format("another process has been writing for {} s", patience_ / 1000.0), "",
               "try again when it has finished, or give every process a file of its own and merge them");
    case SQLITE_INTERRUPT:  // by our own count of steps alone
      failDamaged(name_, "reading it does not end");
    case SQLITE_NOTADB:
      unusable(name_, "not a results file", "one that relprop wrote", "give the path of another file");
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // our statements are right, so what they name is missing
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:  // and our rows keep the rules
      failDamaged(name_, said);
    default:
      throw Error(ErrorCode::Internal, name_, fmt::format("SQLite error {}: {}", code, said));
  }
}

void failDamaged(const std::string& name, const std::string& got) {
  unusable(name, "damaged: " + got, "an intact results file",
           "take what is left with \"sqlite3 FILE .dump\", or start another file");
}

void failDamaged(const Database& database, const std::string& got) {
  failDamaged(database.name(), got);
}

Statement::Statement(const Database& database, const std::string& sql)
    : database_(&database), statement_(database.prepare(sql), GiveBack{&database}) {
  database.beginSteps();
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  reset();
  if (code != SQLITE_DONE) database_->fail(code);
  return false;
}

double Statement::real(int column) const {
  if (isNull(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (!text) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Blob Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  if (!bytes) return {};
  return {bytes, bytes + sqlite3_column_bytes(statement_.get(), column)};
}

void Statement::put(int i, const std::string& value) {
  check(sqlite3_bind_text64(statement_.get(), i, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::put(int i, const Blob& value) {
  // A null pointer would be NULL, not an empty blob.
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  check(sqlite3_bind_blob64(statement_.get(), i, data, value.size(), SQLITE_TRANSIENT));
}

void Statement::put(int i, const std::optional<Blob>& value) {
  if (value) return put(i, *value);
  check(sqlite3_bind_null(statement_.get(), i));
}

Writing::Writing(const Database& database)
    : database_(database), outermost_(sqlite3_get_autocommit(database.get()) != 0) {
  if (outermost_) database_.run("begin immediate");
}

// Before: nothing more goes where it is lost, or into a log beside another store. After: nor has what is done now.
void Writing::commit() {
  if (outermost_) {
    database_.requirePlace();
    database_.run("commit");
    database_.requirePlace();
  }
  committed_ = true;
}

Writing::~Writing() {
  // Some failures have rolled back already, and of an inner one nothing may stay either.
  if (!committed_ && !sqlite3_get_autocommit(database_.get()))
    sqlite3_exec(database_.get(), "rollback", nullptr, nullptr, nullptr);
}

Reading::Reading(const Database& database)
    : database_(database), outermost_(sqlite3_get_autocommit(database.get()) != 0) {
  if (outermost_) database_.run("begin");
}

Reading::~Reading() {
  if (outermost_) sqlite3_exec(database_.get(), "rollback", nullptr, nullptr, nullptr);
}

}  // namespace relprop::eval
