#include "relprop/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "eval/absolute_path.h"
#include "eval/store_impl.h"
#include "eval/store_schema.h"
#include "eval/store_writer.h"
#include "relprop/error.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using eval::Database;
using Impl = StoreAccess::Impl;
using Pointer = std::unique_ptr<Impl>;

constexpr std::string_view kJournal = "-journal";
constexpr std::array<std::string_view, 3> kEndings = {kJournal, "-wal", "-shm"};

void checkKind(const fs::path& path, const fs::file_status& status) {
  if (fs::is_directory(status) || path.filename().empty())
    throw Error(ErrorCode::FileUnreadable, path.string(), "a folder", "a file", "give the path of a file");
  if (!fs::is_regular_file(status))
    throw Error(ErrorCode::StoreUnusable, path.string(), "a device or pipe", "a file", "give the path of a file");
  if (::access(path.c_str(), R_OK) != 0)
    throw Error(ErrorCode::FileUnreadable, path.string(), std::generic_category().message(errno), "a readable file");
}

// How a rollback journal ends that names a further one. SQLite deletes what is named, whatever it is, before it shows
// the store's first row; relprop changes one file at a time and never writes such a name.
bool namesAnother(const fs::path& journal) {
  constexpr std::array<char, 8> magic = {'\xd9', '\xd5', '\x05', '\xf9', '\x20', '\xa1', '\x63', '\xd7'};
  std::array<char, magic.size()> end{};
  std::ifstream file(journal, std::ios::binary);
  file.seekg(-static_cast<std::streamoff>(end.size()), std::ios::end);
  return file.read(end.data(), end.size()) && end == magic;
}

// Beside it, not beside a link that leads to it, SQLite has its other files.
fs::path behindLink(const fs::path& path) {
  std::error_code ignored;
  const fs::path real = fs::weakly_canonical(path, ignored);
  return real.empty() ? path : real;
}

// SQLite opens, follows and plays back what lies beside a store under these names, also where the store is a link. Of
// these and of the store itself none but the journal is opened here: when a file is closed, the system drops all locks
// that this process has on it, those of a connection that is open elsewhere in the process too, and other processes
// would write over what it writes.
void checkBeside(const fs::path& path) {
  std::error_code ignored;
  const fs::path real = behindLink(path);
  for (const std::string_view ending : kEndings) {
    const fs::path beside = real.string().append(ending);
    const fs::file_status status = fs::symlink_status(beside, ignored);
    if (!fs::exists(status)) continue;
    if (!fs::is_regular_file(status))
      throw Error(ErrorCode::StoreUnusable, beside.string(), "a link, folder, device or pipe",
                  "a file that SQLite made", "remove it, or copy the store alone");
    if (ending == kJournal && namesAnother(beside))
      throw Error(ErrorCode::StoreUnusable, beside.string(), "it names a file that is to be deleted",
                  "a journal of this store alone", "remove it, or copy the store alone");
  }
}

// What is written there would be taken for the other store's own, and deleted with its next use.
void checkNoJournal(const fs::path& path) {
  std::error_code ignored;
  const std::string name = behindLink(path).string();
  for (const std::string_view ending : kEndings)
    if (name.ends_with(ending) && fs::is_regular_file(name.substr(0, name.size() - ending.size()), ignored))
      throw Error(ErrorCode::StoreUnusable, path.string(),
                  "a name that SQLite has for the journal of the store beside it", "a name of its own",
                  "give another path");
}

// SQLite makes the store before it finds that the longer name of its journal is too long.
void checkNameLength(const fs::path& path) {
  const fs::path real = behindLink(path), folder = real.has_parent_path() ? real.parent_path() : ".";
  const long allowed = ::pathconf(folder.c_str(), _PC_NAME_MAX);
  const long most = (allowed > 0 ? allowed : NAME_MAX) - std::ssize("-journal") + 1;
  const std::string name = real.filename().string();
  if (std::ssize(name) > most)
    throw Error(ErrorCode::StoreUnusable, path.string(), fmt::format("a name of {} bytes", name.size()),
                fmt::format("{} at most, as others with longer names lie beside it", most), "give a shorter name");
}

// Where SQLite may make no file it says that there is none.
void checkMayBeMade(const fs::path& path, const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_symlink(path, ignored)) return;  // the file is made elsewhere
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return;
  const std::string why = errno == EACCES ? "no permission to write in " + folder.string()
                                          : folder.string() + ": " + std::generic_category().message(errno);
  throw Error(ErrorCode::StoreUnusable, path.string(), why, "a folder that can be written",
              "check the folder's permissions, or give another path");
}

void checkFolder(const fs::path& path) {
  std::error_code ignored;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!fs::is_directory(folder, ignored))
    throw Error(ErrorCode::FileNotFound, path.string(), "its folder does not exist", "",
                fmt::format("make the folder {} first", folder.string()));
  checkMayBeMade(path, folder);
}

// SQLite names what lies beside a store after it. Whoever opened it by another name would find no log there, take the
// store for all there is and write over it.
void checkOnlyName(const fs::path& path) {
  std::error_code ignored;
  const std::uintmax_t names = fs::hard_link_count(path, ignored);
  if (!ignored && names > 1)
    throw Error(ErrorCode::StoreUnusable, path.string(), fmt::format("a file with {} names (hard links)", names),
                "one with a single name, as it is to be written", "copy it, and put the copy in its place");
}

void checkPath(const fs::path& path, Store::Access access) {
  checkNoJournal(path);
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!path.empty()) checkBeside(path);
  if (fs::exists(status)) {
    checkKind(path, status);
    if (access == Store::Access::Write) checkOnlyName(path);
  } else if (access == Store::Access::Read || path.empty()) {
    throw Error(ErrorCode::FileNotFound, path.empty() ? "an empty path" : path.string(), "there is no such file", "",
                "check the path");
  } else {
    checkFolder(path);
  }
  if (access == Store::Access::Write) checkNameLength(path);
}

// It is neither ":memory:" nor a URI.
std::string absolutePath(const fs::path& path) {
  return eval::absolutePath(path, ErrorCode::FileNotFound).string();
}

// SQLite takes a file of less than a page for an empty one, whatever it holds, and would write over it.
void checkStart(const fs::path& path, const Database& database) {
  constexpr std::string_view magic{"SQLite format 3", 16};  // with the 0 at its end
  constexpr std::uintmax_t smallestPage = 512;
  std::error_code ignored;
  const std::uintmax_t size = fs::file_size(path, ignored);
  if (size == 0) return;
  std::array<char, magic.size()> start{};
  database.readStart(start);
  if (std::string_view(start.data(), start.size()) != magic)
    throw Error(ErrorCode::StoreUnusable, database.name(), "not a results file", "one that relprop wrote",
                "give the path of another file");
  if (size < smallestPage)
    throw Error(ErrorCode::StoreUnusable, database.name(), "damaged: cut short", "an intact results file");
}

Pointer connect(const fs::path& path, int flags) {
  Pointer impl = std::make_unique<Impl>(absolutePath(path), flags, path.string());
  checkStart(path, impl->database);
  return impl;
}

// A file from elsewhere must not make SQLite do more than read it.
void settle(const Database& database) {
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  database.run(
      "pragma foreign_keys = on; pragma trusted_schema = off; pragma cell_size_check = on; "
      "pragma temp_store = memory; pragma cache_size = -16384");
}

void checkContent(Impl& impl) {
  eval::checkSchema(impl.database);
  impl.checked = eval::checkPages(impl.database);
}

// Readers and one writer at the same time. The change of mode is refused at once while another process makes it too.
void useWal(const Database& database) {
  using namespace std::chrono_literals;
  int code = SQLITE_BUSY;
  for (int i = 0; i < 500 && (code & 0xff) == SQLITE_BUSY; ++i) {
    if (i > 0) std::this_thread::sleep_for(20ms);
    code = sqlite3_exec(database.get(), "pragma journal_mode = wal", nullptr, nullptr, nullptr);
  }
  if (code != SQLITE_OK) database.fail(code);
  database.run("pragma synchronous = full");
}

Pointer openToWrite(const fs::path& path) {
  Pointer impl = connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const Database& database = impl->database;
  settle(database);
  if (eval::isStore(database, true)) checkContent(*impl);  // before anything is changed
  if (sqlite3_db_readonly(database.get(), "main") == 1) database.fail(SQLITE_READONLY);
  useWal(database);
  eval::createStore(database);
  return impl;
}

std::string immutableUri(const fs::path& path) {
  std::string uri = "file:";
  for (const unsigned char c : absolutePath(path))
    uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02X}", c) : std::string(1, static_cast<char>(c));
  return uri + "?immutable=1";
}

// Where nothing may be written SQLite cannot share a file in WAL mode. Alone it can read it, if no process died over
// it.
Pointer connectWhereNothingIsWritten(const fs::path& path) {
  std::error_code ignored;
  const fs::path log = path.string() + "-wal";
  if (fs::exists(log, ignored) && fs::file_size(log, ignored) > 0)
    throw Error(ErrorCode::FileUnreadable, path.string(),
                fmt::format("{} has to be read with it, which needs a folder that can be written", log.string()), "",
                "copy both to such a folder");
  return std::make_unique<Impl>(immutableUri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, path.string());
}

bool refusesToRead(const Database& database) {
  const int code = sqlite3_exec(database.get(), "select count(*) from sqlite_schema", nullptr, nullptr, nullptr) & 0xff;
  return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

// With the right to write, so that what a killed process left in the log is brought in.
Pointer openToRead(const fs::path& path) {
  Pointer impl = connect(path, SQLITE_OPEN_READWRITE);
  if (refusesToRead(impl->database)) impl = connectWhereNothingIsWritten(path);
  settle(impl->database);
  eval::isStore(impl->database, false);
  checkContent(*impl);
  impl->database.run("pragma query_only = on");
  return impl;
}

Pointer newInMemory() {
  return std::make_unique<Impl>(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "a store in memory");
}

void load(const Database& database, const std::vector<std::uint8_t>& bytes) {
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size() + 1));
  if (!copy) database.fail(SQLITE_NOMEM);
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  const int code = sqlite3_deserialize(database.get(), "main", copy, size, size + 1,
                                       SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
  if (code != SQLITE_OK) database.fail(code);
}

const Provenance& runOf(const Impl& impl) {
  if (!impl.run)
    throw Error(ErrorCode::InvalidArgument, impl.database.name(), "rows that belong to no run", "beginRun before");
  return *impl.run;
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open(const fs::path& path, Access access) {
  checkPath(path, access);
  return Store(access == Access::Write ? openToWrite(path) : openToRead(path));
}

Store Store::inMemory() {
  Pointer impl = newInMemory();
  eval::createStore(impl->database);
  settle(impl->database);
  return Store(std::move(impl));
}

std::vector<std::uint8_t> Store::bytes() const {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> data(sqlite3_serialize(impl_->database.get(), "main", &size, 0),
                                                             sqlite3_free);
  if (!data) impl_->database.fail(SQLITE_NOMEM);
  std::vector<std::uint8_t> bytes(data.get(), data.get() + size);
  // SQLite's file format, 1.3.3: 2 at these places means WAL, which memory does not have.
  bytes.at(18) = bytes.at(19) = 1;
  return bytes;
}

Store Store::fromBytes(const std::vector<std::uint8_t>& bytes) {
  Pointer impl = newInMemory();
  load(impl->database, bytes);
  settle(impl->database);
  eval::isStore(impl->database, false);
  checkContent(*impl);
  return Store(std::move(impl));
}

const std::string& Store::name() const {
  return impl_->database.name();
}

void Store::beginRun(const Provenance& provenance) {
  impl_->run = provenance;
}

void Store::put(const ModelFacts& model) {
  eval::writeModel(impl_->database, model);
}

void Store::write(const ResultBatch& batch) {
  const Database& database = impl_->database;
  const Provenance& run = runOf(*impl_);
  eval::Writing writing(database);
  eval::Writer writer(database);
  writer.belongsTo(eval::writeRun(database, run));
  for (const PictureFacts& picture : batch.pictures) writer.write(picture);
  for (const MapFacts& map : batch.maps) writer.write(map);
  for (const Result& result : batch.results) writer.write(result);
  writing.commit();
}

void Store::together(const std::function<void()>& writes) {
  if (!writes) throw Error(ErrorCode::InvalidArgument, "writes", "an empty function", "one that writes to the store");
  eval::Writing writing(impl_->database);
  writes();
  writing.commit();
}

}  // namespace relprop
