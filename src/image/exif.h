// The orientation that a camera recorded, and turning a picture upright by it.
#pragma once

#include <optional>

#include "image/containers.h"
#include "relprop/image.h"

namespace relprop {

// 1…8 from an EXIF block (a TIFF structure, perhaps behind "Exif\0\0"); 1 when there is none or it is malformed.
int exifOrientation(std::optional<ByteSpan> block);

// The picture as it is meant to be looked at.
Image orient(Image image, int orientation, const std::string& where);

}  // namespace relprop
