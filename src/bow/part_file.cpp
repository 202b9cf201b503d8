#include "bow/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/digest.h"
#include "image/replace_file.h"
#include "relprop/error.h"

namespace relprop::bow {

namespace {

// What a record begins with.
struct RecordHead {
  std::uint64_t size = 0, checksum = 0;
};

[[noreturn]] void failParts(const std::filesystem::path& path, const char* got) {
  throw Error(ErrorCode::InvalidArgument, path.string(), got, "what this training left",
              fmt::format("remove {} to start again, or write another file", path.parent_path().string()));
}

}  // namespace

PartFile::PartFile(std::filesystem::path path, const std::string& key, const std::function<void(Record)>& take)
    : path_(std::move(path)) {
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) failWrite(path_, errno);
  try {
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) failParts(path_, "open in another program");
    struct stat status = {};
    if (fstat(file_, &status) != 0) failWrite(path_, errno);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::string head = "relprop " + key + "\n";
    std::string found(std::min<std::uint64_t>(size, head.size()), '\0');
    if (!readBytes(reinterpret_cast<std::uint8_t*>(found.data()), found.size())) failWrite(path_, errno);
    if (!head.starts_with(found)) failParts(path_, "parts of another training");
    const bool begun = found == head;
    const std::uint64_t end = begun ? readAll(head.size(), size, take) : 0;
    if (ftruncate(file_, static_cast<off_t>(end)) != 0 || lseek(file_, 0, SEEK_END) < 0) failWrite(path_, errno);
    if (!begun) writeBytes(reinterpret_cast<const std::uint8_t*>(head.data()), head.size());
  } catch (...) {
    close(file_);
    throw;
  }
}

PartFile::~PartFile() {
  close(file_);
}

// Where the last whole record ends.
std::uint64_t PartFile::readAll(std::uint64_t start, std::uint64_t size, const std::function<void(Record)>& take) {
  std::vector<std::uint8_t> record;
  while (readRecord(size - start, record)) {
    take(record);
    start += sizeof(RecordHead) + record.size();
  }
  return start;
}

bool PartFile::readRecord(std::uint64_t left, std::vector<std::uint8_t>& record) {
  std::array<std::uint8_t, sizeof(RecordHead)> bytes{};
  if (left < bytes.size() || !readBytes(bytes.data(), bytes.size())) return false;
  RecordHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.size > left - bytes.size()) return false;
  record.resize(head.size);
  return readBytes(record.data(), record.size()) && fnv1a(record) == head.checksum;
}

void PartFile::append(Record record) {
  const RecordHead head{record.size(), fnv1a(record)};
  writeBytes(reinterpret_cast<const std::uint8_t*>(&head), sizeof head);
  writeBytes(record.data(), record.size());
}

bool PartFile::readBytes(std::uint8_t* into, std::size_t count) {
  while (count > 0) {
    const ssize_t got = read(file_, into, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into += got, count -= static_cast<std::size_t>(got);
  }
  return true;
}

void PartFile::writeBytes(const std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t put = write(file_, bytes, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) failWrite(path_, errno);
    bytes += put, count -= static_cast<std::size_t>(put);
  }
}

}  // namespace relprop::bow
