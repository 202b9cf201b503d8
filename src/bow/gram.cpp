#include "bow/gram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"

namespace relprop::bow {

std::vector<bool> positivesOf(const TrainingSet& set, std::int64_t aClass) {
  std::vector<bool> positive;
  for (const std::vector<std::int64_t>& labels : set.labels)
    positive.push_back(std::find(labels.begin(), labels.end(), aClass) != labels.end());
  return positive;
}

namespace {

Square sumsBetweenPictures(const TrainingSet& set, KernelKind kind, const std::function<void()>& again) {
  Square sums(set.pictures());
  inParallel(static_cast<std::size_t>(set.pictures()), [&](std::size_t row) {
    again();
    const auto i = static_cast<std::int64_t>(row);
    for (std::int64_t j = 0; j <= i; ++j) sums.at(i, j) = sumOverDimensions(kind, set.picture(i), set.picture(j));
  });
  for (std::int64_t i = 0; i < sums.side; ++i)
    for (std::int64_t j = 0; j < i; ++j) sums.at(j, i) = sums.at(i, j);
  return sums;
}

// Over all pairs of different pictures; all alike or one alone: 1.
double oneOverMean(const Square& distances) {
  const double sum = std::accumulate(distances.values.begin(), distances.values.end(), 0.0);
  const auto pairs = static_cast<double>(distances.side * (distances.side - 1));
  return sum > 0 ? pairs / sum : 1;
}

double meanOnDiagonal(const Square& kernel) {
  double sum = 0;
  for (std::int64_t i = 0; i < kernel.side; ++i) sum += kernel.at(i, i);
  return sum / static_cast<double>(kernel.side);
}

void centre(Square& table) {
  std::vector<double> mean(static_cast<std::size_t>(table.side), 0.0);
  for (std::int64_t i = 0; i < table.side; ++i)
    for (std::int64_t j = 0; j < table.side; ++j)
      mean[static_cast<std::size_t>(i)] += table.at(i, j) / static_cast<double>(table.side);
  const double all = std::accumulate(mean.begin(), mean.end(), 0.0) / static_cast<double>(table.side);
  for (std::int64_t i = 0; i < table.side; ++i)
    for (std::int64_t j = 0; j < table.side; ++j)
      table.at(i, j) += all - mean[static_cast<std::size_t>(i)] - mean[static_cast<std::size_t>(j)];
}

// ⟨K, Y⟩/(‖K‖‖Y‖) of both centred, 0 where one is constant or they go against each other.
double alignment(Square kernel, const TrainingSet& set) {
  Square together(set.pictures());  // how many classes two pictures share
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(set.classes.size()); ++k) {
    const std::vector<bool> positive = positivesOf(set, k);
    for (std::int64_t i = 0; i < together.side; ++i)
      for (std::int64_t j = 0; j < together.side; ++j)
        if (positive[static_cast<std::size_t>(i)] && positive[static_cast<std::size_t>(j)]) together.at(i, j) += 1;
  }
  centre(kernel);
  centre(together);
  const auto product = [](const Square& a, const Square& b) {
    return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0);
  };
  const double norms = std::sqrt(product(kernel, kernel) * product(together, together));
  return norms > 0 ? std::max(product(kernel, together) / norms, 0.0) : 0;
}

// β in proportion to the alignments, of kernels with a mean of 1 on the diagonal; where none goes with the classes, all
// alike.
void weigh(std::vector<KernelTerm>& kernels, const std::vector<Square>& tables, std::vector<double> alignments) {
  double sum = std::accumulate(alignments.begin(), alignments.end(), 0.0);
  if (sum == 0) {
    alignments.assign(kernels.size(), 1);
    sum = static_cast<double>(kernels.size());
  }
  for (std::size_t u = 0; u < kernels.size(); ++u) {
    const double scale = meanOnDiagonal(tables[u]);
    kernels[u].beta = alignments[u] / sum / (scale > 0 ? scale : 1);
  }
}

}  // namespace

Gram gramOf(const TrainingSet& set, bool align, std::vector<KernelTerm>& kernels, const std::function<void()>& again) {
  Gram gram(set.pictures());
  std::vector<Square> tables;
  std::vector<double> alignments;
  for (KernelTerm& term : kernels) {
    Square table = sumsBetweenPictures(set, term.kind, again);
    if (term.gamma == 0 && !isSumOverDimensions(term.kind)) term.gamma = oneOverMean(table);
    for (double& value : table.values) value = outer(term, value);
    if (align) alignments.push_back(alignment(table, set));
    tables.push_back(std::move(table));
  }
  if (align) weigh(kernels, tables, alignments);
  for (std::size_t u = 0; u < kernels.size(); ++u) gram.add(kernels[u].beta, tables[u]);
  std::erase_if(kernels, [](const KernelTerm& term) { return term.beta == 0; });
  return gram;
}

}  // namespace relprop::bow
