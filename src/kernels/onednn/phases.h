// The way back through a layer of few input channels (pixels) as one convolution forwards.
//
// Back through stride s, input position i gets R_i = Σ_k W_k·s_o over the windows with o·s + k = i + padding. Positions
// of the same phase p = (i + padding) mod s all read the weights p, p + s, p + 2s, …: with one output channel for every
// phase and input channel this is a convolution of stride 1 over windows of ⌈k/s⌉. oneDNN's kernels for the way back
// leave most vector lanes empty where there are three input channels; this one fills them.
#pragma once

#include "kernels/backend.h"

namespace relprop::onednn {

bool suitsPhases(const LinearKernelSpec& spec);
// block: channel block of float32 results inside. Out: plain float32.
KernelPtr linearBackwardByPhases(const LinearKernelSpec& spec, int block);

}  // namespace relprop::onednn
