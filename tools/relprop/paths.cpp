#include "paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <optional>
#include <system_error>

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

// Device and number; none of what is missing, and of devices and pipes, which are written through.
std::optional<std::pair<dev_t, ino_t>> identityOf(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

[[noreturn]] void refusePath(const fs::path& path, int error, const std::string& hint) {
  throw Error(ErrorCode::FileWriteFailed, path.string(), std::generic_category().message(error), "", hint);
}

// Of what may still have to be made in a folder.
void requireShort(const fs::path& path, const fs::path& folder, const std::string& option) {
  const std::size_t most = longestName(folder);
  const auto tooLong = [most](const fs::path& name) { return name.native().size() > most; };
  // Files are written under longer names first, ".NAME.part.PID.N" or "NAME.parts/…".
  constexpr std::size_t longer = 48;
  if (path.native().size() + longer >= PATH_MAX || std::any_of(path.begin(), path.end(), tooLong))
    refusePath(path, ENAMETOOLONG, "give a shorter name with " + option);
}

// Where writing would write, whether or not that is there.
fs::path behindLinks(const fs::path& file, const std::string& option) {
  constexpr int most = 40;  // as many as the system follows
  std::error_code ignored;
  fs::path target = file;
  for (int links = 0; fs::is_symlink(target, ignored); ++links) {
    if (links == most) refusePath(file, ELOOP, "give a path whose links lead somewhere with " + option);
    target = target.parent_path() / fs::read_symlink(target, ignored);
  }
  return target;
}

const char* kindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  return S_ISSOCK(mode) ? "a socket" : "a device";
}

// Something that is there and no ordinary file. `through`: it may be a device or pipe.
void requireWritableDevice(const fs::path& file, mode_t mode, bool through, const std::string& option) {
  if (!through || S_ISDIR(mode) || S_ISSOCK(mode))
    throw Error(ErrorCode::FileWriteFailed, file.string(), kindOf(mode), "the path of a file",
                "give one with " + option);
  if (access(file.c_str(), W_OK) != 0) refusePath(file, errno, "choose another one with " + option);
}

void requirePlace(const fs::path& file, bool through, const std::string& option) {
  struct stat status {};
  const bool there = ::stat(file.c_str(), &status) == 0;
  if (!file.has_filename()) status.st_mode = S_IFDIR;
  if (!file.has_filename() || (there && !S_ISREG(status.st_mode)))
    return requireWritableDevice(file, status.st_mode, through, option);
  const fs::path target = behindLinks(file, option), folder = folderOf(target);
  checkWritable(folder, option);
  std::error_code ignored;
  if ((through || target != file) && !fs::is_directory(folder, ignored))
    throw Error(ErrorCode::FileWriteFailed, file.string(),
                "there is no folder " + fs::absolute(target).parent_path().string(), "",
                "make it, or choose another one with " + option);
  requireShort(target, folder, option);
}

}  // namespace

InputFiles::InputFiles(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths)
    if (const auto identity = identityOf(path)) files_.insert(*identity);
}

bool InputFiles::holds(const fs::path& file) const {
  const auto identity = identityOf(file);
  return identity && files_.contains(*identity);
}

void requireNoInput(const fs::path& out, const InputFiles& inputs, const std::string& option) {
  if (inputs.holds(out))
    throw Error(ErrorCode::FileWriteFailed, out.string(), "an input of this command, which writing would destroy", "",
                "give another " + option);
}

void checkWritable(const fs::path& folder, const std::string& option) {
  std::error_code failed;
  const fs::path whole = fs::absolute(folder, failed);
  if (failed)
    throw Error(ErrorCode::FileWriteFailed, folder.string(), "the working folder: " + failed.message(), "",
                "give an absolute path with " + option);
  const fs::path existing = existingAbove(whole);
  if (!fs::is_directory(existing, failed))
    throw Error(ErrorCode::FileWriteFailed, folder.string(), existing.string() + " is not a folder",
                "a folder to write to", "choose another one with " + option);
  if (access(existing.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorCode::FileWriteFailed, folder.string(), "no permission to write in " + existing.string(), "",
                "choose another folder with " + option);
  requireShort(folder, existing, option);
}

fs::path existingAbove(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(fs::symlink_status(path, ignored)) && path.has_relative_path()) path = path.parent_path();
  return path;
}

std::uintmax_t sizeIfAny(const fs::path& file) {
  std::error_code unreadable;
  const std::uintmax_t size = fs::file_size(file, unreadable);
  return unreadable ? 0 : size;
}

std::size_t longestName(const fs::path& folder) {
  std::error_code ignored;
  const long most = ::pathconf(existingAbove(fs::absolute(folder, ignored)).c_str(), _PC_NAME_MAX);
  return most > 0 ? static_cast<std::size_t>(most) : NAME_MAX;
}

void requirePlaceOfFile(const fs::path& file, const std::string& option) {
  requirePlace(file, false, option);
}

void requirePlaceOfText(const fs::path& file, const std::string& option) {
  requirePlace(file, true, option);
}

void makeFolder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw Error(ErrorCode::FileWriteFailed, folder.string(), failed.message(), "", "choose another folder with --out");
}

fs::path folderOf(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

}  // namespace relprop::cli
