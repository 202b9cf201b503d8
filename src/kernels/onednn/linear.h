// Linear maps, reorders and LRN through oneDNN primitives that are created once.
#pragma once

#include "kernels/backend.h"

namespace relprop::onednn {

KernelPtr linearForward(const LinearKernelSpec& spec, Packing packing);
KernelPtr linearBackward(const LinearKernelSpec& spec, Packing packing);
KernelPtr linearWeightGradient(const LinearKernelSpec& spec);
KernelPtr reorder(const TensorDesc& from, const TensorDesc& to);
KernelPtr lrn(const LrnSpec& spec);

}  // namespace relprop::onednn
