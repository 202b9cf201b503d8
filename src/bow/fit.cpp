#include "bow/fit.h"

#include <fmt/format.h>
#include <libsvm/svm.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <random>

#include "bow/calibration.h"
#include "bow/gram.h"
#include "core/parallel.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop::bow {

namespace {

using Indices = std::vector<std::int64_t>;

[[noreturn]] void invalidTraining(const std::string& what, const std::string& got, const std::string& expected,
                                  const std::string& hint = {}) {
  throw Error(ErrorCode::InvalidArgument, what, got, expected, hint);
}

void checkKernels(const FitOptions& options) {
  if (options.kernels.empty()) invalidTraining("kernels", "none", "at least one");
  for (const KernelTerm& term : options.kernels) {
    const std::string where = fmt::format("kernel {}", kernelName(term.kind));
    if (!(std::isfinite(term.gamma) && term.gamma >= 0))
      invalidTraining(where, fmt::format("gamma {}", term.gamma), "0 or more");
    if (!(std::isfinite(term.beta) && term.beta > 0))
      invalidTraining(where, fmt::format("beta {}", term.beta), "more than 0");
  }
}

void checkSet(const TrainingSet& set) {
  const auto classes = static_cast<std::int64_t>(set.classes.size());
  if (set.pictures() == 0) invalidTraining("training set", "no picture", "at least one of a class and one that is not");
  if (set.dimensions < 1 || static_cast<std::int64_t>(set.histograms.size()) != set.pictures() * set.dimensions)
    invalidTraining("training set", fmt::format("{} values in histograms", set.histograms.size()),
                    fmt::format("{} pictures of {} dimensions", set.pictures(), set.dimensions));
  for (std::size_t i = 0; i < set.histograms.size(); ++i) {
    const std::string where = "histogram " + std::to_string(i / static_cast<std::size_t>(set.dimensions));
    if (!std::isfinite(set.histograms[i])) throw Error(ErrorCode::NonFiniteInput, where, "NaN or infinity");
    if (set.histograms[i] < 0) invalidTraining(where, fmt::format("{}", set.histograms[i]), "0 or more");
  }
  for (std::size_t i = 0; i < set.labels.size(); ++i)
    for (const std::int64_t label : set.labels[i])
      if (label < 0 || label >= classes)
        invalidTraining(fmt::format("picture {}", i), fmt::format("class {}", label),
                        fmt::format("one of {} classes, from 0 on", classes));
}

// What is done so far; one thread at a time speaks to the caller. Once it has said stop, everyone stops.
class Progress {
 public:
  Progress(const FitOptions& options, std::int64_t total) : report_(options.progress), total_(total) {}
  void step(std::int64_t by) {
    const std::lock_guard lock(mutex_);
    done_ += by;
    if (report_ && !stopped_) stopped_ = !report_(done_, total_);
    if (stopped_) throw Error(ErrorCode::Cancelled, "training", fmt::format("stopped after {} of {}", done_, total_));
  }

 private:
  const std::function<bool(std::int64_t, std::int64_t)>& report_;
  std::int64_t total_, done_ = 0;
  bool stopped_ = false;
  std::mutex mutex_;
};

// One machine of two sides; pictures by their place in the whole set.
struct TwoSided {
  Indices pictures;
  std::vector<double> coefficients;
  double bias = 0;
  double at(const Gram& gram, std::int64_t picture) const {
    double f = bias;
    for (std::size_t n = 0; n < pictures.size(); ++n) f += coefficients[n] * gram.at(pictures[n], picture);
    return f;
  }
};

struct FreeModel {
  void operator()(svm_model* model) const { svm_free_and_destroy_model(&model); }
};

// LIBSVM writes to stdout unless the whole process has another function for that.
void silenceLibsvm() {
  svm_set_print_string_function([](const char*) {});
}

constexpr std::int64_t kCacheMegabytes = 64;

// LIBSVM does not look at what it gets, so the room for so many trainings at a time is asked for before: each keeps
// rows of its table, a float for each pair of pictures as far as they fit, and some thirty numbers a picture.
void requireRoom(std::int64_t pictures, std::int64_t trainings) {
  const std::int64_t rows = std::min(kCacheMegabytes << 20, 4 * pictures * pictures);
  const std::int64_t each = rows + 512 * pictures + (std::int64_t{1} << 20);
  requireMemory(trainings * each, "training", "train on fewer pictures or classes, or raise the limit of memory");
}

svm_parameter parametersFor(double c, std::array<int, 2>& sides, std::array<double, 2>& weights) {
  svm_parameter p{};
  p.svm_type = C_SVC;
  p.kernel_type = PRECOMPUTED;
  p.cache_size = kCacheMegabytes;
  p.eps = 1e-4;
  p.C = c;
  p.nr_weight = 2;
  p.weight_label = sides.data();
  p.weight = weights.data();
  p.shrinking = 1;
  return p;
}

// Pictures on both sides are among those chosen.
TwoSided train(Gram& gram, const Indices& chosen, const std::vector<bool>& positive, double c) {
  std::vector<double> y;
  std::vector<svm_node*> rows;
  std::array<double, 2> count{};  // of 1 and −1
  for (const std::int64_t i : chosen) {
    const bool is = positive[static_cast<std::size_t>(i)];
    y.push_back(is ? 1 : -1);
    rows.push_back(gram.row(i));
    ++count[is ? 0 : 1];
  }
  std::array<int, 2> sides{1, -1};
  std::array<double, 2> weights{static_cast<double>(chosen.size()) / (2 * count[0]),
                                static_cast<double>(chosen.size()) / (2 * count[1])};
  const svm_problem problem{static_cast<int>(y.size()), y.data(), rows.data()};
  const svm_parameter parameters = parametersFor(c, sides, weights);
  const std::unique_ptr<svm_model, FreeModel> model(svm_train(&problem, &parameters));
  // LIBSVM's f is positive for label[0], whichever side that is.
  const double sign = model->label[0];
  TwoSided result;
  result.bias = -sign * model->rho[0];
  for (int n = 0; n < model->l; ++n) {
    result.pictures.push_back(chosen[static_cast<std::size_t>(model->sv_indices[n] - 1)]);
    result.coefficients.push_back(sign * model->sv_coef[0][n]);
  }
  return result;
}

// Fisher and Yates; the standard leaves the numbers that std::shuffle draws open.
void shuffle(Indices& items, std::mt19937_64& random) {
  for (std::size_t n = items.size(); n > 1; --n) std::swap(items[n - 1], items[random() % n]);
}

// Groups are shuffled and dealt out one after the other: each is spread as evenly as it goes.
std::vector<int> dealt(std::vector<Indices> groups, std::size_t pictures, int folds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<int> fold(pictures, 0);
  int next = 0;
  for (Indices& group : groups) {
    shuffle(group, random);
    for (const std::int64_t i : group) fold[static_cast<std::size_t>(i)] = next++ % folds;
  }
  return fold;
}

std::vector<int> foldsOfSides(const std::vector<bool>& positive, int folds, std::uint64_t seed) {
  std::vector<Indices> sides(2);
  for (std::size_t i = 0; i < positive.size(); ++i) sides[positive[i] ? 0 : 1].push_back(static_cast<std::int64_t>(i));
  return dealt(std::move(sides), positive.size(), folds, seed);
}

Indices inFold(const std::vector<int>& fold, int which, bool inside) {
  Indices chosen;
  for (std::size_t i = 0; i < fold.size(); ++i)
    if ((fold[i] == which) == inside) chosen.push_back(static_cast<std::int64_t>(i));
  return chosen;
}

// Fits the classes one by one, all on the same table.
class ClassFitter {
 public:
  ClassFitter(const TrainingSet& set, const FitOptions& options, Gram& gram, Progress& progress)
      : set_(set), options_(options), gram_(gram), progress_(progress), unit_(1 / gram.variance()) {}

  struct Result {
    ClassFit fit;
    TwoSided machine;
    std::array<double, 2> platt{};
  };

  Result fitClass(std::int64_t aClass) {
    const std::vector<bool> positive = positivesOf(set_, aClass);
    const std::int64_t positives = countOf(positive), negatives = set_.pictures() - positives;
    Result result;
    result.fit.positives = positives;
    if (positives == 0 || negatives == 0) return constant(std::move(result), positive);
    const auto folds = static_cast<int>(std::min<std::int64_t>({options_.folds, positives, negatives}));
    std::vector<double> scores;
    if (folds >= 2) {
      scores = chooseC(result.fit, positive, folds);
    } else {
      result.fit.c = options_.c[(options_.c.size() - 1) / 2];
    }
    result.machine = train(gram_, everyone(), positive, result.fit.c * unit_);
    if (folds < 2) {
      for (const std::int64_t i : everyone()) scores.push_back(result.machine.at(gram_, i));
      result.fit.averagePrecision = averagePrecision(scores, positive);
    }
    result.platt = fitSigmoid(scores, positive);
    progress_.step(1);
    return result;
  }

 private:
  Result constant(Result result, const std::vector<bool>& positive) {
    result.fit.constant = true;
    result.fit.c = options_.c[(options_.c.size() - 1) / 2];
    result.machine.bias = result.fit.positives > 0 ? 1 : -1;
    const std::vector<double> scores(positive.size(), result.machine.bias);
    result.fit.averagePrecision = averagePrecision(scores, positive);
    result.platt = fitSigmoid(scores, positive);
    progress_.step(1);
    return result;
  }

  // The scores behind the C that is chosen.
  std::vector<double> chooseC(ClassFit& fit, const std::vector<bool>& positive, int folds) {
    const std::vector<int> fold = foldsOfSides(positive, folds, options_.seed);
    std::vector<double> grid = options_.c, best;
    std::sort(grid.begin(), grid.end());
    for (const double c : grid) {
      std::vector<double> scores = heldOut(positive, fold, folds, c * unit_);
      const double precision = averagePrecision(scores, positive);
      if (!best.empty() && precision <= fit.averagePrecision) continue;
      fit.c = c;
      fit.averagePrecision = precision;
      best = std::move(scores);
    }
    return best;
  }

  std::vector<double> heldOut(const std::vector<bool>& positive, const std::vector<int>& fold, int folds, double c) {
    std::vector<double> scores(positive.size());
    for (int f = 0; f < folds; ++f) {
      const TwoSided machine = train(gram_, inFold(fold, f, false), positive, c);
      for (const std::int64_t i : inFold(fold, f, true)) scores[static_cast<std::size_t>(i)] = machine.at(gram_, i);
      progress_.step(0);
    }
    return scores;
  }

  Indices everyone() const {
    Indices all(static_cast<std::size_t>(set_.pictures()));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  const TrainingSet& set_;
  const FitOptions& options_;
  Gram& gram_;
  Progress& progress_;
  double unit_;  // of C
};

// One machine of all: the pictures that any class has a coefficient for.
Machine joined(const TrainingSet& set, std::vector<KernelTerm> kernels, const std::vector<ClassFitter::Result>& parts) {
  Machine machine;
  machine.kernels = std::move(kernels);
  machine.dimensions = set.dimensions;
  std::vector<bool> used(set.labels.size());
  for (const auto& part : parts)
    for (const std::int64_t i : part.machine.pictures) used[static_cast<std::size_t>(i)] = true;
  std::vector<std::size_t> place(used.size());
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    place[i] = static_cast<std::size_t>(machine.supports());
    const Point picture = set.picture(static_cast<std::int64_t>(i));
    machine.histograms.insert(machine.histograms.end(), picture.begin(), picture.end());
  }
  for (const auto& part : parts) {
    std::vector<double> coefficients(static_cast<std::size_t>(machine.supports()), 0.0);
    for (std::size_t n = 0; n < part.machine.pictures.size(); ++n)
      coefficients[place[static_cast<std::size_t>(part.machine.pictures[n])]] = part.machine.coefficients[n];
    machine.coefficients.push_back(std::move(coefficients));
    machine.bias.push_back(part.machine.bias);
    machine.platt.push_back(part.platt);
  }
  return machine;
}

// As fit, also where every class is constant, which a fold may be.
Fitted fitAll(const TrainingSet& set, const FitOptions& options, Progress& progress) {
  try {
    silenceLibsvm();  // each time: the host may have set another one, or none, meanwhile
    std::vector<KernelTerm> kernels = options.kernels;
    Gram gram = gramOf(set, options.align, kernels, [&] { progress.step(0); });
    ClassFitter fitter(set, options, gram, progress);
    std::vector<ClassFitter::Result> parts(set.classes.size());
    requireRoom(set.pictures(), static_cast<std::int64_t>(std::min(parts.size(), kMostThreadsByThemselves)));
    inParallel(parts.size(), [&](std::size_t k) { parts[k] = fitter.fitClass(static_cast<std::int64_t>(k)); });
    Fitted fitted{joined(set, std::move(kernels), parts), {}};
    for (const auto& part : parts) fitted.classes.push_back(part.fit);
    return fitted;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, "training", fmt::format("{} pictures", set.pictures()), {},
                "train on fewer pictures");
  }
}

// Each picture under the rarest of its classes, the first of equals; last those without any.
std::vector<Indices> byRarestClass(const TrainingSet& set) {
  std::vector<std::int64_t> count;
  for (std::size_t k = 0; k < set.classes.size(); ++k)
    count.push_back(countOf(positivesOf(set, static_cast<std::int64_t>(k))));
  std::vector<Indices> groups(set.classes.size() + 1);
  for (std::size_t i = 0; i < set.labels.size(); ++i) {
    std::size_t rarest = set.classes.size();
    for (const std::int64_t label : set.labels[i]) {
      const auto k = static_cast<std::size_t>(label);
      if (rarest == set.classes.size() || std::pair(count[k], k) < std::pair(count[rarest], rarest)) rarest = k;
    }
    groups[rarest].push_back(static_cast<std::int64_t>(i));
  }
  return groups;
}

TrainingSet subset(const TrainingSet& set, const Indices& chosen) {
  TrainingSet part;
  part.dimensions = set.dimensions;
  part.classes = set.classes;
  for (const std::int64_t i : chosen) {
    const Point picture = set.picture(i);
    part.histograms.insert(part.histograms.end(), picture.begin(), picture.end());
    part.labels.push_back(set.labels[static_cast<std::size_t>(i)]);
  }
  return part;
}

// Of the pictures that have a class.
double accuracyOf(const TrainingSet& set, const std::vector<double>& scores) {
  const auto classes = static_cast<std::ptrdiff_t>(set.classes.size());
  double asked = 0, right = 0;
  for (std::size_t i = 0; i < set.labels.size(); ++i) {
    const auto row = scores.begin() + static_cast<std::ptrdiff_t>(i) * classes;
    const std::int64_t top = std::max_element(row, row + classes) - row;
    const std::vector<std::int64_t>& labels = set.labels[i];
    asked += labels.empty() ? 0 : 1;
    right += std::find(labels.begin(), labels.end(), top) != labels.end() ? 1 : 0;
  }
  return asked > 0 ? right / asked : 0;
}

void judge(const TrainingSet& set, Validation& result) {
  const std::size_t classes = set.classes.size();
  double counted = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    const std::vector<bool> positive = positivesOf(set, static_cast<std::int64_t>(k));
    std::vector<double> scores;
    for (std::size_t i = 0; i < positive.size(); ++i) scores.push_back(result.scores[i * classes + k]);
    result.positives.push_back(countOf(positive));
    result.averagePrecision.push_back(averagePrecision(scores, positive));
    result.meanAveragePrecision += result.averagePrecision.back();
    counted += result.positives.back() > 0 ? 1 : 0;
  }
  result.meanAveragePrecision /= std::max(counted, 1.0);
  result.accuracy = accuracyOf(set, result.scores);
}

}  // namespace

void checkFitOptions(const FitOptions& options) {
  checkKernels(options);
  if (options.c.empty()) invalidTraining("C", "no value", "at least one");
  for (const double c : options.c)
    if (!(std::isfinite(c) && c > 0)) invalidTraining("C", fmt::format("{}", c), "a number greater than 0");
  if (options.folds < 2) invalidTraining("folds", fmt::format("{}", options.folds), "2 or more");
}

void checkTellable(const TrainingSet& set) {
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(set.classes.size()); ++k) {
    const std::int64_t positives = countOf(positivesOf(set, k));
    if (positives > 0 && positives < set.pictures()) return;
  }
  const bool one = set.pictures() == 1;
  const std::string got = set.classes.size() == 1 ? fmt::format("'{}' as the class of all or none", set.classes[0])
                                                  : "classes that all pictures have or none";
  invalidTraining("training set", one ? "one picture" : got, "a class that some pictures have and others have not",
                  "add pictures of something else");
}

Fitted fit(const TrainingSet& set, const FitOptions& options) {
  checkFitOptions(options);
  checkSet(set);
  checkTellable(set);
  Progress progress(options, static_cast<std::int64_t>(set.classes.size()));
  return fitAll(set, options, progress);
}

Validation crossValidate(const TrainingSet& set, const FitOptions& options, int folds) {
  checkFitOptions(options);
  checkSet(set);
  checkTellable(set);
  if (folds < 2 || folds > set.pictures())
    invalidTraining("folds", std::to_string(folds), fmt::format("2 to the number of pictures, {}", set.pictures()));
  const auto classes = static_cast<std::int64_t>(set.classes.size());
  const std::vector<int> fold = dealt(byRarestClass(set), set.labels.size(), folds, options.seed);
  Progress progress(options, classes * folds);
  Validation result;
  result.scores.resize(static_cast<std::size_t>(set.pictures() * classes));
  for (int f = 0; f < folds; ++f) {
    const Machine machine = fitAll(subset(set, inFold(fold, f, false)), options, progress).machine;
    const Indices tested = inFold(fold, f, true);
    inParallel(tested.size(), [&](std::size_t k) {
      const std::vector<double> row = scores(machine, set.picture(tested[k]), true);
      std::copy(row.begin(), row.end(), result.scores.begin() + tested[k] * classes);
    });
  }
  judge(set, result);
  return result;
}

}  // namespace relprop::bow
