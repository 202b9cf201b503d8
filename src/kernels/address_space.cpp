#include "kernels/address_space.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace relprop {
namespace {

std::optional<std::int64_t> limit() {
  rlimit found{};
  if (getrlimit(RLIMIT_AS, &found) != 0 || found.rlim_cur == RLIM_INFINITY) return {};
  return static_cast<std::int64_t>(found.rlim_cur);
}

std::int64_t machineBytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

}  // namespace

bool hasRoomFor(std::int64_t bytes) {
  if (!limit()) return true;
  const auto size = static_cast<std::size_t>(bytes);
  void* memory = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::munmap(memory, size);
  return true;
}

std::int64_t memoryBoundBytes() {
  return std::min(machineBytes(), limit().value_or(machineBytes()));
}

std::string memoryBound() {
  const bool limited = limit().value_or(machineBytes()) < machineBytes();
  const double megabytes = static_cast<double>(memoryBoundBytes()) / 1e6;
  return limited ? fmt::format("the limit of {:.1f} MB (ulimit -v)", megabytes)
                 : fmt::format("the machine's {:.1f} MB", megabytes);
}

}  // namespace relprop
