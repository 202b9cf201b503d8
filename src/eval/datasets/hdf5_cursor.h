// Little-endian numbers from bytes, one after the other.
#pragma once

#include <cstdint>
#include <span>

namespace relprop::eval {

class Hdf5Cursor {
 public:
  explicit Hdf5Cursor(std::span<const std::uint8_t> bytes, std::size_t from = 0) : rest_(bytes.subspan(from)) {}

  // False once more was asked for than there is; what was asked for was 0 then.
  bool good() const { return good_; }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::span<const std::uint8_t> take(std::size_t count) {
    if (count > rest_.size()) good_ = false, count = 0;
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  bool empty() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    const auto taken = take(bytes);
    for (std::size_t i = taken.size(); i-- > 0;) value = value << 8 | taken[i];
    return value;
  }

  std::span<const std::uint8_t> rest_;
  bool good_ = true;
};

}  // namespace relprop::eval
