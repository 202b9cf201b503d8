#include "kernels/layout.h"

namespace relprop {

std::int64_t TensorDesc::spatial() const {
  std::int64_t count = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) count *= shape[i];
  return count;
}

std::int64_t TensorDesc::rowFloats() const {
  return (channels() + block - 1) / block * block * spatial();
}

std::int64_t physicalIndex(const TensorDesc& desc, std::int64_t row, std::int64_t channel, std::int64_t position) {
  const std::int64_t b = desc.block;
  return row * desc.rowFloats() + ((channel / b) * desc.spatial() + position) * b + channel % b;
}

}  // namespace relprop
