// The part of a resized picture that a crop leaves, without the rest.
#pragma once

#include "relprop/image.h"

namespace relprop {

struct Part {
  int left, top, width, height;
};

// What resizeImage(image, width, height) shows in `part`, which lies inside of it.
Image resizePart(const Image& image, int width, int height, const Part& part);

}  // namespace relprop
