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
// into[d] += weight · ∂k(x, y)/∂y_d, of all kernels. Where there is none it is the limit from above: Intersection has 1
// below x_d and 0 from there on, Chi2 has −γk where both are 0. Hellinger's, √(x_d/y_d)/2, is infinite at y_d = 0: y_d
// is taken for no less than 10⁻⁶ x_d.
void addGradient(const KernelTerm& term, double weight, Point x, Point y, std::span<double> into);

// The same in two steps, k = outer(Σ_d): the sum over dimensions is the exponent without −γ (a squared distance) of
// Chi2 and Rbf, and k itself of the others.
double sumOverDimensions(KernelKind kind, Point x, Point y);
double outer(const KernelTerm& term, double sum);
double outerSlope(const KernelTerm& term, double sum);  // d outer/d sum
void addSlopes(KernelKind kind, double weight, Point x, Point y,
               std::span<double> into);  // into[d] += weight · ∂sum/∂y_d

}  // namespace relprop::bow
