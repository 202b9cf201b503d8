// A bag of visual words as a Model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "relprop/explain.h"

namespace relprop {

// By the first bytes of the file; false of one that cannot be read, about which the importer knows what to say.
bool isBagFile(const std::filesystem::path& path);
// Throws what bow::readBag throws, and InvalidArgument for options that are about networks.
Model bagModel(const std::string& name, std::span<const std::uint8_t> bytes, const ModelOptions& options);

}  // namespace relprop
