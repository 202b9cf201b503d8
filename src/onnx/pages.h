// Pages of fresh memory.
#pragma once

#include <cstddef>

namespace relprop {

// Has the system hand out the pages of `memory` now and on all cores, where they are many. For memory that was just
// allocated and will be written as a whole: a call for a thousand pages takes less time than a fault for each of them.
// Where the system knows no such call, or has not that many, nothing happens, and pages come when they are written.
void handOutPages(void* memory, std::size_t bytes);

}  // namespace relprop
