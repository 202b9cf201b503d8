// How an activation lies in memory: plain row-major, or with channels in blocks (N, ⌈C/b⌉, spatial…, b) as vector units
// want.
#pragma once

#include <cstdint>

#include "relprop/tensor.h"

namespace relprop {

// Invariant of a blocked buffer: lanes beyond C are zero, always. Every kernel keeps it, so elementwise passes need not
// know where channels end.
struct TensorDesc {
  Shape shape;    // logical: N, C, spatial…
  int block = 1;  // 1: plain

  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::int64_t channels() const { return shape.size() > 1 ? shape[1] : 1; }
  std::int64_t spatial() const;    // product of the extents behind the channels
  std::int64_t rowFloats() const;  // one row (image), padding lanes included
  std::int64_t floats() const { return rows() * rowFloats(); }
  bool padded() const { return channels() % block != 0; }
  bool operator==(const TensorDesc&) const = default;
};

// Logical index (row-major over shape) to physical position.
std::int64_t physicalIndex(const TensorDesc& desc, std::int64_t row, std::int64_t channel, std::int64_t position);

}  // namespace relprop
