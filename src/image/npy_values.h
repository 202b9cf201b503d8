// .npy files at full precision.
#pragma once

#include "image/pixels.h"

namespace relprop {

struct NpyValues {
  Shape shape;
  std::vector<double> data;
};
// As decodeNpy. Throws MalformedTensor.
NpyValues decodeNpyValues(const Bytes& bytes, const std::string& name);

// Magic and header of a version 1.0 file in C order; `type` as numpy writes it, "<f4". Throws ShapeMismatch where the
// values that shall follow are not as many as the shape says.
Bytes npyStart(const std::string& type, const Shape& shape, std::size_t count);

}  // namespace relprop
