// Median and quartiles of a sample.
#pragma once

#include <vector>

#include "relprop/bench.h"

namespace relprop {

Spread spreadOf(std::vector<double> values);

}  // namespace relprop
