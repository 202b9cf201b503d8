// A file mapped read-only into memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace relprop::onnx_import {

class MappedFile {
 public:
  // Throws FileNotFound or FileUnreadable (also for folders, pipes and devices).
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace relprop::onnx_import
