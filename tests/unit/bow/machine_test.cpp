#include "bow/machine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "unit/core/failure.h"

namespace relprop::test {

using namespace bow;

namespace {

double sumOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::vector<double> drawnHistogram(std::mt19937& random, std::size_t dimensions) {
  std::vector<double> x(dimensions);
  for (double& value : x) value = random() % 4 == 0 ? 0 : static_cast<double>(random() % 1000 + 1);
  const double sum = sumOf(x);
  for (double& value : x) value /= sum;
  return x;
}

// Σ c = 0 in each class, as support vector machines have it; every third coefficient is 0.
Machine someMachine(std::vector<KernelTerm> kernels, std::size_t dimensions, unsigned seed, int supports = 24) {
  std::mt19937 random(seed);
  Machine machine;
  machine.kernels = std::move(kernels);
  machine.dimensions = static_cast<std::int64_t>(dimensions);
  for (int i = 0; i < supports; ++i) {
    const std::vector<double> x = drawnHistogram(random, dimensions);
    machine.histograms.insert(machine.histograms.end(), x.begin(), x.end());
  }
  for (int k = 0; k < 3; ++k) {
    std::vector<double> c(static_cast<std::size_t>(supports), 0.0);
    for (std::size_t i = 0; i < c.size(); ++i)
      if ((i + static_cast<std::size_t>(k)) % 3 != 0) c[i] = static_cast<double>(random() % 2000) / 100 - 10;
    const double mean = sumOf(c) / static_cast<double>(2 * supports / 3);
    for (double& value : c) value -= value == 0 ? 0 : mean;
    machine.coefficients.push_back(c);
    machine.bias.push_back(0.1 * k - 0.1);
    machine.platt.push_back({-1, 0});
  }
  return machine;
}

// The formula of the header, term by term.
double slowScore(const Machine& machine, std::size_t k, const std::vector<double>& x) {
  double f = machine.bias[k];
  for (std::int64_t i = 0; i < machine.supports(); ++i)
    for (const KernelTerm& term : machine.kernels)
      f += machine.coefficients[k][static_cast<std::size_t>(i)] * term.beta * kernel(term, machine.support(i), x);
  return f;
}

std::vector<double> onSegment(const std::vector<double>& from, const std::vector<double>& to, double part) {
  std::vector<double> point(from.size());
  for (std::size_t d = 0; d < from.size(); ++d) point[d] = from[d] + part * (to[d] - from[d]);
  return point;
}

double distanceOf(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
  return std::sqrt(sum);
}

const std::vector<KernelTerm> kSums = {{KernelKind::Linear, 1, 2},
                                       {KernelKind::Intersection, 1, 0.5},
                                       {KernelKind::Hellinger, 1, 1},
                                       {KernelKind::Chi2Additive, 1, 0.7}};
const std::vector<KernelTerm> kDifferentiable = {{KernelKind::Chi2, 1.3, 0.6}, {KernelKind::Rbf, 2, 0.9}};

}  // namespace

TEST(BowMachine, ScoresAreTheFormula) {
  std::vector<KernelTerm> kernels = kSums;
  kernels.insert(kernels.end(), kDifferentiable.begin(), kDifferentiable.end());
  for (const std::size_t dimensions : {5, 700, 4000}) {  // the last two are shared out among threads
    const Machine machine = someMachine(kernels, dimensions, 4);
    std::mt19937 random(5);
    const std::vector<double> x = drawnHistogram(random, dimensions), f = scores(machine, x);
    ASSERT_EQ(f.size(), 3u);
    EXPECT_EQ(scores(machine, x, true), f);
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(f[k], slowScore(machine, k, x), 1e-12 * 100);
  }
}

TEST(BowMachine, GradientIsThatOfCentralDifferences) {
  std::vector<KernelTerm> kernels = kSums;
  kernels.insert(kernels.end(), kDifferentiable.begin(), kDifferentiable.end());
  const Machine machine = someMachine(kernels, 30, 6);
  std::mt19937 random(7);
  std::vector<double> x = drawnHistogram(random, 30);
  for (double& value : x) value += 0.00312345;
  for (std::size_t k = 0; k < 3; ++k) {
    const std::vector<double> slopes = gradient(machine, static_cast<std::int64_t>(k), x);
    for (std::size_t d = 0; d < x.size(); ++d) {
      const double middle = x[d], step = 1e-7;
      x[d] = middle + step;
      const double above = slowScore(machine, k, x);
      x[d] = middle - step;
      const double below = slowScore(machine, k, x);
      x[d] = middle;
      EXPECT_NEAR(slopes[d], (above - below) / (2 * step), 1e-4 * (1 + std::abs(slopes[d]))) << k << " " << d;
    }
  }
}

TEST(BowMachine, SumsOverDimensionsAreSplitExactly) {
  for (const std::size_t dimensions : {9, 513, 4096}) {
    const Machine machine = someMachine(kSums, dimensions, 8);
    std::mt19937 random(9);
    const std::vector<double> x = drawnHistogram(random, dimensions);
    for (std::int64_t k = 0; k < 3; ++k) {
      const WordRelevance r = decompose(machine, k, x, Root::Search);
      EXPECT_EQ(r.score, scores(machine, x)[static_cast<std::size_t>(k)]);
      EXPECT_NEAR(sumOf(r.dims), r.score, 1e-12 * (1 + std::abs(r.score)) * 10);
      EXPECT_EQ(r.gap, 0);
      EXPECT_TRUE(r.rooted);
    }
  }
}

// Two words, one picture for and one against the class: Σ min(x_d, ·), with numbers to be done in the head.
TEST(BowMachine, TwoWordsByHand) {
  Machine machine;
  machine.kernels = {{KernelKind::Intersection, 1, 2}};
  machine.dimensions = 2;
  machine.histograms = {0.75, 0.25, 0.25, 0.75};
  machine.coefficients = {{4, -4}};
  machine.bias = {0.5};
  const std::vector<double> x = {0.5, 0.5};
  const WordRelevance r = decompose(machine, 0, x, Root::Search);
  EXPECT_EQ(r.dims[0], 0.25 + 8 * 0.5 - 8 * 0.25);
  EXPECT_EQ(r.dims[1], 0.25 + 8 * 0.25 - 8 * 0.5);
  EXPECT_EQ(r.score, 0.5);
}

// f = e^{−γ(x − 1)²} − e^{−γ(x + 0)²} is 0 at 1/2 alone, from where its derivative is known.
TEST(BowMachine, OneWordByHandAtTheRoot) {
  Machine machine;
  machine.kernels = {{KernelKind::Rbf, 0.5, 1}};
  machine.dimensions = 1;
  machine.histograms = {1, 0};
  machine.coefficients = {{1, -1}};
  machine.bias = {0};
  const std::vector<double> x = {0.8};
  const RootPoint root = rootPoint(machine, 0, x, Root::Search);
  EXPECT_TRUE(root.found);
  EXPECT_NEAR(root.point[0], 0.5, 1e-12);
  const WordRelevance r = decompose(machine, 0, x, Root::Search);
  EXPECT_NEAR(r.dims[0], 0.3 * 2 * 0.5 * std::exp(-0.125), 1e-12);
  EXPECT_NEAR(r.score, std::exp(-0.02) - std::exp(-0.32), 1e-15);
  EXPECT_NEAR(r.gap, r.score - r.dims[0], 1e-15);
  EXPECT_NEAR(r.atRoot, 0, 1e-14);
}

TEST(BowMachine, TheRootIsOneAndTheNearestOfThoseTried) {
  const Machine machine = someMachine(kDifferentiable, 20, 10);
  std::mt19937 random(11);
  int found = 0;
  for (int picture = 0; picture < 10; ++picture) {
    const std::vector<double> x = drawnHistogram(random, 20);
    for (std::int64_t k = 0; k < 3; ++k) {
      const RootPoint root = rootPoint(machine, k, x, Root::Search);
      if (!root.found) continue;
      ++found;
      const double f = slowScore(machine, static_cast<std::size_t>(k), x);
      EXPECT_LT(std::abs(slowScore(machine, static_cast<std::size_t>(k), root.point)), 1e-9 * std::abs(f) + 1e-13);
      // No support of the other sign that speaks for it is nearer than the root, which lies before the first of them.
      for (std::int64_t i = 0; i < machine.supports(); ++i) {
        const std::vector<double> support(machine.support(i).begin(), machine.support(i).end());
        const bool other = machine.coefficients[static_cast<std::size_t>(k)][static_cast<std::size_t>(i)] * f < 0 &&
                           slowScore(machine, static_cast<std::size_t>(k), support) * f < 0;
        if (other) EXPECT_LE(distanceOf(x, root.point), distanceOf(x, support));
      }
    }
  }
  EXPECT_GT(found, 15);
}

// The way that the search goes, by bisection in small steps: the first change of sign on each of the ways.
TEST(BowMachine, TheRootIsNoFartherThanByASlowSearch) {
  const Machine machine =
      someMachine({{KernelKind::Chi2, 0.8, 1}}, 12, 12, 9);  // few: the nearest four hold the nearest root
  std::mt19937 random(13);
  const std::vector<double> x = drawnHistogram(random, 12);
  for (std::size_t k = 0; k < 3; ++k) {
    const double f = slowScore(machine, k, x);
    double slow = INFINITY;
    for (std::int64_t i = 0; i < machine.supports(); ++i) {
      const std::vector<double> support(machine.support(i).begin(), machine.support(i).end());
      if (slowScore(machine, k, support) * f >= 0) continue;
      int step = 0;
      while (slowScore(machine, k, onSegment(x, support, step / 2000.0)) * f > 0) ++step;
      slow = std::min(slow, step / 2000.0 * distanceOf(x, support));
    }
    const RootPoint root = rootPoint(machine, static_cast<std::int64_t>(k), x, Root::Search);
    ASSERT_EQ(root.found, slow < INFINITY);
    if (root.found) EXPECT_NEAR(distanceOf(x, root.point), slow, 2e-3);
  }
}

TEST(BowMachine, OtherRootPoints) {
  const Machine machine = someMachine(kDifferentiable, 6, 14);
  std::mt19937 random(15);
  const std::vector<double> x = drawnHistogram(random, 6);
  EXPECT_EQ(rootPoint(machine, 0, x, Root::Zero).point, std::vector<double>(6, 0.0));
  const std::vector<double> mean = rootPoint(machine, 0, x, Root::Mean).point;
  for (std::size_t d = 0; d < 6; ++d) {
    double sum = 0;
    for (std::int64_t i = 0; i < machine.supports(); ++i) sum += machine.support(i)[d];
    EXPECT_NEAR(mean[d], sum / static_cast<double>(machine.supports()), 1e-15);
  }
}

// f(x) − f(x0) is the integral of the gradient on the way from x0 to x; first-order Taylor takes the gradient at x0 for
// all of it, and the gap is what that leaves, f(x0) added.
TEST(BowMachine, TheGapIsWhatTheIntegralHasMore) {
  const Machine machine = someMachine(kDifferentiable, 16, 16);
  std::mt19937 random(17);
  const std::vector<double> x = drawnHistogram(random, 16);
  for (const Root choice : {Root::Search, Root::Zero, Root::Mean})
    for (std::int64_t k = 0; k < 3; ++k) {
      const std::vector<double> root = rootPoint(machine, k, x, choice).point;
      const std::vector<double> atRoot = gradient(machine, k, root);
      double integral = 0, first = 0;
      const int steps = 4000;
      for (int s = 0; s < steps; ++s) {
        const std::vector<double> slopes = gradient(machine, k, onSegment(root, x, (s + 0.5) / steps));
        for (std::size_t d = 0; d < x.size(); ++d) integral += (x[d] - root[d]) * slopes[d] / steps;
      }
      for (std::size_t d = 0; d < x.size(); ++d) first += (x[d] - root[d]) * atRoot[d];
      const WordRelevance r = decompose(machine, k, x, choice);
      EXPECT_NEAR(sumOf(r.dims), first, 1e-12);
      EXPECT_NEAR(r.gap, r.atRoot + integral - first, 1e-5);
      EXPECT_NEAR(r.atRoot, slowScore(machine, static_cast<std::size_t>(k), root), 1e-12);
      EXPECT_NEAR(sumOf(r.dims) + r.gap, r.score, 1e-12 * (1 + std::abs(r.score)));
    }
}

TEST(BowMachine, MixturesAreSplitTermByTerm) {
  std::vector<KernelTerm> kernels = kSums;
  kernels.insert(kernels.begin() + 1, kDifferentiable.begin(), kDifferentiable.end());
  const Machine mixed = someMachine(kernels, 14, 18);
  Machine sums = mixed, others = mixed;
  sums.kernels = kSums;
  others.kernels = kDifferentiable;
  others.bias.assign(3, 0.0);  // the bias is the sums' in a mixture
  std::mt19937 random(19);
  const std::vector<double> x = drawnHistogram(random, 14);
  for (const Root choice : {Root::Search, Root::Zero, Root::Mean})
    for (std::int64_t k = 0; k < 3; ++k) {
      const WordRelevance r = decompose(mixed, k, x, choice);
      const WordRelevance s = decompose(sums, k, x, choice), g = decompose(others, k, x, choice);
      for (std::size_t d = 0; d < x.size(); ++d) EXPECT_NEAR(r.dims[d], s.dims[d] + g.dims[d], 1e-11);
      EXPECT_NEAR(r.score, s.score + g.score, 1e-11);
      EXPECT_NEAR(r.gap, g.gap, 1e-11);
      EXPECT_EQ(r.rooted, g.rooted);
      EXPECT_NEAR(sumOf(r.dims) + r.gap, r.score, 1e-12 * (1 + std::abs(r.score)));
    }
}

TEST(BowMachine, WithoutAPointOfTheOtherSignTheMeanIsTakenAndSaidSo) {
  Machine machine = someMachine(kDifferentiable, 5, 20);
  machine.bias[0] = 1000;
  std::mt19937 random(21);
  const std::vector<double> x = drawnHistogram(random, 5);
  EXPECT_FALSE(rootPoint(machine, 0, x, Root::Search).found);
  EXPECT_EQ(rootPoint(machine, 0, x, Root::Search).point, rootPoint(machine, 0, x, Root::Mean).point);
  const WordRelevance r = decompose(machine, 0, x, Root::Search);
  EXPECT_FALSE(r.rooted);
  EXPECT_GT(r.atRoot, 900);
  EXPECT_NEAR(sumOf(r.dims) + r.gap, r.score, 1e-9);
}

TEST(BowMachine, AConstantMachineExplainsNothing) {
  Machine machine = someMachine(kDifferentiable, 5, 22);
  machine.coefficients[1].assign(machine.coefficients[1].size(), 0.0);
  machine.bias[1] = -1;
  std::mt19937 random(23);
  const std::vector<double> x = drawnHistogram(random, 5);
  const WordRelevance taylor = decompose(machine, 1, x, Root::Search);
  EXPECT_EQ(taylor.dims, std::vector<double>(5, 0.0));
  EXPECT_EQ(taylor.gap, -1);
  EXPECT_FALSE(taylor.rooted);
  machine.kernels = kSums;
  EXPECT_EQ(decompose(machine, 1, x, Root::Search).dims, std::vector<double>(5, -0.2));
}

TEST(BowMachine, APointOnTheBoundaryIsItsOwnRoot) {
  Machine machine = someMachine({{KernelKind::Rbf, 1, 1}}, 3, 24);
  std::mt19937 random(25);
  const std::vector<double> x = drawnHistogram(random, 3);
  machine.coefficients[0].assign(machine.coefficients[0].size(), 0.0);
  machine.bias[0] = 0;
  const RootPoint root = rootPoint(machine, 0, x, Root::Search);
  EXPECT_TRUE(root.found);
  EXPECT_EQ(root.point, x);
}

TEST(BowMachine, WithoutAnySupport) {
  Machine machine;
  machine.kernels = {{KernelKind::Chi2, 1, 1}};
  machine.dimensions = 2;
  machine.coefficients = {{}};
  machine.bias = {0.5};
  const std::vector<double> x = {0.5, 0.5};
  EXPECT_EQ(scores(machine, x), std::vector<double>{0.5});
  const WordRelevance r = decompose(machine, 0, x, Root::Search);
  EXPECT_EQ(r.dims, std::vector<double>(2, 0.0));
  EXPECT_EQ(r.gap, 0.5);
}

TEST(BowMachine, ASearchForARootIsStopped) {
  std::mt19937 random(5);
  const Machine machine = someMachine({{KernelKind::Chi2, 0.7, 1}}, 8, 5);
  const std::vector<double> x = drawnHistogram(random, 8);
  const Error error = failureOf([&] { decompose(machine, 0, x, Root::Search, [] { return false; }); });
  EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  EXPECT_EQ(error.got(), "stopped");
  decompose(machine, 0, x, Root::Mean, [] { return false; });  // nothing is searched for
}

}  // namespace relprop::test
