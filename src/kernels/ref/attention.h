// Layer normalisation and products of matrices as plain loops.
#pragma once

#include "kernels/backend.h"

namespace relprop::ref {

KernelPtr layerNorm(const LayerNormSpec& spec);
KernelPtr layerNormBackward(const LayerNormSpec& spec);
KernelPtr matmul(const MatmulSpec& spec);

}  // namespace relprop::ref
