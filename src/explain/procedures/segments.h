// A picture as a game: its superpixels are the players, those that stay away are covered, and the network says what the
// rest is worth. LIME and Kernel SHAP ask it about coalitions; both fit a weight for each player.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/linear_system.h"
#include "core/superpixels.h"
#include "explain/procedures/perturbation.h"

namespace relprop {

// The picture's colours as bytes, height × width × 3: what the pixels were before they were normalised, where their
// range is known, else shares of this picture's own range. Of one channel, or any number but three, the mean as grey.
std::vector<std::uint8_t> coloursOf(const Session& session, const float* input);

struct SegmentOptions {
  int segments = 0;  // about so many
  double compactness = 10;
  std::string fill;          // what covers: segment (its own mean colour), zero, mean, black, blur
  bool probability = false;  // instead of the score
  int samples = 0;
  unsigned seed = 0;
};
// Keys segments, compactness, fill, value, samples, rng.
SegmentOptions segmentOptionsOf(Parameters& p, const std::string& fill, const std::string& value);
// A forward-only method with the baseline that the fill asks for.
Method segmentMethod(const SegmentOptions& options, std::shared_ptr<const Procedure> procedure);

using Coalition = std::vector<bool>;  // who takes part, player by player

class SegmentGame {
 public:
  // Throws NotSupportedByMethod for an input that is no picture, and where black is asked for and not known.
  SegmentGame(Session& session, const Subject& subject, const SegmentOptions& options);

  std::size_t players() const { return segments_.size(); }
  // By question and coalition; all the same where they differ by rounding alone.
  std::vector<std::vector<double>> values(const std::vector<Coalition>& coalitions) const;
  // Each player's weight at each of its pixels, or in equal parts over them.
  enum class Spread { Same, Parts };
  Attribution drawn(const std::vector<double>& weights, Spread spread) const;

 private:
  std::vector<float> cover() const;
  std::vector<float> segmentMeans() const;
  void fill(const Coalition& coalition, float* to) const;

  Session& session_;
  const Subject& subject_;
  SegmentOptions options_;
  Regions segments_;
  std::vector<float> cover_;
};

// Weighted sums over coalitions z: Σ π·z·zᵀ, Σ π·z and Σ π; of right-hand sides f Σ π·f·z and Σ π·f.
struct NormalEquations {
  NormalEquations(const std::vector<Coalition>& coalitions, const std::vector<double>& weights);
  std::vector<double> sidesOf(const std::vector<double>& f) const;  // players, and then the sum
  const std::vector<Coalition>& coalitions;
  const std::vector<double>& weights;
  SquareMatrix matrix;  // players + 1: the last row and column are Σ π·z, its corner Σ π
};

}  // namespace relprop
