// Kernel SHAP: Shapley values of the superpixels in the game v(z) = f(x with all others covered), by weighted least
// squares:
//   min over φ of Σ_z π(z)·(v(z) − v(∅) − Σ_s φ_s z_s)²  with Σ_s φ_s = v(all) − v(∅),
//   π(z) = (M − 1)/(C(M, |z|)·|z|·(M − |z|))
// over coalitions z that are neither empty nor whole. Lundberg & Lee, NeurIPS 2017, theorem 2. Over all 2^M − 2 of them
// this is the Shapley value itself. Where there are more than `samples`, they are drawn: their size s by π, as 1/(s·(M
// − s)), and of those of a size each with the same chance; every other one is what the one before left out (Covert &
// Lee, AISTATS 2021, section 3.2). With a multiplier ν for the condition the minimum is a system of M + 1 equations.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "explain/procedures/procedures.h"
#include "explain/procedures/segments.h"
#include "relprop/error.h"

namespace relprop {
namespace {

struct WeightedCoalitions {
  std::vector<Coalition> coalitions;
  std::vector<double> weights;
};

double binomial(std::size_t n, std::size_t k) {
  double value = 1;
  for (std::size_t i = 1; i <= k; ++i) value *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return value;
}

WeightedCoalitions everyCoalition(std::size_t players) {
  WeightedCoalitions all;
  for (std::size_t bits = 1; bits + 1 < std::size_t{1} << players; ++bits) {
    Coalition z(players);
    for (std::size_t s = 0; s < players; ++s) z[s] = (bits >> s & 1) != 0;
    const auto size = static_cast<std::size_t>(std::count(z.begin(), z.end(), true));
    all.weights.push_back(static_cast<double>(players - 1) /
                          (binomial(players, size) * static_cast<double>(size) * static_cast<double>(players - size)));
    all.coalitions.push_back(std::move(z));
  }
  return all;
}

std::size_t drawnSize(double u, std::size_t players) {
  const auto share = [&](std::size_t s) { return 1 / (static_cast<double>(s) * static_cast<double>(players - s)); };
  double total = 0;
  for (std::size_t s = 1; s < players; ++s) total += share(s);
  for (std::size_t s = 1; s + 1 < players; ++s)
    if ((u -= share(s) / total) < 0) return s;
  return players - 1;
}

// The first `size` players of a shuffled list.
Coalition drawnCoalition(RandomNumbers random, std::size_t players) {
  const std::size_t size = drawnSize(random.uniform(), players);
  std::vector<std::size_t> order(players);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Coalition z(players);
  for (std::size_t k = 0; k < size; ++k) {
    const auto ahead = static_cast<std::size_t>(random.uniform() * static_cast<double>(players - k));
    std::swap(order[k], order[k + ahead]);
    z[order[k]] = true;
  }
  return z;
}

WeightedCoalitions drawnCoalitions(const SegmentOptions& options, std::size_t players) {
  WeightedCoalitions all;
  for (int k = 0; k < options.samples; ++k) {
    if (k % 2 == 0) {
      all.coalitions.push_back(drawnCoalition(RandomNumbers(options.seed, k / 2), players));
    } else {
      all.coalitions.push_back(all.coalitions.back());
      all.coalitions.back().flip();
    }
  }
  all.weights.assign(all.coalitions.size(), 1);
  return all;
}

// To a sum of 1: only their ratios count, and the equations stay of the size of their condition.
std::vector<double> normalised(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w /= sum > 0 ? sum : 1;
  return weights;
}

bool areFew(std::size_t players, int samples) {
  return players < 30 && (std::int64_t{1} << players) - 2 <= samples;
}

class KernelShap : public Procedure {
 public:
  explicit KernelShap(SegmentOptions options) : options_(std::move(options)) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const SegmentGame game(session, subject, options_);
    const std::size_t players = game.players();
    WeightedCoalitions asked =
        areFew(players, options_.samples) ? everyCoalition(players) : drawnCoalitions(options_, players);
    // Nobody and everybody are asked about too; as the condition says what they are worth, they do not count.
    for (const bool present : {false, true})
      asked.coalitions.emplace_back(players, present), asked.weights.push_back(0);
    const std::vector<std::vector<double>> values = game.values(asked.coalitions);
    const std::vector<std::vector<double>> shares = shapley(asked, values);
    std::vector<Attribution> out;
    for (std::size_t q = 0; q < values.size(); ++q) out.push_back(attribution(game, values[q], shares[q]));
    return out;
  }

 private:
  static double changeOf(const std::vector<double>& v) { return v.back() - v[v.size() - 2]; }

  std::vector<std::vector<double>> shapley(const WeightedCoalitions& asked,
                                           const std::vector<std::vector<double>>& values) const {
    const std::vector<double> weights = normalised(asked.weights);
    const NormalEquations equations(asked.coalitions, weights);
    SquareMatrix matrix = equations.matrix;
    for (std::size_t s = 0; s + 1 < matrix.n; ++s) matrix.at(s, matrix.n - 1) = matrix.at(matrix.n - 1, s) = 1;
    matrix.at(matrix.n - 1, matrix.n - 1) = 0;
    std::vector<std::vector<double>> sides;
    for (std::vector<double> v : values) {
      const double change = changeOf(v), nobody = v[v.size() - 2];
      for (double& one : v) one -= nobody;
      sides.push_back(equations.sidesOf(v));
      sides.back().back() = change;
    }
    if (auto all = solved(std::move(matrix), std::move(sides))) return *std::move(all);
    throw Error(ErrorCode::InvalidMethodParameter, "method kernel-shap, samples", std::to_string(options_.samples),
                fmt::format("enough to tell {} segments apart", equations.matrix.n - 1),
                "take more samples= or fewer segments=");
  }

  static Attribution attribution(const SegmentGame& game, const std::vector<double>& values,
                                 const std::vector<double>& shares) {
    Attribution a = game.drawn(shares, SegmentGame::Spread::Parts);
    const double sum = std::accumulate(a.map.begin(), a.map.end(), 0.0), change = changeOf(values);
    a.facts = {{"segments", static_cast<double>(game.players())},
               {"coalitions", static_cast<double>(values.size() - 2)},
               {"f(x) - f(covered)", change},
               {"completeness gap", sum - change}};
    return a;
  }

  SegmentOptions options_;
};

}  // namespace

Method kernelShap(Parameters& p) {
  const SegmentOptions options = segmentOptionsOf(p, "zero", "score");
  return segmentMethod(options, std::make_shared<KernelShap>(options));
}

}  // namespace relprop
