#pragma once

#include <vector>

#include "relprop/tensor.h"

namespace relprop {

// A C×H×W picture under a Gaussian of `sigma` pixels, 0 beyond its border; as it is where sigma is 0.
std::vector<float> blurred(const float* input, const Shape& image, double sigma);

}  // namespace relprop
