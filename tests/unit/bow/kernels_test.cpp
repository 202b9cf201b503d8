#include "bow/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "support/expect_error.h"

namespace relprop::test {

using namespace bow;

namespace {

constexpr KernelKind kEveryKernel[] = {KernelKind::Linear,       KernelKind::Intersection, KernelKind::Hellinger,
                                       KernelKind::Chi2Additive, KernelKind::Chi2,         KernelKind::Rbf};

// The formulas of the header, one dimension after the other, in long double.
long double slowTerm(KernelKind kind, long double x, long double y) {
  if (kind == KernelKind::Linear) return x * y;
  if (kind == KernelKind::Intersection) return std::min(x, y);
  if (kind == KernelKind::Hellinger) return std::sqrt(x) * std::sqrt(y);
  if (kind == KernelKind::Rbf) return (x - y) * (x - y);
  if (x + y == 0) return 0;
  return kind == KernelKind::Chi2Additive ? 2 * x * y / (x + y) : (x - y) * (x - y) / (x + y);
}

double slowKernel(const KernelTerm& term, const std::vector<double>& x, const std::vector<double>& y) {
  long double sum = 0;
  for (std::size_t d = 0; d < x.size(); ++d) sum += slowTerm(term.kind, x[d], y[d]);
  const bool exponential = term.kind == KernelKind::Chi2 || term.kind == KernelKind::Rbf;
  return static_cast<double>(exponential ? std::exp(-term.gamma * sum) : sum);
}

// A third of the dimensions empty, as in histograms of words.
std::vector<double> someHistogram(std::mt19937& random, std::size_t dimensions) {
  std::vector<double> x(dimensions);
  for (double& value : x) value = random() % 3 == 0 ? 0 : static_cast<double>(random() % 1000 + 1) / 4000;
  return x;
}

}  // namespace

TEST(BowKernels, AreTheFormulasOfTheHeader) {
  std::mt19937 random(1);
  for (const KernelKind kind : kEveryKernel)
    for (const std::size_t dimensions : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{301}}) {
      const std::vector<double> x = someHistogram(random, dimensions), y = someHistogram(random, dimensions);
      const KernelTerm term{kind, 0.7, 3};
      const double expected = slowKernel(term, x, y);
      EXPECT_NEAR(kernel(term, x, y), expected, 1e-13 * (1 + std::abs(expected))) << kernelName(kind);
      EXPECT_EQ(kernel(term, x, y), outer(term, sumOverDimensions(kind, x, y)));
    }
}

TEST(BowKernels, OfAHistogramWithItself) {
  const std::vector<double> x = {0.5, 0, 0.25, 0.25};
  for (const KernelKind kind : {KernelKind::Intersection, KernelKind::Hellinger, KernelKind::Chi2Additive})
    EXPECT_NEAR(kernel({kind, 1, 1}, x, x), 1, 1e-15) << kernelName(kind);  // the sum of the histogram
  EXPECT_EQ(kernel({KernelKind::Chi2, 5, 1}, x, x), 1);
  EXPECT_EQ(kernel({KernelKind::Rbf, 5, 1}, x, x), 1);
  EXPECT_EQ(kernel({KernelKind::Linear, 1, 1}, x, x), 0.375);
}

TEST(BowKernels, TermsSumUpToTheKernel) {
  std::mt19937 random(2);
  const std::vector<double> x = someHistogram(random, 90), y = someHistogram(random, 90);
  for (const KernelKind kind : kEveryKernel) {
    if (!isSumOverDimensions(kind)) continue;
    std::vector<double> terms(90, 1.0);
    addTerms({kind, 1, 1}, -2, x, y, terms);
    double sum = 0;
    for (std::size_t d = 0; d < terms.size(); ++d) {
      EXPECT_NEAR(terms[d], 1 - 2 * static_cast<double>(slowTerm(kind, x[d], y[d])), 1e-14);
      sum += (1 - terms[d]) / 2;
    }
    EXPECT_NEAR(sum, kernel({kind, 1, 1}, x, y), 1e-12) << kernelName(kind);
  }
}

TEST(BowKernels, GradientsAreThoseOfCentralDifferences) {
  std::mt19937 random(3);
  for (const KernelKind kind : kEveryKernel) {
    const KernelTerm term{kind, 0.8, 1};
    std::vector<double> x = someHistogram(random, 40), y = someHistogram(random, 40);
    for (double& value : y) value += 0.0123;  // away from 0 and from every x, where the derivative jumps
    std::vector<double> gradient(40, 0.0);
    addGradient(term, 1.5, x, y, gradient);
    for (std::size_t d = 0; d < y.size(); ++d) {
      const double step = 1e-5, middle = y[d];
      y[d] = middle + step;
      const double above = slowKernel(term, x, y);
      y[d] = middle - step;
      const double below = slowKernel(term, x, y);
      y[d] = middle;
      EXPECT_NEAR(gradient[d], 1.5 * (above - below) / (2 * step), 1e-6) << kernelName(kind) << " " << d;
    }
  }
}

TEST(BowKernels, GradientsWhereThereIsNone) {
  const auto slope = [](KernelKind kind, double x, double y) {
    std::vector<double> into(1, 0.0);
    const std::vector<double> at = {x}, by = {y};
    addGradient({kind, 2, 1}, 1, at, by, into);
    return into[0];
  };
  EXPECT_EQ(slope(KernelKind::Intersection, 0.5, 0.5), 0);
  EXPECT_EQ(slope(KernelKind::Intersection, 0.5, 0.4999), 1);
  EXPECT_EQ(slope(KernelKind::Hellinger, 0, 0), 0);
  EXPECT_NEAR(slope(KernelKind::Hellinger, 0.3, 0), 500, 1e-9);
  EXPECT_NEAR(slope(KernelKind::Hellinger, 0.3, 0), slope(KernelKind::Hellinger, 0.3, 0.3e-6), 1e-9);
  EXPECT_EQ(slope(KernelKind::Chi2Additive, 0, 0), 0);
  EXPECT_EQ(slope(KernelKind::Chi2Additive, 0.3, 0), 2);
  EXPECT_EQ(slope(KernelKind::Chi2, 0, 0), -2);
  EXPECT_NEAR(slope(KernelKind::Chi2, 0, 1e-12), -2, 1e-9);  // 0 is the limit from above
  EXPECT_NEAR(slope(KernelKind::Chi2, 0.3, 0), 3 * 2 * std::exp(-2 * 0.3), 1e-12);
}

TEST(BowKernels, HaveNames) {
  for (const KernelKind kind : kEveryKernel) EXPECT_EQ(kernelFromName(kernelName(kind)), kind);
  const Error error = expectError(ErrorCode::InvalidArgument, [] { kernelFromName("chi3"); });
  EXPECT_NE(error.expected().find("intersection"), std::string::npos);
  EXPECT_NE(error.hint().find("chi2"), std::string::npos);
}

}  // namespace relprop::test
