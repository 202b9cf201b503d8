// What a CopySpec copies, element by element: for whoever asks where elements go, and does not copy at speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace relprop {

// Calls f(source, destination), places of each element of the box; the last axis is the fastest.
template <class F>
void forEachCopied(const CopySpec& c, F f) {
  std::int64_t left = 1, from = c.srcOffset, to = c.dstOffset;
  for (const std::int64_t extent : c.extents) left *= extent;
  std::vector<std::int64_t> at(c.extents.size(), 0);
  for (; left > 0; --left) {
    f(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
    for (std::size_t axis = at.size(); axis-- > 0;) {
      from += c.srcStrides[axis], to += c.dstStrides[axis];
      if (++at[axis] < c.extents[axis]) break;
      from -= c.extents[axis] * c.srcStrides[axis], to -= c.extents[axis] * c.dstStrides[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace relprop
