// One function a file format: the stored pixels as RGB8 without alpha, orientation not yet applied.
#pragma once

#include <string>

#include "image/pixels.h"

namespace relprop {

// `message` is the decoder's. What the machine lacks is not the picture's fault, which would count as broken for good.
[[noreturn]] void failDecoding(const std::string& name, const std::string& format, const std::string& message);

Image decodeJpeg(const Bytes& file, const std::string& name);
Image decodePng(const Bytes& file, const std::string& name);
Image decodeWebp(const Bytes& file, const std::string& name);

}  // namespace relprop
