// What the machine could still give: <https://docs.kernel.org/filesystems/proc.html>, meminfo.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace relprop {

// In bytes, with what files are cached in and what can be swapped out; none where the system does not say. `root` has
// proc.
std::optional<std::int64_t> freeMemory(const std::filesystem::path& root = "/");

}  // namespace relprop
