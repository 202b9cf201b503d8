// A store of two pictures, two methods and two protocols, with maps, pictures and curves.
#pragma once

#include "fuzz/harness.h"

namespace relprop::fuzz {

const std::vector<std::uint8_t>& smallStoreBytes();

}  // namespace relprop::fuzz
