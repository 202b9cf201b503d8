// Arrays as the C interface has them, and the library's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relprop/image.h"
#include "relprop/relprop.h"
#include "relprop/tensor.h"

namespace relprop::c {

// Shape of an array that is given, whose type is `type`. Throws InvalidArgument, ShapeMismatch; `name` is the argument.
Shape checkedShape(const relprop_array* array, int type, const char* name);
// Of float32, where it lies.
TensorView floats(const relprop_array* array, const char* name);
Tensor tensorOf(const relprop_array* array, const char* name);
// H×W×3 pixels.
Image imageOf(const relprop_array* array, const char* name);
// The bytes of a file, or pixels.
Image pictureOf(const relprop_array* array, const std::string& name);

// An array that a result holds; `data` is the result's. Throws ShapeMismatch where it has more axes than relprop_array
// holds, as of an inner node it may; `name` is what the result calls it.
relprop_array arrayOf(int type, const Shape& shape, const void* data, const std::string& name);

}  // namespace relprop::c
