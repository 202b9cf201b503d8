#include <png.h>

#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

std::vector<std::uint8_t> encodePng(const Image& image) {
  requireWhole(image, "encodePng");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.format = PNG_FORMAT_RGB;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  Bytes file = allocateBytes(size, "encodePng");
  if (!png_image_write_to_memory(&header, file.data(), &size, 0, image.pixels.data(), 0, nullptr))
    throw Error(ErrorCode::Internal, "encodePng", header.message);
  file.resize(size);
  file.shrink_to_fit();
  return file;
}

}  // namespace relprop
