// How a heatmap spreads over the picture, whatever the network.
#include <algorithm>
#include <cmath>

#include "eval/metric_list.h"
#include "eval/plane.h"

namespace relprop::eval {
namespace {

std::vector<double> sharesOf(const Plane& map) {
  double sum = 0;
  for (const float h : map.values) sum += std::abs(h);
  std::vector<double> shares;
  for (const float h : map.values) shares.push_back(std::abs(h) / sum);
  return shares;
}

// G = 1 − 2 Σ_k v_k·(N − k + ½)/N over shares v in increasing order, k from 1: 0 when all are equal, 1 − 1/N when one
// pixel has everything.
double gini(std::vector<double> shares) {
  std::sort(shares.begin(), shares.end());
  const auto n = static_cast<double>(shares.size());
  double sum = 0;
  for (std::size_t k = 0; k < shares.size(); ++k) sum += shares[k] * (n - static_cast<double>(k) - 0.5) / n;
  return 1 - 2 * sum;
}

// −Σ v ln v, in nats: 0 when one pixel has everything, ln N when all are equal.
double entropy(const std::vector<double>& shares) {
  double sum = 0;
  for (const double v : shares)
    if (v > 0) sum -= v * std::log(v);
  return sum;
}

template <class Measure>
Protocol ofShares(ScoreInfo score, Measure measure) {
  Protocol protocol;
  protocol.scores = {score};
  protocol.measure = [name = score.name, measure](const Case& c) {
    if (isZero(c.map)) return Measured::skip(kZeroMap);
    return Measured{{{name, measure(sharesOf(c.map))}}, {}, {}};
  };
  return protocol;
}

}  // namespace

Protocol sparseness(Parameters&) {
  return ofShares({"gini", "Gini index of |H|, 0 to 1", Better::Higher}, gini);
}

Protocol complexity(Parameters&) {
  return ofShares({"entropy", "entropy of |H| / Σ|H| in nats", Better::Lower}, entropy);
}

}  // namespace relprop::eval
