// Eigen-CAM: ReLU(O v), O the layer's activations as positions × channels, v its first right singular vector; whatever
// the class. O v = σu with u the first left singular vector, found by power iteration on O Oᵀ. [EC] Muhammad & Yeasin,
// IJCNN 2020, eq. 3 and 4. A singular vector has no sign: the one with the larger sum is taken.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

constexpr int kMostIterations = 1000;
constexpr double kSettled = 1e-20;  // of a unit vector's square

// Activations, channel by channel.
struct LayerMatrix {
  std::vector<float> values;
  std::size_t channels, positions;

  // O Oᵀ u
  std::vector<double> applied(const std::vector<double>& u) const {
    std::vector<double> out(positions);
    for (std::size_t k = 0; k < channels; ++k) {
      const float* channel = values.data() + k * positions;
      const double share = std::inner_product(u.begin(), u.end(), channel, 0.0);
      for (std::size_t i = 0; i < positions; ++i) out[i] += share * static_cast<double>(channel[i]);
    }
    return out;
  }
};

double normOf(const std::vector<double>& v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

std::vector<double> scaled(std::vector<double> v, double factor) {
  for (double& x : v) x *= factor;
  return v;
}

std::vector<double> unit(std::vector<double> v) {
  const double length = normOf(v);
  return length > 0 ? scaled(std::move(v), 1 / length) : v;
}

// Σ_k A_k² at each position: not orthogonal to u where activations are positive, and seldom where they are not.
std::vector<double> firstGuess(const LayerMatrix& o) {
  std::vector<double> guess(o.positions);
  for (std::size_t i = 0; i < o.values.size(); ++i)
    guess[i % o.positions] += static_cast<double>(o.values[i]) * static_cast<double>(o.values[i]);
  return guess;
}

std::vector<double> longestChannel(const LayerMatrix& o) {
  std::vector<double> longest(o.positions);
  for (std::size_t k = 0; k < o.channels; ++k) {
    const float* channel = o.values.data() + k * o.positions;
    std::vector<double> one(channel, channel + o.positions);
    if (normOf(one) > normOf(longest)) longest = std::move(one);
  }
  return longest;
}

struct Component {
  std::vector<double> u;  // of length σ²
  double eigenvalue;      // σ²
};

Component iterated(const LayerMatrix& o, std::vector<double> u) {
  double eigenvalue = 0;
  for (int k = 0; k < kMostIterations; ++k) {
    if (normOf(u) == 0) return {std::move(u), 0};
    u = unit(std::move(u));
    std::vector<double> next = o.applied(u);
    eigenvalue = normOf(next);
    double moved = 0;
    for (std::size_t i = 0; i < u.size(); ++i) moved += std::pow(next[i] - eigenvalue * u[i], 2);
    u = std::move(next);
    if (moved <= kSettled * eigenvalue * eigenvalue) break;
  }
  return {std::move(u), eigenvalue};
}

// The first component has the largest uᵀOOᵀu of all unit vectors: where a channel has a larger one than what was found,
// the guess was orthogonal to the component, and the channel is not.
Component firstComponent(const LayerMatrix& o) {
  constexpr double kRounding = 1 + 1e-6;
  Component found = iterated(o, firstGuess(o));
  const std::vector<double> channel = unit(longestChannel(o)), image = o.applied(channel);
  const double reached = std::inner_product(channel.begin(), channel.end(), image.begin(), 0.0);
  return reached > kRounding * found.eigenvalue ? iterated(o, channel) : found;
}

// σu
std::vector<double> principal(const LayerMatrix& o) {
  auto [u, eigenvalue] = firstComponent(o);
  const double sign = std::accumulate(u.begin(), u.end(), 0.0) < 0 ? -1 : 1;
  return eigenvalue > 0 ? scaled(std::move(u), sign / std::sqrt(eigenvalue)) : u;
}

class EigenCam : public Procedure {
 public:
  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    std::vector<double> map;
    const auto plain = [&](std::int64_t, float* to) { std::copy_n(subject.input, session.imageFloats(), to); };
    session.forward(1, plain, [&](std::int64_t, const Session::Row& row) {
      const Shape& layer = session.layerShape();
      map = principal(
          {row.activation(), static_cast<std::size_t>(layer[0]), static_cast<std::size_t>(layer[1] * layer[2])});
    });
    return std::vector<Attribution>(subject.questions.size(), activationMap(session, std::move(map)));
  }
};

}  // namespace

Method eigenCam(Parameters& p) {
  return forwardToLayer(p, std::make_shared<EigenCam>());
}

}  // namespace relprop
