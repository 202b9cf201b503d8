#include "eval/datasets/masks.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/datasets/files.h"
#include "image/stored.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

IndexImage readIndices(const fs::path& png) {
  try {
    return readIndexPng(regularFile(png));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::MalformedImage && error.code() != ErrorCode::UnsupportedImage) throw;
    malformed(png, error.got(), error.expected());
  }
}

}  // namespace

Mask readMask(const fs::path& png, const fs::path& picture, const Meaning& meaning) {
  const IndexImage indices = readIndices(png);
  const Image photo = readStoredImage(regularFile(picture));
  requireSides(png, indices.width, indices.height, photo.width, photo.height);
  Mask mask{indices.width, indices.height, std::vector<std::uint8_t>(indices.values.size())};
  std::transform(indices.values.begin(), indices.values.end(), mask.values.begin(), meaning);
  return mask;
}

void requireSides(const fs::path& where, int width, int height, int pictureWidth, int pictureHeight) {
  if (width == pictureWidth && height == pictureHeight) return;
  malformed(where, fmt::format("a mask of {}×{} pixels", width, height),
            fmt::format("{}×{}, the size of the picture", pictureWidth, pictureHeight));
}

}  // namespace relprop::eval
