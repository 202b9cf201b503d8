#include "bow/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/names.h"

namespace relprop::bow {

namespace {

struct Named {
  KernelKind kind;
  const char* name;
};
constexpr std::array<Named, 6> kNames{{{KernelKind::Linear, "linear"},
                                       {KernelKind::Intersection, "intersection"},
                                       {KernelKind::Hellinger, "hellinger"},
                                       {KernelKind::Chi2Additive, "chi2-additive"},
                                       {KernelKind::Chi2, "chi2"},
                                       {KernelKind::Rbf, "rbf"}}};

// What each kernel sums over dimensions, and its derivative by y. Sums x + y are 0 only where both are: 1 in their
// place leaves a numerator that is 0 as it is.
double orOne(double sum) {
  return sum == 0 ? 1 : sum;
}

struct Product {
  static double value(double x, double y) { return x * y; }
  static double slope(double x, double) { return x; }
};
struct Minimum {
  static double value(double x, double y) { return y < x ? y : x; }
  static double slope(double x, double y) { return y < x ? 1 : 0; }
};
struct GeometricMean {
  static double value(double x, double y) { return std::sqrt(x * y); }
  static double slope(double x, double y) { return x == 0 ? 0 : 0.5 * std::sqrt(x / std::max(y, 1e-6 * x)); }
};
struct HarmonicMean {
  static double value(double x, double y) { return 2 * x * y / orOne(x + y); }
  static double slope(double x, double y) {
    const double part = x / orOne(x + y);
    return 2 * part * part;
  }
};
struct Chi2Distance {
  static double value(double x, double y) { return (x - y) * (x - y) / orOne(x + y); }
  // (y − x)(y + 3x)/(x + y)² with the share a of x in x + y, so that nothing under- or overflows.
  static double slope(double x, double y) {
    const double a = x / orOne(x + y);
    return (1 - 2 * a) * (1 + 2 * a);
  }
};
struct SquaredDistance {
  static double value(double x, double y) { return (x - y) * (x - y); }
  static double slope(double x, double y) { return 2 * (y - x); }
};

template <class Use>
auto withFormula(KernelKind kind, const Use& use) {
  switch (kind) {
    case KernelKind::Linear:
      return use(Product{});
    case KernelKind::Intersection:
      return use(Minimum{});
    case KernelKind::Hellinger:
      return use(GeometricMean{});
    case KernelKind::Chi2Additive:
      return use(HarmonicMean{});
    case KernelKind::Chi2:
      return use(Chi2Distance{});
    case KernelKind::Rbf:
      return use(SquaredDistance{});
  }
  throw Error(ErrorCode::Internal, "kernel", "a kind that has no formula");
}

}  // namespace

const char* kernelName(KernelKind kind) {
  for (const Named& named : kNames)
    if (named.kind == kind) return named.name;
  throw Error(ErrorCode::Internal, "kernel", "a kind that has no name");
}

KernelKind kernelFromName(const std::string& name) {
  std::vector<std::string> known;
  for (const Named& named : kNames) {
    if (name == named.name) return named.kind;
    known.emplace_back(named.name);
  }
  unknownName(ErrorCode::InvalidArgument, "kernel", name, known);
}

bool isSumOverDimensions(KernelKind kind) {
  return kind != KernelKind::Chi2 && kind != KernelKind::Rbf;
}

double sumOverDimensions(KernelKind kind, Point x, Point y) {
  return withFormula(kind, [&](auto formula) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t d = 0; d < x.size(); ++d) sum += formula.value(x[d], y[d]);
    return sum;
  });
}

double outer(const KernelTerm& term, double sum) {
  return isSumOverDimensions(term.kind) ? sum : std::exp(-term.gamma * sum);
}

double outerSlope(const KernelTerm& term, double sum) {
  return isSumOverDimensions(term.kind) ? 1 : -term.gamma * outer(term, sum);
}

void addSlopes(KernelKind kind, double weight, Point x, Point y, std::span<double> into) {
  withFormula(kind, [&](auto formula) {
#pragma omp simd
    for (std::size_t d = 0; d < x.size(); ++d) into[d] += weight * formula.slope(x[d], y[d]);
  });
}

double kernel(const KernelTerm& term, Point x, Point y) {
  return outer(term, sumOverDimensions(term.kind, x, y));
}

void addTerms(const KernelTerm& term, double weight, Point x, Point y, std::span<double> into) {
  withFormula(term.kind, [&](auto formula) {
#pragma omp simd
    for (std::size_t d = 0; d < x.size(); ++d) into[d] += weight * formula.value(x[d], y[d]);
  });
}

void addGradient(const KernelTerm& term, double weight, Point x, Point y, std::span<double> into) {
  const double slope = isSumOverDimensions(term.kind) ? 1 : outerSlope(term, sumOverDimensions(term.kind, x, y));
  addSlopes(term.kind, weight * slope, x, y, into);
}

}  // namespace relprop::bow
