// Loops that several threads share.
#pragma once

#include <cstddef>
#include <functional>

namespace relprop {

constexpr std::size_t kMostThreadsByThemselves =
    8;  // that are started where no number is given; more do not move memory faster

// Calls work(0), …, work(count - 1), in no particular order, on so many threads, or fewer where the system starts no
// more. 0: on all cores, but eight at most, for work that reads and writes memory, such as decoding weights. What calls
// throw is kept until all have returned; then the exception of the smallest index goes on.
void inParallel(std::size_t count, const std::function<void(std::size_t)>& work, std::size_t threads = 0);

}  // namespace relprop
