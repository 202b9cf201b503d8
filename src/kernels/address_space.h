// The limit that `ulimit -v` sets to a process. Libraries below do not all notice when it refuses them memory, so it is
// asked before they are.
#pragma once

#include <cstdint>
#include <string>

namespace relprop {

// Whether so many bytes more could be had of it. True without a limit.
bool hasRoomFor(std::int64_t bytes);
// What kernels are made in, with room to spare for what their code and their threads take.
constexpr std::int64_t kRoomForKernels = std::int64_t{48} << 20;

// What ends the memory that there is, for errors: "the machine's 25325.3 MB" or "the limit of 400.0 MB (ulimit -v)".
std::string memoryBound();
// The least of both in bytes.
std::int64_t memoryBoundBytes();

}  // namespace relprop
