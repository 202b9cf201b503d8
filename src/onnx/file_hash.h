// What tells files apart: "xxh3:" and 16 hex digits over their bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace relprop {

class FileHash {
 public:
  FileHash();  // throws OutOfMemory
  void add(std::span<const std::uint8_t> bytes);
  std::string text() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace relprop
