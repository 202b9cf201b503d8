// Means, quantiles and intervals of samples.
#pragma once

#include <cstdint>
#include <vector>

#include "relprop/report.h"

namespace relprop::eval {

SampleMean meanOf(const std::vector<double>& values);
// Mean height of a curve by the trapezoid rule. Every step weighs the same, also the last, which may be shorter: so do
// the authors of the metrics. At least two values.
double meanHeight(const std::vector<double>& y);

// The value below which a share of the sorted values lies, linear between the two nearest ranks, as numpy's default;
// 0 of none.
double quantile(const std::vector<double>& sorted, double share);
double medianOf(std::vector<double> values);

// A 95 % percentile bootstrap interval of mean(a − b); seeded. Throws InvalidArgument.
DifferenceInterval pairedBootstrap(const std::vector<double>& a, const std::vector<double>& b, std::uint64_t seed = 0,
                                   int resamples = 2000);

}  // namespace relprop::eval
