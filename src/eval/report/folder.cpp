#include "eval/report/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <system_error>
#include <tuple>
#include <utility>

#include "eval/absolute_path.h"
#include "image/leftovers.h"
#include "image/replace_file.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;

// Lists the files of a report, so that no file of somebody else is taken for one of them.
constexpr const char* kMarker = ".relprop-report";

// How often another process may put a report where this one looks or writes, before that is a failure.
constexpr int kAttempts = 100;

std::error_code systemError(int error) {
  return {error, std::generic_category()};
}

void require(const std::error_code& failed, const fs::path& path) {
  if (!failed) return;
  failIfShort(path, failed.value());
  throw Error(ErrorCode::FileWriteFailed, path.string(), failed.message(), "a folder that can be written",
              writingHint(path, failed.value(), "give the path of another folder"));
}

[[noreturn]] void refuse(const fs::path& target, const std::string& got, const std::string& hint) {
  throw Error(ErrorCode::InvalidArgument, target.string(), got, "a new or empty folder, or an earlier report", hint);
}

// Without links, so that a link to the folder goes on leading to it, and without a slash at the end.
fs::path resolved(const fs::path& folder) {
  if (folder.empty()) refuse("report folder", "an empty path", "give the path of a folder");
  std::error_code failed;
  fs::path path = fs::weakly_canonical(absolutePath(folder, ErrorCode::FileWriteFailed), failed);
  require(failed, folder);
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) refuse(folder, "the root folder", "give the path of a folder of its own");
  return path;
}

std::set<std::string> filesIn(const fs::path& folder) {
  std::error_code failed, gone;
  std::set<std::string> names;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->symlink_status(gone).type() != fs::file_type::directory)
      names.insert(entry->path().lexically_relative(folder).string());
  require(failed, folder);
  return names;
}

std::set<std::string> linesOf(const std::vector<std::uint8_t>& bytes) {
  std::istringstream stream(std::string(bytes.begin(), bytes.end()));
  std::set<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

void requireReportOrEmpty(const fs::path& target) {
  std::error_code failed;
  const fs::file_status status = fs::status(target, failed);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) refuse(target, "a file", "give the path of a folder");
  if (::faccessat(AT_FDCWD, target.c_str(), W_OK | X_OK, AT_EACCESS) != 0) require(systemError(errno), target);
  const bool empty = fs::is_empty(target, failed);
  require(failed, target);
  if (empty) return;
  const bool marked = fs::exists(target / kMarker, failed);
  require(failed, target);
  if (!marked) refuse(target, "a folder that holds something else", "give the path of another folder");
  const std::set<std::string> ours = linesOf(readFile(target / kMarker));
  for (const std::string& name : filesIn(target))
    if (name != kMarker && !ours.contains(name))
      refuse(target, "an earlier report and a file that is not part of it, " + name, "move that file elsewhere");
}

// By what a folder is told from one that takes its place; numbers are given again, but not at the same time.
using Identity = std::tuple<dev_t, ino_t, time_t, long>;
Identity identityOf(const fs::path& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

// What is said of a folder counts only while it is there: another process may have put its report in its place.
void requireReplaceable(const fs::path& target) {
  for (int i = 0;; ++i) {
    const Identity folder = identityOf(target);
    try {
      return requireReportOrEmpty(target);
    } catch (const Error&) {
      if (i == kAttempts || identityOf(target) == folder) throw;
    }
  }
}

std::optional<mode_t> modeOf(const fs::path& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return {};
  return info.st_mode & 07777;
}

fs::path temporaryBeside(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  const std::string name = target.filename().string().substr(0, 180);
  return target.parent_path() / fmt::format(".{}.part.{}.{}", name, ::getpid(), counter++);
}

// The two change places in one step where the file system can do that, else one after the other.
std::error_code exchange(const fs::path& temporary, const fs::path& target) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return systemError(errno);
  const fs::path aside = temporaryBeside(target);
  std::error_code failed, ignored;
  fs::rename(target, aside, failed);
  if (failed) return failed;
  fs::rename(temporary, target, failed);
  if (!failed) {
    fs::rename(aside, temporary, failed);
    return failed;
  }
  fs::rename(aside, target, ignored);
  if (ignored && fs::exists(target, ignored)) removeMarkedFolder(aside, kMarker);  // a newer report is there
  return failed;
}

// Another process has put its report there, or was about to.
bool isOvertaken(const std::error_code& failed) {
  return failed == std::errc::no_such_file_or_directory || failed == std::errc::file_exists ||
         failed == std::errc::directory_not_empty;
}

}  // namespace

FolderWriter::FolderWriter(const fs::path& target) : target_(resolved(target)) {
  requireReplaceable(target_);
  std::error_code failed;
  fs::create_directories(target_.parent_path(), failed);
  require(failed, target_.parent_path());
  sweepLeftoverFolders(target_.parent_path(), kMarker);
  fs::path temporary = temporaryBeside(target_);
  fs::remove_all(temporary, failed);  // left behind by a killed process of the same id
  mode_ = modeOf(target_);
  const mode_t mode = mode_ ? 0700 : 0777;  // until it has that of the target
  if (::mkdir(temporary.c_str(), mode) != 0) require(systemError(errno), target_);
  temporary_ = std::move(temporary);  // which cannot fail: nobody else knows of the folder yet
  claim();
}

// As long as it is open nobody takes the folder for a leftover; by the marker a later process knows one that is.
void FolderWriter::claim() {
  lock_ = ::open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int error = lock_ < 0 ? errno : claimTemporary(lock_) ? 0 : ENOENT;
  try {
    if (error != 0) require(systemError(error), target_);
    mark();
  } catch (...) {
    discard();
    if (lock_ >= 0) ::close(lock_);
    throw;
  }
}

FolderWriter::~FolderWriter() {
  if (!temporary_.empty()) discard();
  ::close(lock_);
}

// Its own files by name first: remove_all opens folders, and descriptors may be what there are none of.
void FolderWriter::discard() const {
  std::error_code ignored;
  for (const std::string& name : names_) fs::remove(temporary_ / name, ignored);
  for (const std::string& name : names_) fs::remove((temporary_ / name).parent_path(), ignored);
  removeMarkedFolder(temporary_, kMarker);  // with what an earlier report held
}

fs::path FolderWriter::placeFor(const std::string& name) {
  fs::path path = temporary_ / name;
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  require(failed, (target_ / name).parent_path());
  names_.insert(name);
  return path;
}

template <class Content>
void FolderWriter::put(const std::string& name, const Content& content) {
  const fs::path path = placeFor(name);
  namingTarget(target_ / name, path, [&] { writeFile(path, content); });
}

void FolderWriter::write(const std::string& name, const std::string& text) {
  put(name, text);
}

void FolderWriter::write(const std::string& name, const std::vector<std::uint8_t>& bytes) {
  put(name, bytes);
}

void FolderWriter::mark() const {
  const fs::path path = temporary_ / kMarker;
  namingTarget(target_ / kMarker, path, [&] { writeFile(path, fmt::format("{}\n", fmt::join(names_, "\n"))); });
}

std::error_code FolderWriter::takePlace() {
  std::error_code failed;
  if (fs::exists(target_, failed)) {
    keepAccess(target_, temporary_);
    return exchange(temporary_, target_);  // the destructor removes the old one
  }
  // What was there when it began may be gone.
  if (mode_ && ::chmod(temporary_.c_str(), *mode_) != 0) return systemError(errno);
  fs::rename(temporary_, target_, failed);
  if (!failed) temporary_.clear();
  return failed;
}

void FolderWriter::commit() {
  mark();
  for (int i = 0;; ++i) {
    requireReplaceable(target_);
    const std::error_code failed = takePlace();
    if (!failed) return;
    if (i == kAttempts || !isOvertaken(failed)) require(failed, target_);
  }
}

}  // namespace relprop::eval
