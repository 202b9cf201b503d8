// What ends the memory that a process gets: the machine's, the limit that `ulimit -v` sets to its addresses, and that
// of the container (cgroup) it runs in, which kills where the others refuse. Libraries below do not all notice when
// they are refused memory, so it is asked for before they are.
#pragma once

#include <cstdint>
#include <string>

namespace relprop {

// Whether so many bytes more of addresses could be had. True without a limit.
bool hasRoomFor(std::int64_t bytes);
// What kernels are made in, with room to spare for what their code and their threads take.
constexpr std::int64_t kRoomForKernels = std::int64_t{48} << 20;

// Whether the machine, the limit of addresses and the container have so many bytes more. Machine and container count
// pages that were written to: whoever keeps what it was given for later calls claimPages, so that the next one sees
// less.
bool hasMemoryFor(std::int64_t bytes);
// Writes a zero to each page where a container counts them.
void claimPages(void* memory, std::int64_t bytes);

// What ends the memory that there is, for errors: "the machine's 25325.3 MB, 20104.2 MB of which are free", "the limit
// of 400.0 MB (ulimit -v)" or "the container's 512.0 MB, 130.0 MB of which are left and 16.8 MB kept back".
std::string memoryBound();
constexpr const char* kMoreMemory = "raise the limit of memory";
// For so many bytes that `what` wanted in vain: throws OutOfMemory.
[[noreturn]] void failMemory(const std::string& what, std::int64_t bytes, const std::string& hint = kMoreMemory);
// Fails where hasMemoryFor(bytes) is false.
void requireMemory(std::int64_t bytes, const std::string& what, const std::string& hint = kMoreMemory);
// The same with a limit of the caller's own, 0 for none, before what it is for says how much it needs in all: less than
// 64 MiB passes.
void requireMemoryWithin(std::int64_t limit, std::int64_t bytes, const std::string& what, const std::string& hint);

}  // namespace relprop
