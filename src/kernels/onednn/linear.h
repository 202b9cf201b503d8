// Linear maps, reorders and LRN through oneDNN primitives that are created once.
#pragma once

#include "kernels/onednn/compat.h"
#include "kernels/packed.h"

namespace relprop::onednn {

struct PackedLayout {
  dnnl::memory::desc plain, wanted;
  bool turned;  // read from their ends, inputs for outputs
  bool operator==(const PackedLayout&) const = default;
};
using Packed = PackedWeights<PackedLayout, dnnl::memory>;

// packed: null where weights are packed for every run.
KernelPtr linearForward(const LinearKernelSpec& spec, Packed* packed);
KernelPtr linearBackward(const LinearKernelSpec& spec, Packed* packed);
KernelPtr linearWeightGradient(const LinearKernelSpec& spec);
KernelPtr reorder(const TensorDesc& from, const TensorDesc& to);
KernelPtr lrn(const LrnSpec& spec);

}  // namespace relprop::onednn
