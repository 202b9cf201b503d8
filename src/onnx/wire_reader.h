// Protobuf's wire format, field by field.
#pragma once

#include <cstdint>
#include <span>

namespace relprop::onnx_import {

class WireReader {
 public:
  explicit WireReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  bool failed() const { return failed_; }
  const std::uint8_t* position() const { return rest_.data(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      std::uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }

  // What follows a tag; groups are not unwrapped, their fields follow as if they stood in the message itself.
  std::span<const std::uint8_t> payload(std::uint64_t wireType) {
    if (wireType == 0) varint();
    if (wireType == 1) return take(8);
    if (wireType == 5) return take(4);
    return wireType == 2 ? take(varint()) : std::span<const std::uint8_t>{};
  }

 private:
  std::span<const std::uint8_t> take(std::uint64_t count) {
    if (count > rest_.size()) failed_ = true;
    auto taken = rest_.first(failed_ ? 0 : count);
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

}  // namespace relprop::onnx_import
