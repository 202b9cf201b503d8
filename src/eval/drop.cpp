// Whether the map keeps what the class needs: the picture is multiplied by it and asked again.
//   M = (H − min)/(max − min), x' = x ⊙ M on the normalised input, p and p' the target's probabilities
//   drop = max(0, p − p')/p,   increase = 1 where p' > p                            [Chattopadhay 2018], section 4.1
//   coherency = (1 + ρ)/2 with ρ the correlation of M with the map of x' by the same method, complexity = mean of M,
//   adcc = 3/(1/coherency + 1/(1 − complexity) + 1/(1 − drop))                      [Poppi 2021], section 3
#include <algorithm>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/sequence.h"
#include "eval/statistics.h"
#include "eval/substitutes.h"

namespace relprop::eval {
namespace {

// x ⊙ M, all channels of a pixel alike.
std::vector<float> keptBy(const Case& c, const std::vector<float>& shares) {
  std::vector<float> picture = originalPicture(c);
  for (std::size_t i = 0; i < picture.size(); ++i) picture[i] *= shares[i % shares.size()];
  return picture;
}

double coherency(const Case& c, const std::vector<float>& shares, const std::vector<float>& kept) {
  const std::vector<Plane> again =
      c.explain(1, [&](std::int64_t, float* input) { std::copy(kept.begin(), kept.end(), input); });
  // A map that is gone agrees with nothing.
  if (isConstant(again.at(0).values)) return 0.5;
  return (1 + correlation(shares, again[0].values)) / 2;
}

double harmonicMean(double a, double b, double c) {
  return a > 0 && b > 0 && c > 0 ? 3 / (1 / a + 1 / b + 1 / c) : 0;
}

Measured measureDrop(const Case& c) {
  if (isConstant(c.map.values)) return Measured::skip(kConstantMap);
  const std::vector<float> shares = shareOfRange(c.map), kept = keptBy(c, shares);
  const auto [whole, masked] = answersBesides(c, kept);
  if (!(whole.probability > 0)) return Measured::skip("the target's probability is 0");
  const double drop = std::max(0.0, whole.probability - masked.probability) / whole.probability,
               coherent = coherency(c, shares, kept);
  const double complexity = meanOf({shares.begin(), shares.end()}).mean;
  return {{{"adcc", harmonicMean(coherent, 1 - complexity, 1 - drop)},
           {"drop", drop},
           {"increase", masked.probability > whole.probability ? 1.0 : 0.0},
           {"coherency", coherent},
           {"complexity", complexity}},
          {},
          {}};
}

}  // namespace

Protocol averageDrop(Parameters&) {
  Protocol protocol;
  protocol.scores = {{"adcc", "harmonic mean of coherency, 1 − complexity and 1 − drop", Better::Higher},
                     {"drop", "share of the target's probability that the picture times the map loses", Better::Lower},
                     {"increase", "1 where its probability is higher, else 0", Better::Higher},
                     {"coherency", "likeness to the map of the picture times the map, 0 to 1", Better::Higher},
                     {"complexity", "mean of the map between its least and its highest value", Better::Lower}};
  protocol.probability = true;
  protocol.measure = measureDrop;
  return protocol;
}

}  // namespace relprop::eval
