// The text header of a .npy file.
#pragma once

#include <string>
#include <string_view>

#include "relprop/tensor.h"

namespace relprop {

struct NpyHeader {
  std::string type;  // as numpy writes it, "<f4"
  bool fortranOrder = false;
  Shape shape;
};

// `text` is the Python dictionary of the header. Throws MalformedTensor.
NpyHeader parseNpyHeader(std::string_view text, const std::string& name);

}  // namespace relprop
