#include "eval/report/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <system_error>
#include <utility>

#include "image/leftovers.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;

// Lists the files of a report, so that no file of somebody else is taken for one of them.
constexpr const char* kMarker = ".relprop-report";

[[noreturn]] void failWrite(const fs::path& path, const std::error_code& why) {
  throw Error(ErrorCode::FileWriteFailed, path.string(), why.message(), "a folder that can be written",
              "give the path of another folder");
}

void require(const std::error_code& failed, const fs::path& path) {
  if (failed) failWrite(path, failed);
}

[[noreturn]] void refuse(const fs::path& target, const std::string& got, const std::string& hint) {
  throw Error(ErrorCode::InvalidArgument, target.string(), got, "a new or empty folder, or an earlier report", hint);
}

// Without links, so that a link to the folder goes on leading to it, and without a slash at the end.
fs::path resolved(const fs::path& folder) {
  if (folder.empty()) refuse("report folder", "an empty path", "give the path of a folder");
  std::error_code failed;
  fs::path path = fs::weakly_canonical(fs::absolute(folder, failed), failed);
  require(failed, folder);
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) refuse(folder, "the root folder", "give the path of a folder of its own");
  return path;
}

std::set<std::string> filesIn(const fs::path& folder) {
  std::error_code failed;
  std::set<std::string> names;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->is_symlink() || !entry->is_directory()) names.insert(entry->path().lexically_relative(folder).string());
  require(failed, folder);
  return names;
}

std::set<std::string> linesOf(const std::vector<std::uint8_t>& bytes) {
  std::istringstream stream(std::string(bytes.begin(), bytes.end()));
  std::set<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

void requireReplaceable(const fs::path& target) {
  std::error_code failed;
  const fs::file_status status = fs::status(target, failed);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) refuse(target, "a file", "give the path of a folder");
  const bool empty = fs::is_empty(target, failed);
  require(failed, target);
  if (empty) return;
  if (!fs::exists(target / kMarker))
    refuse(target, "a folder that holds something else", "give the path of another folder");
  const std::set<std::string> ours = linesOf(readFile(target / kMarker));
  for (const std::string& name : filesIn(target))
    if (name != kMarker && !ours.contains(name))
      refuse(target, "an earlier report and a file that is not part of it, " + name, "move that file elsewhere");
}

fs::path temporaryBeside(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  const std::string name = target.filename().string().substr(0, 180);
  return target.parent_path() / fmt::format(".{}.part.{}.{}", name, ::getpid(), counter++);
}

// The two change places in one step where the file system can do that, else one after the other.
void exchange(const fs::path& temporary, const fs::path& target) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) failWrite(target, {errno, std::generic_category()});
  const fs::path aside = temporaryBeside(target);
  std::error_code failed, ignored;
  fs::rename(target, aside, failed);
  require(failed, target);
  fs::rename(temporary, target, failed);
  if (failed) fs::rename(aside, target, ignored);
  require(failed, target);
  fs::rename(aside, temporary, failed);
  require(failed, target);
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
  if (!fs::create_directory(temporary, failed)) failWrite(target_, failed);
  temporary_ = std::move(temporary);  // which cannot fail: nobody else knows of the folder yet
  claim();
}

// As long as it is open nobody takes the folder for a leftover; by the marker a later process knows one that is.
void FolderWriter::claim() {
  lock_ = ::open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int error = lock_ < 0 ? errno : claimTemporary(lock_) ? 0 : ENOENT;
  try {
    if (error != 0) failWrite(target_, {error, std::generic_category()});
    writeFile(temporary_ / kMarker, std::string());
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
  require(failed, path.parent_path());
  names_.insert(name);
  return path;
}

void FolderWriter::write(const std::string& name, const std::string& text) {
  writeFile(placeFor(name), text);
}

void FolderWriter::write(const std::string& name, const std::vector<std::uint8_t>& bytes) {
  writeFile(placeFor(name), bytes);
}

void FolderWriter::commit() {
  writeFile(temporary_ / kMarker, fmt::format("{}\n", fmt::join(names_, "\n")));
  requireReplaceable(target_);
  std::error_code failed;
  if (fs::exists(target_, failed)) return exchange(temporary_, target_);  // the destructor removes the old one
  fs::rename(temporary_, target_, failed);
  require(failed, target_);
  temporary_.clear();
}

}  // namespace relprop::eval
