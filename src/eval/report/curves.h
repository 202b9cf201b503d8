// Curves of many pictures as one with a band.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eval/tables.h"

namespace relprop::eval {

// Mean and standard error of numbers that come one by one (Welford, Technometrics 1962).
class RunningMean {
 public:
  void add(double value);
  SampleMean result() const;

 private:
  std::size_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

struct CurveKey {
  std::string protocol, name, abscissa;
  auto operator<=>(const CurveKey&) const = default;
};
using MeanCurve = std::map<double, RunningMean>;  // by x
using CurvesByMethod = std::map<std::string, MeanCurve>;
using GroupCurves = std::map<CurveKey, CurvesByMethod>;

// Adds the curves of one picture. Networks of one input size put x at the same places.
void addCurves(GroupCurves& curves, const Result& result);

}  // namespace relprop::eval
