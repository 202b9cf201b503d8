// model.bow: one zip archive of header.json (settings, names, version) and arrays as .npy.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "bow/bag.h"

namespace relprop::bow {

inline constexpr int kFileVersion = 1;

// Does the file begin as a zip archive does? ONNX files never do.
bool looksLikeBag(std::span<const std::byte> start);
// Everything in it is checked: sizes against each other, ranges, finite numbers. `name` is what messages call it.
// Throws FileNotFound, FileUnreadable, MalformedModel, UnsupportedModel (another version), NonFiniteWeights,
// OutOfMemory.
std::shared_ptr<const Bag> readBag(const std::filesystem::path& path);
std::shared_ptr<const Bag> readBag(std::span<const std::byte> bytes, const std::string& name);
// Equal bags make equal files. Whole or not at all. Throws FileWriteFailed.
void writeBag(const std::filesystem::path& path, const Bag& bag);

}  // namespace relprop::bow
