#include "bow/fit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "bow/calibration.h"
#include "support/addresses.h"
#include "support/expect_error.h"
#include "support/shared.h"

namespace relprop::test {

using namespace bow;

namespace {

using Row = std::vector<double>;

void addPicture(TrainingSet& set, const Row& x, std::vector<std::int64_t> labels) {
  set.dimensions = static_cast<std::int64_t>(x.size());
  set.histograms.insert(set.histograms.end(), x.begin(), x.end());
  set.labels.push_back(std::move(labels));
}

// Each class has words of its own, which `purity` of a picture comes from; the rest is noise over all words.
TrainingSet somePictures(int classes, int each, double purity, unsigned seed) {
  std::mt19937 random(seed);
  TrainingSet set;
  for (int k = 0; k < classes; ++k) set.classes.push_back("class " + std::to_string(k));
  for (int i = 0; i < each * classes; ++i) {
    const int k = i % classes;
    Row x(static_cast<std::size_t>(4 * classes), 0.0);
    for (int n = 0; n < 50; ++n) {
      const bool own = random() % 1000 < purity * 1000;
      x[own ? 4 * static_cast<std::size_t>(k) + random() % 4 : random() % x.size()] += 0.02;
    }
    addPicture(set, x, {k});
  }
  return set;
}

bool isPositive(const TrainingSet& set, std::int64_t i, std::int64_t k) {
  const auto& labels = set.labels[static_cast<std::size_t>(i)];
  return std::find(labels.begin(), labels.end(), k) != labels.end();
}

double f(const Machine& machine, const TrainingSet& set, std::int64_t i, std::int64_t k) {
  return scores(machine, set.picture(i))[static_cast<std::size_t>(k)];
}

double kernelOf(const Machine& machine, Point x, Point y) {
  double sum = 0;
  for (const KernelTerm& term : machine.kernels) sum += term.beta * kernel(term, x, y);
  return sum;
}

double varianceOf(const Machine& machine, const TrainingSet& set) {
  const auto n = static_cast<double>(set.pictures());
  double diagonal = 0, all = 0;
  for (std::int64_t i = 0; i < set.pictures(); ++i) {
    diagonal += kernelOf(machine, set.picture(i), set.picture(i)) / n;
    for (std::int64_t j = 0; j < set.pictures(); ++j)
      all += kernelOf(machine, set.picture(i), set.picture(j)) / (n * n);
  }
  return diagonal - all;
}

// c_i of a picture of the training set, all of them different; 0 where it is no support.
double coefficientOf(const Machine& machine, const TrainingSet& set, std::int64_t i, std::size_t k) {
  const Point x = set.picture(i);
  for (std::int64_t s = 0; s < machine.supports(); ++s)
    if (std::equal(x.begin(), x.end(), machine.support(s).begin()))
      return machine.coefficients[k][static_cast<std::size_t>(s)];
  return 0;
}

// 0: trained, 1: an error of memory, 2: another one.
int trainedWithin(std::int64_t more, const TrainingSet& set) {
  limitAddresses(more);
  try {
    fit(set, {});
    return 0;
  } catch (const Error& e) {
    return e.code() == ErrorCode::OutOfMemory ? 1 : 2;
  }
}

}  // namespace

// LIBSVM crashes where it gets none.
TEST(BowFit, LittleMemoryIsAnError) {
  RELPROP_SKIP_SANITIZED("sanitizers reserve more addresses than the limits leave");
  const TrainingSet set = somePictures(4, 100, 0.9, 3);
  const auto trainedOrRefused = [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) < 2; };
  for (std::int64_t more = 0; more < (48 << 20); more += 1 << 19)
    EXPECT_EXIT(_exit(trainedWithin(more, set)), trainedOrRefused, "") << more;
  EXPECT_EXIT(_exit(trainedWithin(48 << 20, set)), testing::ExitedWithCode(0), "");
}

// What tells the solution of the dual problem from everything else (Karush, Kuhn, Tucker): 0 ≤ α ≤ C·weight,
// Σ α y = 0, and y f ≥ 1 where α = 0, = 1 inside, ≤ 1 where α is at its bound.
TEST(BowFit, MachinesAreTheOptimum) {
  int bounds = 0;
  for (const KernelKind kind : {KernelKind::Linear, KernelKind::Intersection, KernelKind::Chi2, KernelKind::Rbf}) {
    const TrainingSet set = somePictures(3, 20, 0.3, 1);
    FitOptions options;
    options.kernels = {{kind, 0, 1}};
    const Fitted fitted = fit(set, options);
    const double variance = varianceOf(fitted.machine, set);
    int inside = 0, bound = 0, outside = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      double sum = 0;
      for (std::int64_t i = 0; i < set.pictures(); ++i) {
        const bool positive = isPositive(set, i, static_cast<std::int64_t>(k));
        const double y = positive ? 1 : -1, c = coefficientOf(fitted.machine, set, i, k), alpha = c * y;
        const double most = fitted.classes[k].c / variance * 60.0 / (positive ? 40.0 : 80.0);
        const double margin = y * f(fitted.machine, set, i, static_cast<std::int64_t>(k));
        sum += c;
        ASSERT_GE(alpha, 0) << kernelName(kind);
        ASSERT_LE(alpha, most * (1 + 1e-9)) << kernelName(kind);
        if (alpha == 0) {
          EXPECT_GE(margin, 1 - 1e-3);
          ++outside;
        } else if (alpha < most * (1 - 1e-9)) {
          EXPECT_NEAR(margin, 1, 1e-3);
          ++inside;
        } else {
          EXPECT_LE(margin, 1 + 1e-3);
          ++bound;
        }
      }
      EXPECT_NEAR(sum, 0, 1e-6 * fitted.classes[k].c / variance);
    }
    EXPECT_GT(inside, 5) << kernelName(kind);
    EXPECT_GT(outside, 5) << kernelName(kind);
    bounds += bound;
  }
  EXPECT_GT(bounds, 5);
}

TEST(BowFit, TellsApartWhatCanBeTold) {
  TrainingSet set = somePictures(4, 12, 0.9, 2);
  const Fitted fitted = fit(set, {});
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    for (std::int64_t k = 0; k < 4; ++k) EXPECT_EQ(f(fitted.machine, set, i, k) > 0, isPositive(set, i, k));
  const TrainingSet fresh = somePictures(4, 12, 0.9, 3);
  for (std::int64_t i = 0; i < fresh.pictures(); ++i)
    for (std::int64_t k = 0; k < 4; ++k) EXPECT_EQ(f(fitted.machine, fresh, i, k) > 0, isPositive(fresh, i, k));
  for (const ClassFit& of : fitted.classes) {
    EXPECT_EQ(of.averagePrecision, 1);
    EXPECT_EQ(of.positives, 12);
    EXPECT_FALSE(of.constant);
  }
}

// Which side LIBSVM's own f is positive for may depend on which picture comes first.
TEST(BowFit, TheOrderOfPicturesDoesNotTurnTheSign) {
  const TrainingSet set = somePictures(2, 15, 0.4, 4);
  TrainingSet reversed;
  reversed.classes = set.classes;
  for (std::int64_t i = set.pictures(); i-- > 0;)
    addPicture(reversed, Row(set.picture(i).begin(), set.picture(i).end()), set.labels[static_cast<std::size_t>(i)]);
  ASSERT_NE(set.labels.front(), reversed.labels.front());
  FitOptions options;
  options.c = {1};
  const Machine one = fit(set, options).machine, other = fit(reversed, options).machine;
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    for (std::int64_t k = 0; k < 2; ++k) EXPECT_NEAR(f(one, set, i, k), f(other, set, i, k), 1e-3);
}

TEST(BowFit, PicturesMayBeOfSeveralClassesOrOfNone) {
  TrainingSet set;
  set.classes = {"left", "right"};
  for (int n = 0; n < 32; ++n) {
    const double noise = 0.01 * (n / 4), left = n % 2, right = n / 2 % 2;
    addPicture(set, {left + noise, right + noise, 0.3}, {});
    if (left > 0) set.labels.back().push_back(0);
    if (right > 0) set.labels.back().push_back(1);
  }
  const Machine machine = fit(set, {}).machine;
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    for (std::int64_t k = 0; k < 2; ++k) EXPECT_EQ(f(machine, set, i, k) > 0, isPositive(set, i, k)) << i;
}

TEST(BowFit, BothSidesCountAlike) {
  // One to nine, and the sides overlap: unweighted, f would be below 0 nearly everywhere.
  std::mt19937 random(5);
  TrainingSet set;
  set.classes = {"rare"};
  for (int n = 0; n < 200; ++n) {
    const bool rare = n % 10 == 0;
    const double a = static_cast<double>(random() % 1000) / 1000 + (rare ? 0.5 : 0);
    addPicture(set, {a, 0.5}, {});
    if (rare) set.labels.back().push_back(0);
  }
  FitOptions options;
  options.kernels = {{KernelKind::Linear, 1, 1}};
  const Machine machine = fit(set, options).machine;
  double found = 0, falsely = 0;
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    (isPositive(set, i, 0) ? found : falsely) += f(machine, set, i, 0) > 0 ? 1 : 0;
  EXPECT_GT(found / 20, 0.6);
  EXPECT_LT(falsely / 180, 0.4);
}

TEST(BowFit, AMultipleOfAKernelMakesTheSameMachine) {
  const TrainingSet set = somePictures(3, 12, 0.4, 6);
  FitOptions options;
  options.kernels = {{KernelKind::Intersection, 1, 1}};
  const Fitted one = fit(set, options);
  options.kernels[0].beta = 4096;
  const Fitted other = fit(set, options);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(one.classes[k].c, other.classes[k].c);
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    for (std::int64_t k = 0; k < 3; ++k) EXPECT_NEAR(f(one.machine, set, i, k), f(other.machine, set, i, k), 2e-3) << i;
}

TEST(BowFit, GammaIsOneOverTheMeanDistance) {
  const TrainingSet set = somePictures(2, 6, 0.5, 7);
  FitOptions options;
  options.kernels = {{KernelKind::Chi2, 0, 1}, {KernelKind::Rbf, 0, 1}, {KernelKind::Rbf, 2.5, 1}};
  const Machine machine = fit(set, options).machine;
  double chi2 = 0, squared = 0, pairs = 0;
  for (std::int64_t i = 0; i < set.pictures(); ++i)
    for (std::int64_t j = 0; j < i; ++j, ++pairs)
      for (std::size_t d = 0; d < set.picture(i).size(); ++d) {
        const double a = set.picture(i)[d], b = set.picture(j)[d];
        squared += (a - b) * (a - b);
        if (a + b > 0) chi2 += (a - b) * (a - b) / (a + b);
      }
  EXPECT_NEAR(machine.kernels[0].gamma, pairs / chi2, 1e-9 * pairs / chi2);
  EXPECT_NEAR(machine.kernels[1].gamma, pairs / squared, 1e-9 * pairs / squared);
  EXPECT_EQ(machine.kernels[2].gamma, 2.5);
}

namespace {

// ⟨HKH, HYH⟩/(‖HKH‖‖HYH‖) with H = 1 − 1/n, written out.
double slowAlignment(const TrainingSet& set, const KernelTerm& term) {
  const std::int64_t n = set.pictures();
  const auto together = [&](std::int64_t i, std::int64_t j) {
    double shared = 0;
    for (std::size_t k = 0; k < set.classes.size(); ++k)
      shared += isPositive(set, i, static_cast<std::int64_t>(k)) && isPositive(set, j, static_cast<std::int64_t>(k));
    return shared;
  };
  const auto centred = [&](auto value) {
    std::vector<double> table;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = value(i, j), row = 0, column = 0, all = 0;
        for (std::int64_t m = 0; m < n; ++m) row += value(i, m), column += value(m, j);
        for (std::int64_t m = 0; m < n; ++m)
          for (std::int64_t o = 0; o < n; ++o) all += value(m, o);
        const auto count = static_cast<double>(n);
        table.push_back(sum - row / count - column / count + all / count / count);
      }
    return table;
  };
  const Row k = centred([&](auto i, auto j) { return kernel(term, set.picture(i), set.picture(j)); });
  const Row y = centred(together);
  double ky = 0, kk = 0, yy = 0;
  for (std::size_t i = 0; i < k.size(); ++i) ky += k[i] * y[i], kk += k[i] * k[i], yy += y[i] * y[i];
  return ky / std::sqrt(kk * yy);
}

}  // namespace

TEST(BowFit, AlignedWeightsAreInProportionToAlignments) {
  const TrainingSet set = somePictures(3, 5, 0.4, 8);
  FitOptions options;
  options.kernels = {{KernelKind::Linear, 1, 1}, {KernelKind::Rbf, 1e4, 7}, {KernelKind::Intersection, 1, 1}};
  options.align = true;
  const Machine machine = fit(set, options).machine;
  ASSERT_EQ(machine.kernels.size(), 3u);
  Row alignments, shares;
  for (const KernelTerm& term : machine.kernels) {
    double diagonal = 0;
    for (std::int64_t i = 0; i < set.pictures(); ++i)
      diagonal += kernel(term, set.picture(i), set.picture(i)) / static_cast<double>(set.pictures());
    alignments.push_back(slowAlignment(set, term));
    shares.push_back(term.beta * diagonal);
  }
  EXPECT_NEAR(shares[0] + shares[1] + shares[2], 1, 1e-12);
  EXPECT_NEAR(shares[0] / shares[2], alignments[0] / alignments[2], 1e-9);
  EXPECT_NEAR(shares[1] / shares[2], alignments[1] / alignments[2], 1e-9);
  EXPECT_LT(shares[1], shares[2]);  // to which every picture is like none but itself
}

TEST(BowFit, IsTheSameAgain) {
  const TrainingSet set = somePictures(3, 15, 0.3, 9);
  const Fitted one = fit(set, {}), other = fit(set, {});
  EXPECT_EQ(one.machine.histograms, other.machine.histograms);
  EXPECT_EQ(one.machine.coefficients, other.machine.coefficients);
  EXPECT_EQ(one.machine.bias, other.machine.bias);
  EXPECT_EQ(one.machine.platt, other.machine.platt);
  FitOptions options;
  options.seed = 1;
  EXPECT_NE(fit(set, options).machine.platt, one.machine.platt);  // other folds
}

TEST(BowFit, CIsTheBestOfTheGridWhicheverItsOrder) {
  const TrainingSet set = somePictures(2, 20, 0.15, 10);
  FitOptions options;
  options.c = {100, 0.01, 1};
  const Fitted fitted = fit(set, options);
  for (std::size_t k = 0; k < 2; ++k) {
    double best = 0, at = 0;
    for (const double c : {0.01, 1.0, 100.0}) {
      options.c = {c};
      const double precision = fit(set, options).classes[k].averagePrecision;
      if (precision > best) best = precision, at = c;
    }
    EXPECT_EQ(fitted.classes[k].averagePrecision, best);
    EXPECT_EQ(fitted.classes[k].c, at);
  }
}

TEST(BowFit, ProbabilitiesGoWithTheClasses) {
  const TrainingSet set = somePictures(2, 40, 0.25, 11);
  const Machine machine = fit(set, {}).machine;
  for (const auto& [a, b] : machine.platt) {
    EXPECT_LT(a, 0);  // more f, more probable
    EXPECT_LT(std::abs(b), 2);
  }
}

TEST(BowFit, AClassOfAllOrNoneIsConstant) {
  TrainingSet set = somePictures(2, 6, 0.8, 12);
  set.classes.insert(set.classes.end(), {"nowhere", "everywhere"});
  for (auto& labels : set.labels) labels.push_back(3);
  const Fitted fitted = fit(set, {});
  EXPECT_FALSE(fitted.classes[0].constant);
  EXPECT_TRUE(fitted.classes[2].constant);
  EXPECT_TRUE(fitted.classes[3].constant);
  EXPECT_EQ(f(fitted.machine, set, 0, 2), -1);
  EXPECT_EQ(f(fitted.machine, set, 0, 3), 1);
  const auto& [a, b] = fitted.machine.platt[2];
  EXPECT_EQ(a, 0);
  EXPECT_NEAR(1 / (1 + std::exp(b)), 1.0 / 14, 1e-12);  // the target of 12 pictures that are not
}

TEST(BowFit, OnePictureOnASide) {
  TrainingSet set = somePictures(2, 5, 0.9, 13);
  for (auto& labels : set.labels) labels = {0};
  set.labels[4] = {1};
  FitOptions options;
  options.c = {0.5, 50, 5000};
  const Fitted fitted = fit(set, options);
  EXPECT_EQ(fitted.classes[1].c, 50);
  for (std::int64_t i = 0; i < set.pictures(); ++i) EXPECT_EQ(f(fitted.machine, set, i, 1) > 0, i == 4);
}

TEST(BowFit, TwoPicturesAreEnough) {
  TrainingSet set;
  set.classes = {"a", "b"};
  addPicture(set, {1, 0}, {0});
  addPicture(set, {0, 1}, {1});
  const Machine machine = fit(set, {}).machine;
  EXPECT_GT(f(machine, set, 0, 0), 0.5);
  EXPECT_LT(f(machine, set, 1, 0), -0.5);
  EXPECT_NEAR(scores(machine, std::vector<double>{0.5, 0.5})[0], 0, 1e-6);
}

TEST(BowFit, DuplicatedPictures) {
  TrainingSet set = somePictures(2, 6, 0.7, 14), twice = set;
  twice.histograms.insert(twice.histograms.end(), set.histograms.begin(), set.histograms.end());
  twice.labels.insert(twice.labels.end(), set.labels.begin(), set.labels.end());
  FitOptions options;
  options.kernels[0].gamma = 1;
  options.c = {1e4};  // no α at its bound, so that one picture or two make no difference
  const Machine one = fit(set, options).machine, other = fit(twice, options).machine;
  for (std::int64_t i = 0; i < set.pictures(); ++i) EXPECT_NEAR(f(one, set, i, 0), f(other, set, i, 0), 2e-3);
  // All the same, with different classes: nothing to tell, and no NaN.
  TrainingSet same = set;
  for (std::size_t i = 0; i < same.histograms.size(); ++i) same.histograms[i] = same.histograms[i % 8];
  for (const KernelKind kind : {KernelKind::Linear, KernelKind::Chi2, KernelKind::Rbf}) {
    FitOptions with;
    with.kernels = {{kind, 0, 1}};
    with.align = true;
    const Machine machine = fit(same, with).machine;
    EXPECT_NEAR(f(machine, same, 0, 0), 0, 1 + 1e-9);
    EXPECT_TRUE(std::isfinite(machine.platt[0][1]));
    EXPECT_EQ(f(machine, same, 0, 0), f(machine, same, 5, 0));
  }
}

TEST(BowFit, EmptyHistograms) {
  TrainingSet set = somePictures(2, 4, 0.7, 15);
  std::fill(set.histograms.begin(), set.histograms.end(), 0.0);
  for (const KernelKind kind :
       {KernelKind::Linear, KernelKind::Hellinger, KernelKind::Chi2Additive, KernelKind::Chi2}) {
    FitOptions options;
    options.kernels = {{kind, 0, 1}};
    options.align = kind != KernelKind::Hellinger;
    EXPECT_TRUE(std::isfinite(f(fit(set, options).machine, set, 0, 0)));
  }
}

TEST(BowFit, ReportsProgressAndStops) {
  const TrainingSet set = somePictures(4, 6, 0.7, 16);
  FitOptions options;
  std::int64_t last = -1, sum = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GE(done, last);
    last = done, sum = total;
    return true;
  };
  fit(set, options);
  EXPECT_EQ(last, 4);
  EXPECT_EQ(sum, 4);
  for (const int after : {1, 40}) {  // among the kernels, and among the machines
    int calls = 0;
    options.progress = [&](std::int64_t, std::int64_t) { return ++calls < after; };
    expectError(ErrorCode::Cancelled, [&] { fit(set, options); });
    EXPECT_EQ(calls, after);  // not asked again
  }
}

TEST(BowFit, RefusesWhatItCannotUse) {
  const TrainingSet good = somePictures(2, 4, 0.7, 17);
  const auto refused = [&](ErrorCode code, auto change) {
    TrainingSet set = good;
    FitOptions options;
    change(set, options);
    expectError(code, [&] { crossValidate(set, options, 2); });
    return expectError(code, [&] { fit(set, options); });
  };
  const ErrorCode invalid = ErrorCode::InvalidArgument;
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.labels.clear(), set.histograms.clear(); });
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.histograms.pop_back(); });
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.dimensions = 0; });
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.histograms[9] = -0.1; });
  EXPECT_EQ(refused(ErrorCode::NonFiniteInput, [](TrainingSet& set, FitOptions&) { set.histograms[9] = NAN; }).where(),
            "histogram 1");
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.labels[1] = {2}; });
  refused(invalid, [](TrainingSet& set, FitOptions&) { set.labels[1] = {-1}; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.kernels.clear(); });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.kernels[0].gamma = -1; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.kernels[0].gamma = INFINITY; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.kernels[0].beta = 0; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.c = {}; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.c = {1, 0}; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.c = {NAN}; });
  refused(invalid, [](TrainingSet&, FitOptions& options) { options.folds = 1; });
}

TEST(BowFit, RefusesToTellOneThingApart) {
  TrainingSet set = somePictures(2, 4, 0.7, 18);
  for (auto& labels : set.labels) labels = {0};
  expectError(ErrorCode::InvalidArgument, [&] { fit(set, {}); });
  set.classes = {"dog"};
  const Error one = expectError(ErrorCode::InvalidArgument, [&] { fit(set, {}); });
  EXPECT_NE(one.got().find("'dog'"), std::string::npos);
  TrainingSet alone;
  alone.classes = {"dog", "cat"};
  addPicture(alone, {1, 2}, {0});
  EXPECT_EQ(expectError(ErrorCode::InvalidArgument, [&] { fit(alone, {}); }).got(), "one picture");
  set = somePictures(2, 4, 0.7, 18);
  expectError(ErrorCode::InvalidArgument, [&] { crossValidate(set, {}, 1); });
  expectError(ErrorCode::InvalidArgument, [&] { crossValidate(set, {}, 9); });
}

TEST(BowCrossValidation, OfWhatCanBeTold) {
  const Validation result = crossValidate(somePictures(3, 10, 0.9, 19), {}, 5);
  EXPECT_EQ(result.averagePrecision, Row({1, 1, 1}));
  EXPECT_EQ(result.meanAveragePrecision, 1);
  EXPECT_EQ(result.accuracy, 1);
  EXPECT_EQ(result.positives, std::vector<std::int64_t>({10, 10, 10}));
  EXPECT_EQ(crossValidate(somePictures(3, 10, 0.9, 19), {}, 30).accuracy, 1);  // leave one out
}

// Labels that have nothing to do with the pictures: a machine that had seen a picture would know its label.
TEST(BowCrossValidation, NoMachineHasSeenWhatItJudges) {
  TrainingSet set = somePictures(1, 120, 0, 20);
  set.classes = {"a", "b"};
  std::mt19937 random(21);
  for (auto& labels : set.labels) labels = {static_cast<std::int64_t>(random() % 2)};
  FitOptions options;
  options.kernels = {{KernelKind::Rbf, 1000, 1}};
  options.c = {100};
  const Validation result = crossValidate(set, options, 4);
  EXPECT_NEAR(result.accuracy, 0.5, 0.15);
  EXPECT_NEAR(result.meanAveragePrecision, 0.5, 0.15);
  const Machine seen = fit(set, options).machine;
  int right = 0;
  for (std::int64_t i = 0; i < set.pictures(); ++i) right += (f(seen, set, i, 0) > 0) == isPositive(set, i, 0);
  EXPECT_GT(right, 110);
}

TEST(BowCrossValidation, CountsOnlyWhatHasAClass) {
  TrainingSet set = somePictures(2, 10, 0.9, 22);
  set.classes.emplace_back("nowhere");
  for (std::size_t i = 0; i < 4; ++i) set.labels[i].clear();
  const Validation result = crossValidate(set, {}, 4);
  EXPECT_EQ(result.positives, std::vector<std::int64_t>({8, 8, 0}));
  EXPECT_EQ(result.averagePrecision[2], 0);
  EXPECT_EQ(result.meanAveragePrecision, (result.averagePrecision[0] + result.averagePrecision[1]) / 2);
  EXPECT_EQ(result.accuracy, 1);
}

TEST(BowCrossValidation, AClassThatAFoldHasNothingOf) {
  TrainingSet set = somePictures(2, 6, 0.9, 23);
  set.classes.emplace_back("once");
  set.labels[3].push_back(2);
  const Validation result = crossValidate(set, {}, 12);
  EXPECT_EQ(result.scores[3 * 3 + 2], -1);  // no machine but the constant one without that picture
}

TEST(AveragePrecision, ByHand) {
  const auto ap = [](const Row& s, const std::vector<bool>& positive) { return averagePrecision(s, positive); };
  EXPECT_EQ(ap({4, 3, 2, 1}, {true, true, false, false}), 1);
  EXPECT_NEAR(ap({4, 3, 2, 1}, {true, false, true, false}), (1 + 2.0 / 3) / 2, 1e-15);
  EXPECT_NEAR(ap({1, 2, 3, 4}, {true, false, true, false}), 0.5, 1e-15);  // precisions 0, 1/2, 1/3, 1/2
  // Precision 1/2 at the first positive, 2/3 at the second: made monotone, 2/3 counts for both.
  EXPECT_NEAR(ap({4, 3, 2, 1}, {false, true, true, false}), 2.0 / 3, 1e-15);
  EXPECT_NEAR(ap({0, 0, 0, 0}, {true, false, false, false}), 0.25, 1e-15);
  EXPECT_NEAR(ap({0, 0, 0, 0}, {false, false, false, true}), 0.25, 1e-15);
  EXPECT_EQ(ap({3, 2}, {false, false}), 0);
  EXPECT_EQ(ap({}, {}), 0);
}

namespace {

double slowLikelihood(const Row& s, const std::vector<bool>& positive, double a, double b) {
  const auto n = static_cast<double>(std::count(positive.begin(), positive.end(), true));
  const double m = static_cast<double>(positive.size()) - n;
  double sum = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const double t = positive[i] ? (n + 1) / (n + 2) : 1 / (m + 2), p = 1 / (1 + std::exp(a * s[i] + b));
    sum -= t * std::log(p) + (1 - t) * std::log(1 - p);
  }
  return sum;
}

}  // namespace

TEST(FitSigmoid, IsTheMinimum) {
  std::mt19937 random(24);
  for (const double overlap : {0.0, 1.0, 4.0, 20.0}) {
    Row s;
    std::vector<bool> positive;
    for (int i = 0; i < 40; ++i) {
      positive.push_back(i % 4 == 0);
      s.push_back((positive.back() ? 1 : -1) + overlap * (static_cast<double>(random() % 1000) / 1000 - 0.5));
    }
    const auto [a, b] = fitSigmoid(s, positive);
    const double least = slowLikelihood(s, positive, a, b);
    for (double step = 4; step > 1e-5; step /= 2)
      for (int corner = 0; corner < 9; ++corner)
        EXPECT_GE(slowLikelihood(s, positive, a + step * (corner % 3 - 1), b + step * (corner / 3 - 1)), least - 1e-11);
    double at = INFINITY;  // a grid all over the place finds nothing better
    for (double x = -20; x <= 20; x += 0.25)
      for (double y = -20; y <= 20; y += 0.25) at = std::min(at, slowLikelihood(s, positive, x, y));
    EXPECT_LE(least, at + 1e-12);
  }
}

TEST(FitSigmoid, WhereThereIsNothingToFit) {
  const auto [a, b] = fitSigmoid(Row{2, 2, 2}, {true, false, false});
  EXPECT_EQ(a, 0);
  EXPECT_NEAR(1 / (1 + std::exp(b)), (2.0 / 3 + 1.0 / 4 + 1.0 / 4) / 3, 1e-12);
  EXPECT_EQ(fitSigmoid(Row{}, {})[0], 0);
  EXPECT_TRUE(std::isfinite(fitSigmoid(Row{1e8, -1e8, 3, 1e-9}, {true, false, true, false})[0]));
}

}  // namespace relprop::test
