// Numbers as bytes, the lowest byte first on every machine.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace relprop::eval {

template <class Number>
using Bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;

template <class Number>
std::vector<std::uint8_t> toBlob(const std::vector<Number>& numbers) {
  std::vector<std::uint8_t> bytes(numbers.size() * sizeof(Number));
  std::uint8_t* to = bytes.data();
  for (const Number number : numbers)
    for (std::size_t i = 0; i < sizeof(Number); ++i)
      *to++ = static_cast<std::uint8_t>(std::bit_cast<Bits<Number>>(number) >> 8 * i);
  return bytes;
}

// Nothing when the bytes do not make whole numbers.
template <class Number>
std::optional<std::vector<Number>> fromBlob(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() % sizeof(Number) != 0) return {};
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  const std::uint8_t* from = bytes.data();
  for (Number& number : numbers) {
    Bits<Number> bits = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) bits |= Bits<Number>{*from++} << 8 * i;
    number = std::bit_cast<Number>(bits);
  }
  return numbers;
}

}  // namespace relprop::eval
