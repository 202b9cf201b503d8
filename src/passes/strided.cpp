#include "passes/strided.h"

namespace relprop {

Shape contiguousStrides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

View contiguousView(const Shape& shape) {
  return {shape, contiguousStrides(shape), 0};
}

View broadcastView(const Shape& shape, const Shape& target) {
  View view{target, Shape(target.size(), 0), 0};
  const Shape strides = contiguousStrides(shape);
  const std::size_t offset = target.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) view.strides[offset + i] = shape[i] == 1 ? 0 : strides[i];
  return view;
}

}  // namespace relprop
