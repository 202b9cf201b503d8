// Structural similarity, Wang et al., IEEE TIP 2004, doi:10.1109/TIP.2003.819861.
#pragma once

#include "eval/metric.h"

namespace relprop::eval {

// Mean over all places where an 11×11 Gaussian window (σ = 1.5) fits; on a smaller map the window has the map's size.
// Maps are of one size, not zero, and are scaled to a maximum magnitude of 1, so that the range L of the constants
// is 1.
double structuralSimilarity(const Plane& a, const Plane& b);

}  // namespace relprop::eval
