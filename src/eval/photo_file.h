// Where a photo lay when it was measured, and how large it was: "JPEGImages/001.jpg (4312 bytes)". A text for people,
// and what tells two photos of one name apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace relprop::eval {

// Empty for no path. The path alone where its size is not known.
std::string photoFileText(const std::filesystem::path& path);
std::optional<std::uintmax_t> photoBytes(const std::filesystem::path& path);
std::optional<std::uintmax_t> photoBytesIn(const std::string& text);  // that a photoFileText has

}  // namespace relprop::eval
