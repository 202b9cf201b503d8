// A file's bytes in memory, which stay whatever becomes of the file: of one that is merely mapped and cut short
// meanwhile, the next look at what is gone ends the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace relprop::onnx_import {

class FileBytes {
 public:
  // Throws FileNotFound, FileUnreadable (also for folders, pipes and devices, and for a file that becomes shorter while
  // it is read) or OutOfMemory.
  explicit FileBytes(const std::filesystem::path& path);

  std::span<const std::uint8_t> bytes() const { return {data_.get(), size_}; }

 private:
  std::shared_ptr<const std::uint8_t[]> data_;
  std::size_t size_ = 0;
};

}  // namespace relprop::onnx_import
