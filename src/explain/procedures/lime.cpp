// LIME: the network near x, told by a linear model of which superpixels are there.
//   min over w, w₀ of Σ_z π(z)·(f(z) − w₀ − Σ_s w_s z_s)² + λ·Σ_s w_s²,  π(z) = exp(−D(z)²/σ²)
// over random coalitions z, each superpixel there or covered with equal chances, the first z the picture itself. D is
// the cosine distance of z to all ones, 1 − √(|z|/M). Ribeiro, Singh & Guestrin, KDD 2016, eq. 1 and 2, section 3.4;
// ridge regression over all superpixels in place of K-LASSO, as the authors' program has it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/procedures/procedures.h"
#include "explain/procedures/segments.h"
#include "relprop/error.h"

namespace relprop {
namespace {

std::vector<Coalition> randomCoalitions(const SegmentOptions& options, std::size_t players) {
  std::vector<Coalition> all(static_cast<std::size_t>(options.samples), Coalition(players, true));
  for (std::size_t k = 1; k < all.size(); ++k) {
    RandomNumbers random(options.seed, static_cast<std::int64_t>(k));
    for (std::size_t s = 0; s < players; ++s) all[k][s] = random.uniform() < 0.5;
  }
  return all;
}

double nearness(const Coalition& z, double width) {
  const auto present = static_cast<double>(std::count(z.begin(), z.end(), true));
  const double distance = 1 - std::sqrt(present / static_cast<double>(z.size()));
  return std::exp(-distance * distance / (width * width));
}

// Share of the weighted variance of f that the model explains; 1 of an f that does not vary.
double fitOf(const NormalEquations& equations, const std::vector<double>& f, const std::vector<double>& w) {
  const double total = std::accumulate(equations.weights.begin(), equations.weights.end(), 0.0);
  const double mean = equations.sidesOf(f).back() / total;
  double left = 0, all = 0;
  for (std::size_t k = 0; k < f.size(); ++k) {
    double model = w.back();
    for (std::size_t s = 0; s + 1 < w.size(); ++s) model += equations.coalitions[k][s] ? w[s] : 0;
    left += equations.weights[k] * (f[k] - model) * (f[k] - model);
    all += equations.weights[k] * (f[k] - mean) * (f[k] - mean);
  }
  return all > 0 ? 1 - left / all : 1;
}

// f(z) − f(x), which moves w₀ alone and leaves weights of exactly 0 to an f that does not vary. The first z is x.
void subtractWhole(std::vector<double>& f) {
  const double whole = f.front();
  for (double& v : f) v -= whole;
}

class Lime : public Procedure {
 public:
  Lime(SegmentOptions options, double width, double ridge)
      : options_(std::move(options)), width_(width), ridge_(ridge) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const SegmentGame game(session, subject, options_);
    const std::vector<Coalition> coalitions = randomCoalitions(options_, game.players());
    std::vector<std::vector<double>> values = game.values(coalitions);
    for (std::vector<double>& f : values) subtractWhole(f);
    std::vector<double> weights;
    for (const Coalition& z : coalitions) weights.push_back(nearness(z, width_));
    const NormalEquations equations(coalitions, weights);
    const std::vector<std::vector<double>> fits = fitted(equations, values);
    std::vector<Attribution> out;
    for (std::size_t q = 0; q < fits.size(); ++q) {
      out.push_back(game.drawn(fits[q], SegmentGame::Spread::Same));
      out.back().facts = {{"segments", static_cast<double>(game.players())},
                          {"R2 of the linear model", fitOf(equations, values[q], fits[q])}};
    }
    return out;
  }

 private:
  // A weight for each superpixel, and w₀.
  std::vector<std::vector<double>> fitted(const NormalEquations& equations,
                                          const std::vector<std::vector<double>>& values) const {
    SquareMatrix matrix = equations.matrix;
    for (std::size_t s = 0; s + 1 < matrix.n; ++s) matrix.at(s, s) += ridge_;
    std::vector<std::vector<double>> sides;
    for (const std::vector<double>& f : values) sides.push_back(equations.sidesOf(f));
    if (auto fits = solved(std::move(matrix), std::move(sides))) return *std::move(fits);
    throw Error(ErrorCode::InvalidMethodParameter, "method lime, samples", std::to_string(options_.samples),
                fmt::format("enough to tell {} segments apart", equations.matrix.n - 1),
                "take more samples=, fewer segments=, or ridge= above 0");
  }

  SegmentOptions options_;
  double width_, ridge_;
};

double numberFrom(Parameters& p, const char* key, float fallback, bool alsoZero) {
  const float value = p.number(key, fallback);
  if (value <= 1e6f && (alsoZero ? value >= 0 : value > 0)) return value;
  throw Error(ErrorCode::InvalidMethodParameter, fmt::format("method lime, {}", key), fmt::format("{}", value),
              alsoZero ? "a number from 0 to 1e6" : "a number above 0, at most 1e6");
}

}  // namespace

// 1000 samples, a width of 0.25 and λ = 1 are the defaults of the authors' program for pictures. Its kernel is the root
// of the paper's, so its width is √2 of this one's.
Method lime(Parameters& p) {
  const SegmentOptions options = segmentOptionsOf(p, "segment", "probability");
  const double width = numberFrom(p, "width", 0.25f, false), ridge = numberFrom(p, "ridge", 1, true);
  return segmentMethod(options, std::make_shared<Lime>(options, width, ridge));
}

}  // namespace relprop
