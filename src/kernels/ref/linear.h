// Linear maps, their transposes and their derivatives by the weights, as plain loops with double accumulation.
#pragma once

#include "kernels/backend.h"

namespace relprop::ref {

KernelPtr linearForward(const LinearKernelSpec& spec);
KernelPtr linearBackward(const LinearKernelSpec& spec);
KernelPtr linearWeightGradient(const LinearKernelSpec& spec);
DenseKernelPtr denseForward(const DenseSpec& spec, Element weights);
KernelPtr denseBackward(const DenseSpec& spec, Element weights);

}  // namespace relprop::ref
