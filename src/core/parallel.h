// Loops that several threads share.
#pragma once

#include <cstddef>
#include <functional>

namespace relprop {

// Calls work(0), …, work(count - 1), on all cores and in no particular order. What calls throw is kept until all have
// returned; then the exception of the smallest index goes on. For work that reads and writes memory, such as decoding
// weights: no more than eight threads are used.
void inParallel(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace relprop
