// Buffers as kernels and programs get them: as bytes. What lies in one, the kernel knows from its specification.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/layout.h"

namespace relprop {

// Buffers of float32, by their place in the call.
struct FloatsIn {
  const std::byte* const* buffers;
  const float* operator[](std::size_t k) const { return reinterpret_cast<const float*>(buffers[k]); }
};
struct FloatsOut {
  std::byte* const* buffers;
  float* operator[](std::size_t k) const { return reinterpret_cast<float*>(buffers[k]); }
};

// Element i of a buffer of either type.
inline float readElement(const std::byte* data, std::int64_t i, Element type) {
  if (type == Element::Float32) return reinterpret_cast<const float*>(data)[i];
  return fromBfloat16(reinterpret_cast<const std::uint16_t*>(data)[i]);
}
inline void writeElement(std::byte* data, std::int64_t i, Element type, float value) {
  if (type == Element::Float32)
    reinterpret_cast<float*>(data)[i] = value;
  else
    reinterpret_cast<std::uint16_t*>(data)[i] = toBfloat16(value);
}

}  // namespace relprop
