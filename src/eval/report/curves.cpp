#include "eval/report/curves.h"

#include <algorithm>
#include <cmath>

namespace relprop::eval {

void RunningMean::add(double value) {
  const double before = value - mean_;
  mean_ += before / static_cast<double>(++count_);
  squares_ += before * (value - mean_);
}

SampleMean RunningMean::result() const {
  const auto n = static_cast<double>(count_);
  SampleMean mean;
  mean.mean = mean_, mean.count = count_;
  if (count_ >= 2) mean.standardError = std::sqrt(squares_ / (n - 1.0) / n);
  return mean;
}

void addCurves(GroupCurves& curves, const Result& result) {
  for (const Curve& curve : result.curves) {
    MeanCurve& mean = curves[{result.key.protocol, curve.name, curve.abscissa}][result.key.method];
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i)
      if (std::isfinite(curve.x[i]) && std::isfinite(curve.y[i])) mean[curve.x[i]].add(curve.y[i]);
  }
}

}  // namespace relprop::eval
