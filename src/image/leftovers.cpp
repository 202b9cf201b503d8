#include "image/leftovers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

namespace relprop {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = ".part.";

std::optional<pid_t> numberAt(std::string_view& text) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// What a name tells: the process that made the file, and how many characters libzip appended to that of its own copy, a
// point and six, or none.
struct Origin {
  pid_t maker;
  std::size_t appended;
};

std::optional<Origin> originOf(std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  if (!name.starts_with('.') || mark == std::string_view::npos || mark == 0) return {};
  std::string_view rest = name.substr(mark + kMark.size());
  const auto maker = numberAt(rest);
  if (!maker || !rest.starts_with('.')) return {};
  rest.remove_prefix(1);
  const bool numbered = numberAt(rest).has_value();
  const bool known = rest.empty() || (rest.size() == 7 && rest[0] == '.');
  return numbered && known ? std::optional(Origin{*maker, rest.size()}) : std::nullopt;
}

bool runsHere(pid_t process) {
  return process == ::getpid() || ::kill(process, 0) == 0 || errno != ESRCH;
}

// Another machine's processes hold a lock on theirs, and libzip's copy goes with the file that it is a copy of.
void removeUnlessLocked(const fs::path& path, const Origin& origin) {
  const std::string locked = path.native().substr(0, path.native().size() - origin.appended);
  const int file = ::open(locked.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0 && origin.appended == 0) return;
  std::error_code ignored;
  if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) == 0) fs::remove(path, ignored);
  if (file >= 0) ::close(file);
}

void removeFolderUnlessLocked(const fs::path& path, const std::string& marker) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
  if (folder < 0) return;
  if (::flock(folder, LOCK_EX | LOCK_NB) == 0) {
    const bool marked = ::faccessat(folder, marker.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    std::error_code ignored;
    if (marked)
      removeMarkedFolder(path, marker);
    else
      fs::remove(path, ignored);  // what is not empty stays
  }
  ::close(folder);
}

void visitLeftovers(const fs::path& folder, const std::function<void(const fs::path&, const Origin&)>& visit) {
  std::error_code failed;
  fs::directory_iterator entry(folder.empty() ? "." : folder, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    const auto origin = originOf(entry->path().filename().native());
    if (origin && !runsHere(origin->maker)) visit(entry->path(), *origin);
  }
}

// False after the first time.
bool isFirst(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<fs::path> swept;
  const std::lock_guard lock(mutex);
  return swept.insert(folder).second;
}

}  // namespace

std::string temporaryName(const std::string& name) {
  static std::atomic<unsigned> counter{0};
  return fmt::format(".{}{}{}.{}", name, kMark, ::getpid(), counter++);
}

bool claimTemporary(int descriptor) {
  ::flock(descriptor, LOCK_EX);  // waits for a sweep at most; file systems without locks are not shared
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && info.st_nlink > 0;
}

void removeMarkedFolder(const fs::path& path, const std::string& marker) {
  std::error_code failed, ignored;
  fs::directory_iterator entry(path, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed))
    if (entry->path().filename() != marker) fs::remove_all(entry->path(), ignored);
  fs::remove(path / marker, ignored);
  fs::remove(path, ignored);
}

void sweepLeftovers(const fs::path& folder) {
  if (isFirst(folder)) visitLeftovers(folder, removeUnlessLocked);
}

void sweepLeftoverFolders(const fs::path& folder, const std::string& marker) {
  if (isFirst(folder / marker))
    visitLeftovers(folder, [&](const fs::path& path, const Origin&) { removeFolderUnlessLocked(path, marker); });
}

}  // namespace relprop
