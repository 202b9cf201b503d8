#include "system/free_memory.h"

#include <fstream>
#include <limits>
#include <string>

namespace relprop {

std::optional<std::int64_t> freeMemory(const std::filesystem::path& root) {
  constexpr std::int64_t bytesOfUnit = 1024;  // "MemAvailable:   23413904 kB"
  std::ifstream info(root / "proc/meminfo");
  std::optional<std::int64_t> available;
  std::int64_t swap = 0;
  std::string name;
  for (std::int64_t value = 0; info >> name >> value; info.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (name == "MemAvailable:") available = value;
    if (name == "SwapFree:") swap = value;
  }
  if (!available) return {};
  return (*available + swap) * bytesOfUnit;
}

}  // namespace relprop
