#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/limits.h"
#include "image/leftovers.h"
#include "image/pixels.h"
#include "image/replace_file.h"
#include "relprop/budgets.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

namespace fs = std::filesystem;

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string nameOf(const fs::path& path) {
  return path.empty() ? "an empty path" : path.string();
}

// An open file; closing is explicit where its outcome matters.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return descriptor_; }
  bool close() {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0;
  }

 private:
  int descriptor_;
};

// Removes what it names, if it still names something.
struct TemporaryName {
  fs::path path;
  ~TemporaryName() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

// Of what lies there, with links followed; nothing where that is not there.
struct Access {
  mode_t mode;
  uid_t owner;
  gid_t group;
};

std::optional<Access> accessOf(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  // A file's other bits go when it is written to.
  return Access{info.st_mode & (S_ISDIR(info.st_mode) ? 07777 : 0777), info.st_uid, info.st_gid};
}

void writeAll(int descriptor, const char* data, std::size_t size, const fs::path& path) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failWrite(path, errno);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

// Long names are cut so that the temporary name stays within what a file system allows.
fs::path temporaryBeside(const fs::path& path) {
  return path.parent_path() / temporaryName(path.filename().string().substr(0, 180));
}

// A name left behind by a killed process of the same id is passed over. What is to have the mode of a file that it
// replaces is nobody else's until then.
Descriptor createTemporary(TemporaryName& temporary, const fs::path& path) {
  constexpr int attempts = 100;
  const mode_t mode = accessOf(path) ? 0600 : 0666;
  sweepLeftovers(path.parent_path());
  for (int i = 0; i < attempts; ++i) {
    fs::path candidate = temporaryBeside(path);
    const int descriptor = ::open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) failWrite(path, errno);
    if (!claimTemporary(descriptor)) {
      ::close(descriptor);
      continue;
    }
    temporary.path = std::move(candidate);  // which cannot fail: nobody else knows of the file yet
    return Descriptor(descriptor);
  }
  failWrite(path, EEXIST);
}

// Devices and pipes have no whole-or-not-at-all, and renaming over them would take them away.
void writeThrough(const fs::path& path, const char* data, std::size_t size) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC));
  if (file.get() < 0) failWrite(path, errno);
  writeAll(file.get(), data, size, path);
  if (!file.close()) failWrite(path, errno);
}

// A link stays a link: what it points to is replaced, or made where it is not there.
fs::path behindLinks(const fs::path& path) {
  constexpr int most = 40;  // as many as the system follows
  std::error_code failed;
  fs::path target = path;
  for (int links = 0; fs::is_symlink(target, failed); ++links) {
    if (links == most) failWrite(path, ELOOP);
    const fs::path next = fs::read_symlink(target, failed);
    if (failed) failWrite(path, failed.value());
    target = target.parent_path() / next;
  }
  if (target.filename().empty()) failWrite(path, EISDIR);
  return target;
}

// A name of an open file, as /dev/fd/3 is, whose text is another file's name, or that of one that is gone.
bool isOpenFile(const fs::path& path) {
  struct stat file {
  }, named{};
  if (::stat(path.c_str(), &file) != 0) return false;
  return ::stat(behindLinks(path).c_str(), &named) != 0 || file.st_dev != named.st_dev || file.st_ino != named.st_ino;
}

// What is to be replaced: never a folder.
fs::file_type typeOfTarget(const fs::path& path) {
  std::error_code ignored;
  const fs::file_type type = fs::status(path, ignored).type();
  if (type == fs::file_type::directory || path.filename().empty()) failWrite(path, EISDIR);
  return type;
}

bool isSpecial(fs::file_type type) {
  return type == fs::file_type::character || type == fs::file_type::fifo || type == fs::file_type::socket ||
         type == fs::file_type::block;
}

void replaceBehindLinks(const fs::path& path, const std::function<void(Descriptor&, const fs::path&)>& write) {
  const fs::path target = behindLinks(path);
  TemporaryName temporary;
  Descriptor file = createTemporary(temporary, target);
  write(file, temporary.path);
  if (!file.close()) failWrite(target, errno);
  keepAccess(target, temporary.path);
  if (::rename(temporary.path.c_str(), target.c_str()) != 0) failWrite(target, errno);
  temporary.path.clear();
}

void writeBytes(const fs::path& path, const char* data, std::size_t size) {
  if (isSpecial(typeOfTarget(path)) || isOpenFile(path)) return writeThrough(path, data, size);
  replaceBehindLinks(path, [&](Descriptor& file, const fs::path&) { writeAll(file.get(), data, size, path); });
}

void grow(Bytes& bytes, const fs::path& path) {
  try {
    bytes.resize(bytes.size() * 2);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, path.string(), fmt::format("no memory for {} bytes", bytes.size() * 2), "",
                "give a smaller file");
  }
}

// The size is only a hint: pipes and some special files do not know theirs.
Bytes readToEnd(int descriptor, std::size_t sizeHint, const fs::path& path) {
  constexpr std::size_t chunk = std::size_t{1} << 16;
  const auto streamBytes = static_cast<std::size_t>(budgets().streamBytes);
  Bytes bytes = allocateBytes(sizeHint + chunk, path.string());
  std::size_t used = 0;
  while (true) {
    if (bytes.size() - used < chunk) grow(bytes, path);
    const ssize_t count = ::read(descriptor, bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) failRead(path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > std::max(sizeHint, streamBytes))
      throw Error(ErrorCode::FileUnreadable, path.string(), fmt::format("a stream of more than {} bytes", streamBytes),
                  "a file", "give a file, or allow more of a stream (--budget stream=SIZE)");
  }
  bytes.resize(used);
  return bytes;
}

// Arrays and bags of visual words are as large as what they hold; they are measured where their parts are read.
bool isArrayOrArchive(int descriptor) {
  std::array<char, 6> begin{};
  if (::pread(descriptor, begin.data(), begin.size(), 0) != std::ssize(begin)) return false;
  const std::string_view text(begin.data(), begin.size());
  return text == "\x93NUMPY" || text.starts_with("PK\3\4");
}

// Pictures, lists and JSON: a file with holes in it is of any size, and costs nobody but who reads it. A budget below
// the usual one is for what has no end.
void requireBelievable(int descriptor, std::int64_t size, const fs::path& path) {
  const std::int64_t most = std::max(budgets().streamBytes, limits::kStreamBytes);
  if (size <= most || isArrayOrArchive(descriptor)) return;
  throw Error(ErrorCode::FileUnreadable, path.string(), fmt::format("a file of {} bytes", size),
              fmt::format("at most {} where it is no .npy, .npz or bag of visual words", most),
              "give another file, or allow more of one (--budget stream=SIZE)");
}

bool isInRemovedFolder(const fs::path& path) {
  std::error_code failed;
  return path.is_relative() && fs::current_path(failed).empty();
}

// What has to be a folder and is something else, of a path.
fs::path noFolderIn(const fs::path& path) {
  std::error_code ignored;
  fs::path part = path;
  while (part.has_relative_path() && !fs::exists(fs::symlink_status(part, ignored))) part = part.parent_path();
  return part;
}

}  // namespace

void failIfShort(const fs::path& path, int error) {
  if (error == ENOMEM) throw Error(ErrorCode::OutOfMemory, nameOf(path), reason(error), "enough memory");
  if (error != EMFILE && error != ENFILE) return;
  throw Error(ErrorCode::OutOfMemory, nameOf(path), reason(error), "another file that may be open",
              error == EMFILE ? "raise the limit of open files (ulimit -n)" : "close other programs");
}

std::string writingHint(const fs::path& path, int error, const std::string& otherwise) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "make room on the disk";
    case EFBIG:
      return "raise the limit of a file's size (ulimit -f)";
    case ENAMETOOLONG:
      return "give a shorter name";
    case ELOOP:
      return "give a path whose links lead somewhere";
    case EPIPE:
      return "nobody reads it any more";
    case ENOTDIR:
      return fmt::format("give another path: {} is no folder", noFolderIn(path).string());
  }
  return otherwise;
}

void namingTarget(const fs::path& target, const fs::path& temporary, const std::function<void()>& write) {
  try {
    write();
  } catch (const Error& error) {
    if (error.where() != temporary.string()) throw;
    throw Error(error.code(), target.string(), error.got(), error.expected(), error.hint());
  }
}

void keepAccess(const fs::path& target, const fs::path& temporary) {
  auto access = accessOf(target);
  const auto now = accessOf(temporary);
  if (!access || !now) return;
  const bool same = access->owner == now->owner && access->group == now->group;
  const char* const file = temporary.c_str();
  // Who may not give a file away keeps it, and another group gets nothing of it.
  if (!same && ::lchown(file, access->owner, access->group) != 0 && ::lchown(file, uid_t(-1), access->group) != 0)
    access->mode &= ~mode_t{070};
  if ((!same || access->mode != now->mode) && ::chmod(file, access->mode) != 0) failWrite(target, errno);
}

void failRead(const fs::path& path, int error) {
  failIfShort(path, error);
  if (error == ENOENT || error == ENOTDIR)
    throw Error(ErrorCode::FileNotFound, nameOf(path), "there is no such file", "", "check the path");
  throw Error(ErrorCode::FileUnreadable, path.string(), reason(error), "a readable file");
}

void failWrite(const fs::path& path, int error) {
  failIfShort(path, error);
  std::string hint = "check the folder's permissions";
  if (error == ENOENT && isInRemovedFolder(path))
    hint = "give an absolute path: the working folder is gone";
  else if (error == ENOENT)
    hint = fmt::format("make the folder {} first", path.has_parent_path() ? path.parent_path().string() : ".");
  if (error == EISDIR || error == ESPIPE) hint = "give the path of a file, not of a folder or device";
  throw Error(ErrorCode::FileWriteFailed, nameOf(path), reason(error), "", writingHint(path, error, hint));
}

void replaceFile(const fs::path& path, const std::function<void(const fs::path&)>& write, WriterLock lock) {
  if (isSpecial(typeOfTarget(path))) failWrite(path, ESPIPE);
  replaceBehindLinks(path, [&](Descriptor& file, const fs::path& temporary) {
    if (lock == WriterLock::Own) file.close();
    namingTarget(path, temporary, [&] { write(temporary); });
  });
}

std::vector<std::uint8_t> readFile(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) failRead(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) failRead(path, errno);
  if (S_ISDIR(status.st_mode))
    throw Error(ErrorCode::FileUnreadable, path.string(), "a folder", "a file", "give the path of a file");
  if (!S_ISREG(status.st_mode)) return readToEnd(file.get(), 0, path);
  requireBelievable(file.get(), status.st_size, path);
  return readToEnd(file.get(), static_cast<std::size_t>(status.st_size), path);
}

void writeFile(const fs::path& path, const std::vector<std::uint8_t>& bytes) {
  writeBytes(path, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void writeFile(const fs::path& path, const std::string& text) {
  writeBytes(path, text.data(), text.size());
}

}  // namespace relprop
