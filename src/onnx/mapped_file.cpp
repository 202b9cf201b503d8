#include "onnx/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "relprop/error.h"

namespace relprop::onnx_import {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  bool missing = error == ENOENT || error == ENOTDIR;
  throw Error(missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, path.string(),
              missing ? "no such file" : std::string("cannot be read: ") + std::strerror(error));
}

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer; it is refused right below.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) fail(path, errno);
  Descriptor owner{fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0) fail(path, errno);
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorCode::FileUnreadable, path.string(),
                S_ISDIR(info.st_mode) ? "is a folder" : "is not a regular file", "a file");
  if (info.st_size == 0) return;
  void* memory = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) fail(path, errno);
  data_ = static_cast<const std::uint8_t*>(memory);
  size_ = static_cast<std::size_t>(info.st_size);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace relprop::onnx_import
