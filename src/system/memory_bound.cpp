#include "system/memory_bound.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "relprop/error.h"
#include "system/cgroup.h"
#include "system/free_memory.h"

namespace relprop {
namespace {

std::optional<std::int64_t> addressLimit() {
  rlimit found{};
  if (getrlimit(RLIMIT_AS, &found) != 0 || found.rlim_cur == RLIM_INFINITY) return {};
  return static_cast<std::int64_t>(found.rlim_cur);
}

std::int64_t machineBytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

// Of which others have taken some. The system grants them all the same, and kills when they are written to.
std::int64_t freeMachineBytes() {
  return std::min(freeMemory().value_or(machineBytes()), machineBytes());
}

// Of a container for what is not asked for: small things, stacks, code.
std::int64_t keptBack(const GroupMemory& container) {
  return std::min(container.limit / 16, std::int64_t{16} << 20);
}

std::optional<GroupMemory> groupWithinMachine() {
  const auto found = groupMemory();
  return found && found->limit < machineBytes() ? found : std::nullopt;
}

// Without what is kept back. Whether there is a limit is asked once: a network with hundreds of weights asks as often,
// and containers have theirs from the start.
std::optional<GroupMemory> containerMemory() {
  static const bool limited = groupWithinMachine().has_value();
  auto found = limited ? groupWithinMachine() : std::nullopt;
  if (!found) return {};
  found->left = std::max<std::int64_t>(found->left - keptBack(*found), 0);
  return found;
}

std::string inMegabytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

bool hasRoomFor(std::int64_t bytes) {
  if (!addressLimit()) return true;
  const auto size = static_cast<std::size_t>(bytes);
  void* memory = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::munmap(memory, size);
  return true;
}

bool hasMemoryFor(std::int64_t bytes) {
  constexpr std::int64_t few = 1 << 16, many = 1 << 26;  // for fewer, looking takes longer than having them
  if (bytes < few) return true;
  if (bytes >= (bytes < many ? machineBytes() : freeMachineBytes()) || !hasRoomFor(bytes)) return false;
  const auto container = containerMemory();
  return !container || bytes <= container->left;
}

void claimPages(void* memory, std::int64_t bytes) {
  if (!containerMemory()) return;
  auto* const first = static_cast<volatile unsigned char*>(memory);
  for (std::int64_t at = 0, page = sysconf(_SC_PAGESIZE); at < bytes; at += page) first[at] = 0;
}

std::string memoryBound() {
  const auto addresses = addressLimit();
  const auto container = containerMemory();
  const std::int64_t machine = freeMachineBytes();
  const std::int64_t least = std::min({machine, addresses.value_or(machine), container ? container->limit : machine});
  if (container && least == container->limit)
    return fmt::format("the container's {}, {} of which are left and {} kept back", inMegabytes(least),
                       inMegabytes(container->left), inMegabytes(keptBack(*container)));
  return least == addresses
             ? fmt::format("the limit of {} (ulimit -v)", inMegabytes(least))
             : fmt::format("the machine's {}, {} of which are free", inMegabytes(machineBytes()), inMegabytes(machine));
}

void failMemory(const std::string& what, std::int64_t bytes, const std::string& hint) {
  throw Error(ErrorCode::OutOfMemory, what, inMegabytes(bytes) + " needed", "at most " + memoryBound(), hint);
}

void requireMemoryWithin(std::int64_t limit, std::int64_t bytes, const std::string& what, const std::string& hint) {
  constexpr std::int64_t little = 1 << 26;
  if (limit > 0 && bytes > std::max(limit, little))
    throw Error(ErrorCode::OutOfMemory, what, inMegabytes(bytes) + " needed", "at most " + inMegabytes(limit), hint);
  requireMemory(bytes, what, hint);
}

void requireMemory(std::int64_t bytes, const std::string& what, const std::string& hint) {
  if (!hasMemoryFor(bytes)) failMemory(what, bytes, hint);
}

}  // namespace relprop
