// Kernels between histograms and what the decomposition needs of them: the terms of those that are sums over
// dimensions, the derivatives of the others.
//
//   Linear        Σ x_d y_d
//   Intersection  Σ min(x_d, y_d)
//   Hellinger     Σ √(x_d y_d)
//   Chi2Additive  Σ 2 x_d y_d / (x_d + y_d)
//   Chi2          exp(−γ Σ (x_d − y_d)² / (x_d + y_d))
//   Rbf           exp(−γ Σ (x_d − y_d)²)
// with 0 for a term whose denominator is 0. Histograms are ≥ 0.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "bow/settings.h"

namespace relprop::bow {

using Point = std::span<const double>;

const char* kernelName(KernelKind kind);                  // "chi2"
KernelKind kernelFromName(const std::string& name);       // throws InvalidArgument
bool isSumOverDimensions(KernelKind kind);                // all but Chi2 and Rbf
double kernel(const KernelTerm& term, Point x, Point y);  // without beta
// into[d] += weight · k^(d)(x, y), of sums over dimensions.
void addTerms(const KernelTerm& term, double weight, Point x, Point y, std::span<double> into);
// into[d] += weight · ∂k(x, y)/∂y_d, of all kernels (Intersection: 1 below x_d, 0 from there on; Hellinger and where a
// denominator is 0: the limit from above, capped where it is infinite as stated in the .cpp).
void addGradient(const KernelTerm& term, double weight, Point x, Point y, std::span<double> into);

}  // namespace relprop::bow
