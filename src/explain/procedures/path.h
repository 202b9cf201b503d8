// Gradients along the straight way from a baseline to the image.
#pragma once

#include <vector>

#include "explain/procedure.h"

namespace relprop {

struct PathPoint {
  double alpha, weight;
};
// Nodes and weights on [0, 1].
std::vector<PathPoint> gaussLegendre(int n);

// (x − x′) ⊙ Σ_k c_k ∇f(x′ + α_k(x − x′)) by question, with what f changed by and how far the sum is from that.
std::vector<Attribution> pathGradients(Session& session, const Subject& subject, const std::vector<float>& base,
                                       const std::vector<PathPoint>& points);

}  // namespace relprop
