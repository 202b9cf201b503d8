// A file of records, one after the other, that outlives the program that writes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace relprop::bow {

class PartFile {
 public:
  using Record = std::span<const std::uint8_t>;
  // Opens the file or makes it, and hands its records to `take` in their order; one that was not written to its end is
  // dropped. Throws InvalidArgument where the file was made with another key, or another program has it open;
  // FileWriteFailed.
  PartFile(std::filesystem::path path, const std::string& key, const std::function<void(Record)>& take);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  void append(Record record);  // throws FileWriteFailed

 private:
  bool readBytes(std::uint8_t* into, std::size_t count);
  bool readRecord(std::uint64_t left, std::vector<std::uint8_t>& record);
  void writeBytes(const std::uint8_t* bytes, std::size_t count);
  std::uint64_t readAll(std::uint64_t start, std::uint64_t size, const std::function<void(Record)>& take);

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace relprop::bow
