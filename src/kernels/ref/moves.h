// Softmax, resizing, strided copies, layout changes: plain loops, used by every backend (they are never hot).
#pragma once

#include "kernels/backend.h"

namespace relprop::ref {

KernelPtr softmax(std::int64_t outer, std::int64_t extent, std::int64_t inner);
KernelPtr softmaxBackward(std::int64_t outer, std::int64_t extent, std::int64_t inner);
KernelPtr copy(const CopySpec& spec);
KernelPtr fill(std::int64_t floats, float value);
KernelPtr resize(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w);
KernelPtr resizeBackward(std::int64_t planes, const ResizeAxis& h, const ResizeAxis& w);
KernelPtr reorder(const TensorDesc& from, const TensorDesc& to);

}  // namespace relprop::ref
