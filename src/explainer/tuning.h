// Tunings as backends read them.
#pragma once

#include <memory>

#include "kernels/algorithms.h"
#include "relprop/tuning.h"

namespace relprop {

std::string processorName();
// The table of a tuning. Throws InvalidArgument where it was made for something else than `threads` threads of this
// machine with these libraries.
std::shared_ptr<const AlgorithmTable> tableOf(const Tuning& tuning, int threads);

}  // namespace relprop
