// Kernels between all pictures of a training set.
#pragma once

#include <libsvm/svm.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "bow/fit.h"

namespace relprop::bow {

std::vector<bool> positivesOf(const TrainingSet& set, std::int64_t aClass);

// A square table of doubles.
struct Square {
  std::int64_t side = 0;
  std::vector<double> values;
  explicit Square(std::int64_t n) : side(n), values(static_cast<std::size_t>(n * n)) {}
  double& at(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * side + j)]; }
  double at(std::int64_t i, std::int64_t j) const { return values[static_cast<std::size_t>(i * side + j)]; }
};

// The table of a sum of kernels as LIBSVM reads it: a row of nodes for each picture, node 0 the picture's number from 1
// on and node j the kernel with picture j. Any choice of rows is a problem of its own: LIBSVM looks up the number.
class Gram {
 public:
  explicit Gram(std::int64_t pictures) : pictures_(pictures), nodes_(static_cast<std::size_t>(pictures * stride())) {
    for (std::int64_t i = 0; i < pictures_; ++i) {
      for (std::int64_t j = 0; j <= pictures_; ++j) row(i)[j] = {static_cast<int>(j), 0};
      row(i)[0].value = static_cast<double>(i + 1);
      row(i)[pictures_ + 1] = {-1, 0};
    }
  }
  svm_node* row(std::int64_t i) { return nodes_.data() + i * stride(); }
  double at(std::int64_t i, std::int64_t j) const {
    return nodes_[static_cast<std::size_t>(i * stride() + j + 1)].value;
  }
  void add(double weight, const Square& kernel) {
    for (std::int64_t i = 0; i < pictures_; ++i)
      for (std::int64_t j = 0; j < pictures_; ++j) row(i)[j + 1].value += weight * kernel.at(i, j);
  }
  // Mean k(x_i, x_i) − mean k(x_i, x_j); pictures all alike: 1.
  double variance() const {
    double diagonal = 0, all = 0;
    for (std::int64_t i = 0; i < pictures_; ++i) {
      diagonal += at(i, i);
      for (std::int64_t j = 0; j < pictures_; ++j) all += at(i, j);
    }
    const auto n = static_cast<double>(pictures_);
    const double variance = diagonal / n - all / (n * n);
    return variance > 1e-12 * diagonal / n ? variance : 1;
  }

 private:
  std::int64_t stride() const { return pictures_ + 2; }
  std::int64_t pictures_;
  std::vector<svm_node> nodes_;
};

// Sums the kernels and puts the γ and β that were to be found into them; those that get β = 0 go. `again` is called now
// and then, by several threads, to throw when it is to stop.
Gram gramOf(const TrainingSet& set, bool align, std::vector<KernelTerm>& kernels, const std::function<void()>& again);

}  // namespace relprop::bow
