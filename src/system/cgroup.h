// The memory of the control group that a process is in, as containers and batch systems limit it: versions 1 and 2,
// <https://docs.kernel.org/admin-guide/cgroup-v2.html>.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace relprop {

struct GroupMemory {
  std::int64_t limit = 0, left = 0;  // bytes; what files are cached in counts as left
};

// Of this process's group and those around it the one with least left; none where no group has a limit. `root` has proc
// and sys.
std::optional<GroupMemory> groupMemory(const std::filesystem::path& root = "/");

}  // namespace relprop
