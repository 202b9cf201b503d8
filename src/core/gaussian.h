#pragma once

#include <vector>

namespace relprop {

// Shares of a Gaussian of `sigma` > 0 at whole distances within 4σ, as SciPy's gaussian_filter takes them.
std::vector<double> gaussianTaps(double sigma);

}  // namespace relprop
