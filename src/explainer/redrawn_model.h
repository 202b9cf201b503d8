#pragma once

#include <cstdint>

#include "relprop/explain.h"

namespace relprop {

// The same network, whose first `layers` from the output down get random weights when it is compiled (redraw.h).
Model withRedrawnWeights(const Model& model, int layers, std::uint64_t seed);

}  // namespace relprop
