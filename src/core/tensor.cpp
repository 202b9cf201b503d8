#include "relprop/tensor.h"

#include <limits>

#include "relprop/error.h"

namespace relprop {
namespace {

void requireCount(const Tensor& tensor) {
  if (elementCount(tensor.shape) != static_cast<std::int64_t>(tensor.data.size()))
    throw Error(ErrorCode::ShapeMismatch, "tensor", std::to_string(tensor.data.size()) + " values",
                std::to_string(elementCount(tensor.shape)) + " for " + toString(tensor.shape));
}

}  // namespace

std::int64_t elementCount(const Shape& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) {
    if (extent < 0) throw Error(ErrorCode::ShapeMismatch, "shape", "negative extent in " + toString(shape));
    if (__builtin_mul_overflow(count, extent, &count))
      throw Error(ErrorCode::ShapeMismatch, "shape", toString(shape) + " overflows", "fewer than 2^63 elements");
  }
  return count;
}

std::string toString(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? "×" : "") + (shape[i] == -1 ? "N" : std::to_string(shape[i]));
  return text;
}

Tensor::Tensor(Shape s, float value)
    : shape(std::move(s)), data(static_cast<std::size_t>(elementCount(shape)), value) {}

Tensor::Tensor(Shape s, std::vector<float> values) : shape(std::move(s)), data(std::move(values)) {
  requireCount(*this);
}

TensorView::TensorView(const float* values, Shape s) : data(values), shape(std::move(s)) {
  if (!data && elementCount(shape) > 0)
    throw Error(ErrorCode::InvalidArgument, "tensor", "no data", "a pointer to " + toString(shape) + " values");
}

TensorView::TensorView(const Tensor& tensor) : data(tensor.data.data()), shape(tensor.shape) {
  requireCount(tensor);
}

}  // namespace relprop
