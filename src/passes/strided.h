// Walking over strided views of flat arrays.
#pragma once

#include <cstdint>

#include "relprop/tensor.h"

namespace relprop {

// Element (i0, i1, ...) of the view is at offset + Σ i·stride of the array.
struct View {
  Shape shape, strides;
  std::int64_t offset = 0;
};

Shape contiguousStrides(const Shape& shape);
View contiguousView(const Shape& shape);
// `shape` seen as the larger shape `target`, repeated as numpy broadcasts.
View broadcastView(const Shape& shape, const Shape& target);

// Calls f(position) for the position of each element in row-major order of the view's shape.
template <class F>
void forEachPosition(const View& view, F f) {
  if (elementCount(view.shape) == 0) return;
  const std::size_t rank = view.shape.size();
  Shape index(rank, 0);
  std::int64_t position = view.offset;
  while (true) {
    f(position);
    std::size_t axis = rank;
    for (; axis > 0; --axis) {
      position += view.strides[axis - 1];
      if (++index[axis - 1] < view.shape[axis - 1]) break;
      position -= view.strides[axis - 1] * view.shape[axis - 1];
      index[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

}  // namespace relprop
