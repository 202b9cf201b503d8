#include "bow/machine.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace relprop::bow {

namespace {

constexpr std::size_t kCandidates = 4, kLookedAt = 256;      // of the search for a root, see machine.h
constexpr std::size_t kBlock = 512;                          // dimensions that one thread adds up at a time
constexpr std::size_t kWorthThreads = std::size_t{1} << 20;  // terms: below, threads cost more than they save

using Kernels = std::vector<KernelTerm>;

Kernels kernelsThat(const Machine& machine, bool areSums) {
  Kernels chosen;
  for (const KernelTerm& term : machine.kernels)
    if (isSumOverDimensions(term.kind) == areSums) chosen.push_back(term);
  return chosen;
}

double weighted(const Kernels& kernels, Point x, Point y) {
  double sum = 0;
  for (const KernelTerm& term : kernels) sum += term.beta * kernel(term, x, y);
  return sum;
}

// constant + Σ_i c_i Σ_u β_u k_u(x_i, ·) over some of the kernels of one class; only the x_i whose c_i is not 0.
class KernelSum {
 public:
  KernelSum(const Machine& machine, std::int64_t aClass, Kernels kernels, double constant)
      : machine_(machine),
        coefficients_(machine.coefficients[static_cast<std::size_t>(aClass)]),
        kernels_(std::move(kernels)),
        constant_(constant) {
    for (std::int64_t i = 0; i < machine.supports(); ++i)
      if (coefficient(i) != 0) active_.push_back(i);
  }

  double at(Point x) const {
    const std::vector<double> row = forActive(x, [&](std::int64_t i) { return weighted(kernels_, support(i), x); });
    double sum = constant_;
    for (std::size_t n = 0; n < active_.size(); ++n) sum += coefficient(active_[n]) * row[n];
    return sum;
  }

  // ∂/∂x_d.
  std::vector<double> gradient(Point x) const {
    return overDimensions(
        x,
        [](const KernelTerm& term, Point support, Point at) {
          return isSumOverDimensions(term.kind) ? 1 : outerSlope(term, sumOverDimensions(term.kind, support, at));
        },
        [](const KernelTerm& term, double weight, Point support, Point at, std::span<double> into) {
          addSlopes(term.kind, weight, support, at, into);
        });
  }

  // What each dimension adds to the sum, of kernels that are sums over dimensions.
  std::vector<double> terms(Point x) const {
    return overDimensions(
        x, [](const KernelTerm&, Point, Point) { return 1.0; }, addTerms);
  }

 private:
  double coefficient(std::int64_t i) const { return coefficients_[static_cast<std::size_t>(i)]; }
  Point support(std::int64_t i) const { return machine_.support(i); }

  template <class Value>
  std::vector<double> forActive(Point x, const Value& value) const {
    std::vector<double> row(active_.size());
#pragma omp parallel for schedule(static) if (row.size() * x.size() > kWorthThreads)
    for (std::size_t n = 0; n < row.size(); ++n) row[n] = value(active_[n]);
    return row;
  }

  // Σ_u Σ_i c_i β_u factor(k_u, x_i, x) · add's vector. Blocks of dimensions are independent, and in each the x_i come
  // in order: no digit depends on the threads.
  template <class Factor, class Add>
  std::vector<double> overDimensions(Point x, const Factor& factor, const Add& add) const {
    std::vector<double> sums(x.size(), 0.0);
    for (const KernelTerm& term : kernels_) {
      const std::vector<double> weights =
          forActive(x, [&](std::int64_t i) { return coefficient(i) * term.beta * factor(term, support(i), x); });
#pragma omp parallel for schedule(static) if (weights.size() * x.size() > kWorthThreads)
      for (std::size_t first = 0; first < x.size(); first += kBlock) {
        const std::size_t count = std::min(kBlock, x.size() - first);
        for (std::size_t n = 0; n < weights.size(); ++n)
          add(term, weights[n], support(active_[n]).subspan(first, count), x.subspan(first, count),
              std::span<double>(sums).subspan(first, count));
      }
    }
    return sums;
  }

  const Machine& machine_;
  const std::vector<double>& coefficients_;
  Kernels kernels_;
  double constant_;
  std::vector<std::int64_t> active_;
};

double biasOf(const Machine& machine, std::int64_t aClass) {
  return machine.bias[static_cast<std::size_t>(aClass)];
}

// h of machine.h, which Taylor's series is of.
KernelSum expanded(const Machine& machine, std::int64_t aClass) {
  const bool alone = kernelsThat(machine, true).empty();
  return {machine, aClass, kernelsThat(machine, false), alone ? biasOf(machine, aClass) : 0};
}

std::vector<double> onTheWay(Point x, Point end, double part) {
  std::vector<double> point(x.size());
  for (std::size_t d = 0; d < x.size(); ++d) point[d] = x[d] + part * (end[d] - x[d]);
  return point;
}

double euclidean(Point x, Point y) {
  return std::sqrt(sumOverDimensions(KernelKind::Rbf, x, y));
}

std::vector<double> meanOf(const Machine& machine) {
  std::vector<double> mean(static_cast<std::size_t>(machine.dimensions), 0.0);
  const double share = 1 / static_cast<double>(std::max<std::int64_t>(machine.supports(), 1));
  for (std::int64_t i = 0; i < machine.supports(); ++i)
    for (std::size_t d = 0; d < mean.size(); ++d) mean[d] += share * machine.support(i)[d];
  return mean;
}

// A place in (0, end] where `value` is 0, given the values at both ends, of opposite signs. Regula falsi which halves
// the value kept at an end that stays twice (the Illinois method; Dowell & Jarratt 1971).
template <class Value>
double crossing(const Value& value, double atStart, double end, double atEnd) {
  double low = 0, high = end, lowValue = atStart, highValue = atEnd, middle = end;
  const double enough = 1e-13 * std::abs(atStart);
  int stayed = 0;  // −1: the low end did, 1: the high end
  for (int step = 0; step < 100; ++step) {
    middle = (low * highValue - high * lowValue) / (highValue - lowValue);
    if (middle <= low || middle >= high) break;  // nothing between them in double
    const double found = value(middle);
    if (std::abs(found) <= enough) break;
    if ((found > 0) == (atStart > 0)) {
      low = middle, lowValue = found;
      if (stayed == 1) highValue /= 2;
      stayed = 1;
    } else {
      high = middle, highValue = found;
      if (stayed == -1) lowValue /= 2;
      stayed = -1;
    }
  }
  return middle;
}

// The x_i in the order in which the search looks at them.
std::vector<std::int64_t> byPromise(const Machine& machine, std::int64_t aClass, Point x, double atX) {
  struct Candidate {
    bool sameSide;
    double distance;
    std::int64_t index;
    auto operator<=>(const Candidate&) const = default;
  };
  std::vector<Candidate> all(static_cast<std::size_t>(machine.supports()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::int64_t index = static_cast<std::int64_t>(i);
    const double c = machine.coefficients[static_cast<std::size_t>(aClass)][i];
    all[i] = {!(c * atX < 0), euclidean(x, machine.support(index)), index};
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < std::min(all.size(), kLookedAt); ++i) order.push_back(all[i].index);
  return order;
}

// The way from x to an x_i, as far as the nearest root that is known.
std::optional<std::vector<double>> nearerRoot(const KernelSum& h, Point x, double atX, Point end, double atEnd,
                                              double known, const Again& again) {
  const auto value = [&](double part) {
    goOn(again);
    return h.at(onTheWay(x, end, part));
  };
  const double length = euclidean(x, end);
  double part = 1;
  if (known < length) {
    part = known / length;
    atEnd = value(part);
    if ((atEnd > 0) == (atX > 0)) return {};
  }
  return onTheWay(x, end, crossing(value, atX, part, atEnd));
}

std::optional<std::vector<double>> searchRoot(const Machine& machine, std::int64_t aClass, Point x,
                                              const Again& again) {
  const KernelSum h = expanded(machine, aClass);
  const double atX = h.at(x);
  if (atX == 0) return std::vector<double>(x.begin(), x.end());
  std::optional<std::vector<double>> nearest;
  std::size_t tried = 0;
  for (const std::int64_t i : byPromise(machine, aClass, x, atX)) {
    goOn(again);
    const Point end = machine.support(i);
    const double atEnd = h.at(end);
    if (atEnd == 0 || (atEnd > 0) == (atX > 0)) continue;
    const double known = nearest ? euclidean(x, *nearest) : std::numeric_limits<double>::infinity();
    if (auto root = nearerRoot(h, x, atX, end, atEnd, known, again)) nearest = std::move(root);
    if (++tried == kCandidates) break;
  }
  return nearest;
}

}  // namespace

std::vector<double> scores(const Machine& machine, Point x, bool alone) {
  std::vector<double> row(static_cast<std::size_t>(machine.supports()));
#pragma omp parallel for schedule(static) if (!alone && row.size() * x.size() > kWorthThreads)
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = weighted(machine.kernels, machine.support(static_cast<std::int64_t>(i)), x);
  std::vector<double> result;
  for (std::size_t k = 0; k < machine.bias.size(); ++k)
    result.push_back(std::inner_product(row.begin(), row.end(), machine.coefficients[k].begin(), machine.bias[k]));
  return result;
}

std::vector<double> gradient(const Machine& machine, std::int64_t aClass, Point x) {
  return KernelSum(machine, aClass, machine.kernels, 0).gradient(x);
}

RootPoint rootPoint(const Machine& machine, std::int64_t aClass, Point x, Root root, const Again& again) {
  if (root == Root::Zero) return {std::vector<double>(x.size(), 0.0)};
  if (root == Root::Mean) return {meanOf(machine)};
  if (auto found = searchRoot(machine, aClass, x, again)) return {std::move(*found)};
  return {meanOf(machine), false};
}

WordRelevance decompose(const Machine& machine, std::int64_t aClass, Point x, Root root, const Again& again) {
  WordRelevance result;
  result.score = KernelSum(machine, aClass, machine.kernels, biasOf(machine, aClass)).at(x);
  result.dims.assign(x.size(), 0.0);
  const Kernels sums = kernelsThat(machine, true);
  if (!sums.empty()) {
    result.dims = KernelSum(machine, aClass, sums, 0).terms(x);
    for (double& r : result.dims) r += biasOf(machine, aClass) / static_cast<double>(x.size());
    if (sums.size() == machine.kernels.size()) return result;
  }
  const RootPoint at = rootPoint(machine, aClass, x, root, again);
  const KernelSum h = expanded(machine, aClass);
  const std::vector<double> slopes = h.gradient(at.point);
  for (std::size_t d = 0; d < x.size(); ++d) result.dims[d] += (x[d] - at.point[d]) * slopes[d];
  result.gap = result.score - std::accumulate(result.dims.begin(), result.dims.end(), 0.0);
  result.atRoot = h.at(at.point);
  result.rooted = at.found;
  return result;
}

}  // namespace relprop::bow
