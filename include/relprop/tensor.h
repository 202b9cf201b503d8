// A dense float32 array in row-major order; images are N×C×H×W.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relprop/export.h"

namespace relprop {

using Shape = std::vector<std::int64_t>;

// Number of elements; 1 for the empty shape. Throws ShapeMismatch on a negative extent or when the product overflows.
RELPROP_API std::int64_t elementCount(const Shape& shape);

// "1×3×224×224"; "scalar" for the empty shape; N for -1, an extent that is open.
RELPROP_API std::string toString(const Shape& shape);

// The caller's own data: where there is no memory for it, it throws what std::vector throws.
struct RELPROP_API Tensor {
  Shape shape;
  std::vector<float> data;  // elementCount(shape) values

  Tensor() = default;
  explicit Tensor(Shape s, float value = 0.0f);
  Tensor(Shape s, std::vector<float> values);  // throws ShapeMismatch when the counts differ
};

// Such an array where it lies, without a copy; it has to last as long as the call that is given the view.
struct RELPROP_API TensorView {
  const float* data = nullptr;
  Shape shape;

  TensorView(const float* values, Shape s);  // throws InvalidArgument where nullptr stands for elements
  TensorView(const Tensor& tensor);          // throws ShapeMismatch when its data is not as long as its shape says
};

}  // namespace relprop
