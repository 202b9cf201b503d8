// Pools and local response normalisation as plain loops over any layout.
#pragma once

#include "kernels/backend.h"

namespace relprop::ref {

KernelPtr maxPool(const PoolShape& shape);
KernelPtr maxPoolBackward(const PoolShape& shape);
KernelPtr averagePool(const PoolShape& shape);
KernelPtr averagePoolBackward(const PoolShape& shape);
KernelPtr lrn(const LrnSpec& spec);
KernelPtr lrnBackward(const LrnSpec& spec);
KernelPtr lrnSecant(const LrnSpec& spec);

}  // namespace relprop::ref
