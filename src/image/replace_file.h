// Whole-or-not-at-all for what writes its file by name.
#pragma once

#include <filesystem>
#include <functional>

namespace relprop {

// `write` fills a new file beside `path`, which then takes its place; it is removed when `write` throws. Devices and
// pipes are refused.
void replaceFile(const std::filesystem::path& path,
                 const std::function<void(const std::filesystem::path& temporary)>& write);

// Throws FileUnreadable or FileNotFound, or FileWriteFailed, for an errno.
[[noreturn]] void failRead(const std::filesystem::path& path, int error);
[[noreturn]] void failWrite(const std::filesystem::path& path, int error);

}  // namespace relprop
