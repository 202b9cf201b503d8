// Gradients along the straight way from a baseline to the image.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "explain/procedure.h"

namespace relprop {

struct PathPoint {
  double alpha, weight;
};
// Nodes and weights on [0, 1].
std::vector<PathPoint> gaussLegendre(int n);

// What f changed by, and Σ map − (f(x) − f(x′)): 0 if the sum over the steps were the integral.
Facts completeness(Session& session, const Subject& subject, const Question& q, const std::vector<double>& map,
                   const std::vector<float>& baselineScores);

// (x − x′) ⊙ Σ_k c_k ∇f(x′ + α_k(x − x′)) by question, with what f changed by and how far the sum is from that.
std::vector<Attribution> pathGradients(Session& session, const Subject& subject, const std::vector<float>& base,
                                       const std::vector<PathPoint>& points);

// A straight way from a base: where it begins and how far it leads, and the place on it where the gradient is taken.
struct RandomWay {
  std::vector<float> from, way;
  double alpha;
};
// The mean of way ⊙ ∇f(from + α·way) over samples, by question. wayOf: of a sample.
std::vector<Attribution> meanOverWays(Session& session, const Subject& subject, int samples,
                                      const std::function<RandomWay(std::int64_t)>& wayOf);

}  // namespace relprop
