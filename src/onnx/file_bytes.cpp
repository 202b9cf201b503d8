#include "onnx/file_bytes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <system_error>

#include "core/parallel.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop::onnx_import {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int error) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  throw Error(missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, path.empty() ? "''" : path.string(),
              missing ? "no such file" : "cannot be read: " + std::generic_category().message(error));
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::size_t sizeOf(const Descriptor& file, const fs::path& path) {
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(path, errno);
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorCode::FileUnreadable, path.string(),
                S_ISDIR(info.st_mode) ? "is a folder" : "is not a regular file", "a file");
  return static_cast<std::size_t>(info.st_size);
}

void readPart(const Descriptor& file, std::span<std::uint8_t> part, std::size_t from, const fs::path& path) {
  while (!part.empty()) {
    const ssize_t count = ::pread(file.fd, part.data(), part.size(), static_cast<off_t>(from));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, errno);
    if (count == 0)
      throw Error(ErrorCode::FileUnreadable, path.string(), "it became shorter while it was read",
                  "a file that nobody writes to", "try again when it has been copied");
    part = part.subspan(static_cast<std::size_t>(count));
    from += static_cast<std::size_t>(count);
  }
}

using Data = std::shared_ptr<const std::uint8_t[]>;

// While this descriptor is open, whoever wants to write to the file waits (fcntl(2), leases). Refused where somebody
// has it open for that, where it belongs to somebody else, and by file systems without leases. The signal that tells of
// waiting ones is one that is ignored by default.
bool leased(int fd) {
  return ::fcntl(fd, F_SETSIG, SIGURG) == 0 && ::fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
}

Data mapped(int fd, std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) return {};
  return {static_cast<const std::uint8_t*>(memory), [fd, size](const std::uint8_t* data) {
            ::munmap(const_cast<std::uint8_t*>(data), size);
            ::fcntl(fd, F_SETLEASE, F_UNLCK);  // a process forked meanwhile has the descriptor too
            ::close(fd);
          }};
}

Data copied(const Descriptor& file, std::size_t size, const fs::path& path) {
  requireMemory(static_cast<std::int64_t>(size), path.string());
  const std::shared_ptr<std::uint8_t[]> data(new (std::nothrow) std::uint8_t[std::max<std::size_t>(size, 1)]);
  if (!data)
    throw Error(ErrorCode::OutOfMemory, path.string(), "no memory left for " + std::to_string(size) + " bytes");
  constexpr std::size_t part = std::size_t{16} << 20;
  inParallel((size + part - 1) / part, [&](std::size_t i) {
    readPart(file, {data.get() + i * part, std::min(part, size - i * part)}, i * part, path);
  });
  return data;
}

}  // namespace

FileBytes::FileBytes(const fs::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer; it is refused right below.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail(path, errno);
  Descriptor file{fd};
  size_ = sizeOf(file, path);
  if (size_ > 0 && leased(fd) && sizeOf(file, path) == size_) data_ = mapped(fd, size_);
  if (data_)
    file.fd = -1;  // the mapping's now
  else
    data_ = copied(file, size_, path);
}

}  // namespace relprop::onnx_import
