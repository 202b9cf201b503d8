// A small bag whose numbers are seeded noise, with everything in it that a file holds.
#pragma once

#include "bow/bag.h"

namespace relprop::bow::test {

Bag smallBag();

}  // namespace relprop::bow::test
