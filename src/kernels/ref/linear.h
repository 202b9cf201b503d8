// Linear maps, their transposes, as plain loops with double accumulation.
#pragma once

#include "kernels/backend.h"

namespace relprop::ref {

KernelPtr linearForward(const LinearKernelSpec& spec);
KernelPtr linearBackward(const LinearKernelSpec& spec);

}  // namespace relprop::ref
