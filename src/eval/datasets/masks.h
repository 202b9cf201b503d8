// Masks from PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "relprop/dataset.h"

namespace relprop::eval {

// What a palette index or a grey value means: Mask::kBackground, kObject or kVoid.
using Meaning = std::function<std::uint8_t(std::uint8_t)>;

// Throws MalformedDataset for a broken file, one in colours without a palette, and one of another size than the
// picture.
Mask readMask(const std::filesystem::path& png, const std::filesystem::path& picture, const Meaning& meaning);

// Throws MalformedDataset when the sides differ.
void requireSides(const std::filesystem::path& where, int width, int height, int pictureWidth, int pictureHeight);

}  // namespace relprop::eval
