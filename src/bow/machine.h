// Support vector machines over histograms, one against the rest, on a weighted sum of kernels:
//   f_k(x) = b_k + Σ_i c_ki Σ_u β_u k_u(x_i, x),   c_ki = α_i y_i
// and their decomposition over dimensions (Bach et al. 2015, layer 3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bow/again.h"
#include "bow/kernels.h"

namespace relprop::bow {

struct Machine {
  std::vector<KernelTerm> kernels;
  std::int64_t dimensions = 0;
  std::vector<double> histograms;                 // x_i, shared by all classes: supports × dimensions
  std::vector<std::vector<double>> coefficients;  // class by class: c_i
  std::vector<double> bias;                       // class by class
  std::vector<std::array<double, 2>> platt;       // P(y = 1) = 1/(1 + exp(A f + B)); class by class
  std::int64_t supports() const {
    return dimensions == 0 ? 0 : static_cast<std::int64_t>(histograms.size()) / dimensions;
  }
  std::int64_t classes() const { return static_cast<std::int64_t>(bias.size()); }
  Point support(std::int64_t i) const {
    return {histograms.data() + i * dimensions, static_cast<std::size_t>(dimensions)};
  }
};

// `alone`: without threads of its own, for callers that have several.
std::vector<double> scores(const Machine& machine, Point x, bool alone = false);
std::vector<double> gradient(const Machine& machine, std::int64_t aClass, Point x);  // ∂f/∂x_d

// f(x) over dimensions. With s the kernels that are sums over dimensions and g those that are not, each with its share
// of f, f = s + g + b:
//   only s      R_d = s_d(x) + b/D, exact: no gap but rounding
//   only g      R_d = (x_d − x0_d) ∂g/∂x_d (x0), first order of Taylor's series of h = g + b
//   both        R_d = s_d(x) + b/D + (x_d − x0_d) ∂g/∂x_d (x0), of h = g: the bias has a place already
// x0 is where h is (or is nearly) 0. f(x) = Σ dims + gap; gap = h(x0) + what is left of the series behind its first
// order.
struct WordRelevance {
  std::vector<double> dims;
  double score = 0, gap = 0;
  double atRoot = 0;   // h(x0), the part of the gap that is no remainder
  bool rooted = true;  // false: Root::Search found no point where h is 0
};
// Throws Cancelled where `again` says so, while a root is searched for.
WordRelevance decompose(const Machine& machine, std::int64_t aClass, Point x, Root root, const Again& again = {});

// Root::Search: a point where h is 0 on the straight way from x to an x_i at which h has the other sign; the four
// nearest x_i of that sort are tried and the nearest point is taken. x_i that speak for the other side (by the sign of
// c_i) come before all others, and no more than 256 are looked at. Without any, the mean of all x_i is taken, as by
// Root::Mean, and `found` is false. Root::Zero: the origin.
struct RootPoint {
  std::vector<double> point;
  bool found = true;
};
RootPoint rootPoint(const Machine& machine, std::int64_t aClass, Point x, Root root, const Again& again = {});

}  // namespace relprop::bow
