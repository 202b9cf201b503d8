// One function a file format: the stored pixels as RGB8 without alpha, orientation not yet applied.
#pragma once

#include <string>

#include "image/pixels.h"

namespace relprop {

Image decodeJpeg(const Bytes& file, const std::string& name);
Image decodePng(const Bytes& file, const std::string& name);
Image decodeWebp(const Bytes& file, const std::string& name);

}  // namespace relprop
