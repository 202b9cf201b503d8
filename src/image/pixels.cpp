#include "image/pixels.h"

#include <fmt/format.h>

#include <new>

#include "relprop/budgets.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop {

void requirePixelCount(std::int64_t width, std::int64_t height, const std::string& where) {
  const std::string got = fmt::format("{}×{} pixels", width, height);
  if (width <= 0 || height <= 0) throw Error(ErrorCode::InvalidArgument, where, got, "sides of at least one pixel");
  if (width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels)
    throw Error(ErrorCode::UnsupportedImage, where, got, fmt::format("at most {} pixels", kMaxPixels),
                "make the picture smaller");
}

void requireDecodable(std::int64_t width, std::int64_t height, std::size_t fileBytes, const std::string& where) {
  requirePixelCount(width, height, where);
  const std::int64_t most = limits::withBytes(budgets().picturePixels, limits::kImagePixelsPerByte, fileBytes);
  if (width * height > most)
    throw Error(ErrorCode::UnsupportedImage, where, fmt::format("{}×{} pixels in {} bytes", width, height, fileBytes),
                fmt::format("at most {} pixels in a file of this size", most),
                "make the picture smaller, or allow more pixels (--budget pixels=N)");
}

Bytes allocateBytes(std::size_t count, const std::string& where) {
  const auto bytes = static_cast<std::int64_t>(count);
  constexpr const char* hint = "make the picture smaller, or raise the limit of memory";
  requireMemory(bytes, where, hint);
  try {
    return Bytes(count);
  } catch (const std::bad_alloc&) {
    failMemory(where, bytes, hint);
  }
}

Image blankImage(std::int64_t width, std::int64_t height, const std::string& where) {
  requirePixelCount(width, height, where);
  Image image;
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  image.pixels = allocateBytes(static_cast<std::size_t>(width * height * 3), where);
  return image;
}

void requireWhole(const Image& image, const std::string& where) {
  requirePixelCount(image.width, image.height, where);
  const auto expected = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
  if (image.pixels.size() != expected)
    throw Error(ErrorCode::InvalidArgument, where, fmt::format("{} bytes of pixels", image.pixels.size()),
                fmt::format("{} for {}×{}", expected, image.width, image.height));
}

}  // namespace relprop
