// Picture files of the kinds that decoders trip over.
#pragma once

#include <filesystem>

namespace e2e {

void writeGreyGradientPng(const std::filesystem::path& path, int width, int height);
void writeSixteenBitPng(const std::filesystem::path& path, int width, int height);
void writeCmykJpeg(const std::filesystem::path& path, int width, int height);

}  // namespace e2e
