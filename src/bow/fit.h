// Training of machines: support vector machines by LIBSVM on a precomputed sum of kernels, one against the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bow/machine.h"

namespace relprop::bow {

// Pictures as training sees them. A picture may be of several classes or of none.
struct TrainingSet {
  std::vector<double> histograms;  // pictures × dimensions, ≥ 0
  std::int64_t dimensions = 0;
  std::vector<std::vector<std::int64_t>> labels;  // picture by picture: its classes
  std::vector<std::string> classes;               // names, for messages
  std::int64_t pictures() const { return static_cast<std::int64_t>(labels.size()); }
  Point picture(std::int64_t i) const {
    return {histograms.data() + i * dimensions, static_cast<std::size_t>(dimensions)};
  }
};

struct FitOptions {
  // gamma 0 of Chi2 and Rbf: 1 / mean of (x − y)²/(x + y), (x − y)² summed over dimensions, over all pairs of pictures.
  std::vector<KernelTerm> kernels = {{KernelKind::Chi2, 0, 1}};
  // β by how well a kernel goes with the classes instead of those given: in proportion to the alignment
  // ⟨K, Y⟩/(‖K‖‖Y‖), K and Y = ZZᵀ centred, Z pictures × classes of 0 and 1; nothing below 0, and all alike where no
  // kernel has any. Kernels are brought to a mean of 1 on the diagonal first.
  bool align = false;
  // In units of 1/v, v the variance of the pictures in the kernel's space, mean k(x_i, x_i) − mean k(x_i, x_j): a
  // multiple of a kernel makes the same machine.
  std::vector<double> c = {0.1, 1, 10, 100};
  int folds = 5;  // of the choice of C and of the probabilities
  std::uint64_t seed = 0;
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};  // from one thread at a time; false: stop
};

// What fit and crossValidate throw of the options alone, before there are pictures. Throws InvalidArgument.
void checkFitOptions(const FitOptions& options);

// What they throw of the labels and classes alone: InvalidArgument where every class has all pictures or none.
void checkTellable(const TrainingSet& set);

struct ClassFit {
  double c = 0;                 // as in FitOptions::c
  double averagePrecision = 0;  // cross-validated, at this C
  std::int64_t positives = 0;
  bool constant = false;  // the class has no picture or all: f = −1 or 1, which is what the optimum is
};
struct Fitted {
  Machine machine;
  std::vector<ClassFit> classes;
};

// Pictures of a class are weighed N/(2 N₊) and the others N/(2 N₋), so that both sides count alike: α_i ≤ C · weight. C
// is the one with the greatest average precision of cross-validated scores (the smallest of equals; folds of each class
// with its shares of both sides), the probabilities are fitted to these scores (Lin, Lin & Weng 2007). A class with
// fewer than two pictures on a side cannot be cross-validated: it takes the middle of the grid and its own training
// scores. The same input gives the same machine whatever the number of threads. Throws InvalidArgument (also where
// every class is constant), NonFiniteInput, Cancelled, OutOfMemory: 16 N² bytes, and 8 N² for each kernel while they
// are summed.
Fitted fit(const TrainingSet& set, const FitOptions& options);

struct Validation {
  std::vector<std::int64_t> positives;   // of each class
  std::vector<double> averagePrecision;  // of each class; 0 of one without pictures
  double meanAveragePrecision = 0;       // over classes with pictures
  double accuracy = 0;         // the class of the greatest f is one of the picture's, of pictures with a class
  std::vector<double> scores;  // pictures × classes, from machines that have not seen the picture
};
// Every fold's machine is fitted anew, with choice of γ, β, C and all. Pictures are dealt to folds class by class, each
// under the rarest of its classes. folds: 2 to the number of pictures. Throws as fit does.
Validation crossValidate(const TrainingSet& set, const FitOptions& options, int folds);

}  // namespace relprop::bow
