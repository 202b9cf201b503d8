#pragma once

#include <vector>

namespace relprop {

// e^v / Σ e^v, the largest value taken off first so that nothing overflows. values: at least one.
std::vector<double> softmax(std::vector<double> values);

}  // namespace relprop
