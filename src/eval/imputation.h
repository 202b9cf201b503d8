// Pixels that are taken out, replaced by what the others make likely.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "relprop/tensor.h"

namespace relprop::eval {

// Noisy linear imputation without its noise: every removed pixel is the mean of its eight neighbours, those along the
// axes weighing 1/6 and the diagonal ones 1/12 (those inside the picture share the weight), removed neighbours with
// what they become themselves. Where nothing is left to go by, 0. `picture`: C×H×W; `removed`: pixels.
//                                                                     [Rong et al. 2022], section 4.2
std::vector<float> linearImputation(std::vector<float> picture, const Shape& shape,
                                    std::span<const std::uint32_t> removed);

}  // namespace relprop::eval
