// Support vector machines over histograms, one against the rest, on a weighted sum of kernels:
//   f_k(x) = b_k + Σ_i c_ki Σ_u β_u k_u(x_i, x),   c_ki = α_i y_i
// and their decomposition over dimensions (Bach et al. 2015, layer 3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

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

std::vector<double> scores(const Machine& machine, Point x);
std::vector<double> gradient(const Machine& machine, std::int64_t aClass, Point x);  // ∂f/∂x_d

// f(x) over dimensions. Kernels that are sums over dimensions exactly, with the bias in equal parts; differentiable
// ones, taken together as g, as first-order Taylor at the root point x0: R_d = (x_d − x0_d) ∂g/∂x_d (x0). Without a
// kernel of the first sort the bias is part of what the root point makes 0. f(x) = Σ dims + gap.
struct WordRelevance {
  std::vector<double> dims;
  double score = 0, gap = 0;
  bool rooted = true;  // Root::Search found a point of the other sign
};
WordRelevance decompose(const Machine& machine, std::int64_t aClass, Point x, Root root);

// Root::Search: on the way from x to the nearest of the histograms x_i whose score has the other sign (of those within
// reach the one that gives the nearest root), where f is 0 by bisection; Root::Mean: the mean of all x_i; Root::Zero:
// the origin. Search without such an x_i takes the mean and says so.
struct RootPoint {
  std::vector<double> point;
  bool found = true;
};
RootPoint rootPoint(const Machine& machine, std::int64_t aClass, Point x, Root root);

}  // namespace relprop::bow
