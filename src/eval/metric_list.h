// Every metric: one line here, one function in a file of its family.
#pragma once

#include "eval/metric.h"

namespace relprop::eval {

// Each reads its parameters and returns the measuring function.

}  // namespace relprop::eval
