#include "paths.h"

#include <sys/stat.h>
#include <unistd.h>

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

// A link that leads nowhere is there, and no folder can be made in its place.
void checkWritable(const fs::path& folder, const std::string& option) {
  std::error_code failed;
  fs::path existing = fs::absolute(folder, failed);
  if (failed)
    throw Error(ErrorCode::FileWriteFailed, folder.string(), "the working folder: " + failed.message(), "",
                "give an absolute path with " + option);
  while (!fs::exists(fs::symlink_status(existing, failed)) && existing.has_relative_path())
    existing = existing.parent_path();
  if (!fs::is_directory(existing, failed))
    throw Error(ErrorCode::FileWriteFailed, folder.string(), existing.string() + " is not a folder",
                "a folder to write to", "choose another one with " + option);
  if (access(existing.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorCode::FileWriteFailed, folder.string(), "no permission to write in " + existing.string(), "",
                "choose another folder with " + option);
}

void requirePlaceOfFile(const fs::path& file, const std::string& option) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored) || !file.has_filename())
    throw Error(ErrorCode::FileWriteFailed, file.string(), "a folder", "the path of a file", "give one with " + option);
  checkWritable(folderOf(file), option);
}

void makeFolder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::FileWriteFailed, folder.string(), failed.message());
}

fs::path folderOf(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

}  // namespace relprop::cli
