#include "system/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace relprop {
namespace {

namespace fs = std::filesystem;

// What a version calls its files. Version 1 has the sums over the groups within under names of their own.
struct Version {
  fs::path mount;
  const char* limit;
  const char* used;
  const char* cached[2];
};

// As the first word of the file; none where it is no number, such as "max".
std::optional<std::int64_t> firstNumberOf(const fs::path& file) {
  std::int64_t number = 0;
  if (std::ifstream in(file); in >> number) return number;
  return {};
}

std::int64_t statistic(const fs::path& group, const char* wanted) {
  std::ifstream in(group / "memory.stat");
  std::string name;
  for (std::int64_t value = 0; in >> name >> value;)
    if (name == wanted) return value;
  return 0;
}

std::optional<GroupMemory> memoryOf(const fs::path& group, const Version& version) {
  const auto limit = firstNumberOf(group / version.limit);
  const auto used = firstNumberOf(group / version.used);
  if (!limit || !used) return {};
  const std::int64_t cached = statistic(group, version.cached[0]) + statistic(group, version.cached[1]);
  return GroupMemory{*limit, std::max<std::int64_t>(*limit - std::max<std::int64_t>(*used - cached, 0), 0)};
}

// Up to the mount, which a container sees its own group at.
std::optional<GroupMemory> leastFrom(const fs::path& path, const Version& version) {
  std::optional<GroupMemory> least;
  std::error_code none;
  for (fs::path group = version.mount / path;; group = group.parent_path()) {
    if (fs::is_directory(group, none))
      if (const auto found = memoryOf(group, version); found && (!least || found->left < least->left)) least = found;
    if (group == version.mount || !group.has_relative_path()) return least;
  }
}

// The third field of "4:memory:/a/b" or "0::/a/b", relative.
fs::path pathIn(const std::string& line) {
  const std::size_t second = line.find(':', line.find(':') + 1);
  return fs::path(line.substr(second + 1)).relative_path();
}

bool namesMemory(const std::string& line) {
  const std::size_t first = line.find(':'), second = line.find(':', first + 1);
  if (second == std::string::npos) return false;
  return ("," + line.substr(first + 1, second - first - 1) + ",").find(",memory,") != std::string::npos;
}

}  // namespace

std::optional<GroupMemory> groupMemory(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (namesMemory(line))
      return leastFrom(pathIn(line), {mount / "memory",
                                      "memory.limit_in_bytes",
                                      "memory.usage_in_bytes",
                                      {"total_inactive_file", "total_active_file"}});
    if (line.starts_with("0::"))
      return leastFrom(pathIn(line), {mount, "memory.max", "memory.current", {"inactive_file", "active_file"}});
  }
  return {};
}

}  // namespace relprop
