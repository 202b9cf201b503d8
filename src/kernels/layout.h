// How an activation lies in memory: plain row-major, or with channels in blocks (N, ⌈C/b⌉, spatial…, b) as vector units
// want.
#pragma once

#include <bit>
#include <cstdint>

#include "relprop/tensor.h"

namespace relprop {

enum class Element : std::uint8_t { Float32, Bfloat16 };

constexpr std::int64_t bytesOf(Element type) {
  return type == Element::Float32 ? 4 : 2;
}

// A bfloat16 is the upper half of a float: rounded to the nearest, ties to even; NaN stays NaN.
inline std::uint16_t toBfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
inline float fromBfloat16(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

// Invariant of a blocked buffer: lanes beyond C are zero, always. Every kernel keeps it, so elementwise passes need not
// know where channels end.
struct TensorDesc {
  Shape shape;    // logical: N, C, spatial…
  int block = 1;  // 1: plain; all channels: channels last
  Element element = Element::Float32;

  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::int64_t channels() const { return shape.size() > 1 ? shape[1] : 1; }
  std::int64_t spatial() const;    // product of the extents behind the channels
  std::int64_t rowFloats() const;  // one row (image), padding lanes included
  std::int64_t floats() const { return rows() * rowFloats(); }
  std::int64_t bytes() const { return floats() * bytesOf(element); }
  TensorDesc as(Element type) const { return {shape, block, type}; }
  bool padded() const { return channels() % block != 0; }
  bool operator==(const TensorDesc&) const = default;
};

// Logical index (row-major over shape) to physical position.
std::int64_t physicalIndex(const TensorDesc& desc, std::int64_t row, std::int64_t channel, std::int64_t position);

}  // namespace relprop
