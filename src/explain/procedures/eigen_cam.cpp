// Eigen-CAM: ReLU(O v), O the layer's activations as positions × channels, v its first right singular vector; whatever
// the class. O v = σu with u the first left singular vector, found by iteration of a few vectors together on O Oᵀ, so
// that it is told apart from others with almost its σ. [EC] Muhammad & Yeasin, IJCNN 2020, eq. 3 and 4. A singular
// vector has no sign: the one with the larger sum is taken, and where that is 0 the one that begins above 0.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "core/symmetric_eigen.h"
#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

constexpr int kMostIterations = 1000;
constexpr double kSettled = 1e-24;  // of a unit vector's square
constexpr std::size_t kTogether = 8;

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

using Vectors = std::vector<std::vector<double>>;

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void add(std::vector<double>& to, double factor, const std::vector<double>& v) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * v[i];
}

// Unit vectors at right angles; what lies in those before becomes 0. Twice, as the first time leaves rounding.
void orthonormalise(Vectors& all) {
  constexpr double kNothing = 1e-12;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const double before = std::sqrt(product(all[k], all[k]));
    for (int twice = 0; twice < 2; ++twice)
      for (std::size_t other = 0; other < k; ++other) add(all[k], -product(all[k], all[other]), all[other]);
    const double length = std::sqrt(product(all[k], all[k]));
    for (double& x : all[k]) x = length > kNothing * before ? x / length : 0.0;
  }
}

// In directions of chance, the same always: none is at right angles to u, whatever the activations.
Vectors firstGuess(const LayerMatrix& o) {
  std::mt19937 random(1);
  Vectors guess(std::min({kTogether, o.channels, o.positions}), std::vector<double>(o.positions));
  for (std::vector<double>& v : guess)
    for (double& x : v) x = static_cast<double>(random()) - 0x1p31;
  return guess;
}

Vectors combined(const Vectors& all, const SquareMatrix& columns) {
  Vectors result(all.size(), std::vector<double>(all.front().size()));
  for (std::size_t k = 0; k < all.size(); ++k)
    for (std::size_t i = 0; i < all.size(); ++i) add(result[k], columns.at(i, k), all[i]);
  return result;
}

// [Rayleigh–Ritz] Of all vectors in the span of `u`, those that O Oᵀ only lengthens, the most first. images: O Oᵀ u,
// combined likewise. Returns the lengthening of the first.
double sortOut(Vectors& u, Vectors& images) {
  SquareMatrix within(u.size());
  for (std::size_t i = 0; i < u.size(); ++i)
    for (std::size_t k = 0; k < u.size(); ++k)
      within.at(i, k) = 0.5 * (product(u[i], images[k]) + product(u[k], images[i]));
  const SymmetricEigen eigen = symmetricEigen(std::move(within));
  u = combined(u, eigen.vectors), images = combined(images, eigen.vectors);
  return eigen.values.front();
}

bool isTurned(const std::vector<double>& u) {
  constexpr double kRounding = 1e-9;  // of a unit vector
  const double sum = std::accumulate(u.begin(), u.end(), 0.0);
  if (std::abs(sum) > kRounding) return sum < 0;
  const auto first = std::find_if(u.begin(), u.end(), [](double x) { return std::abs(x) > kRounding; });
  return first != u.end() && *first < 0;
}

// σu
std::vector<double> principal(const LayerMatrix& o) {
  Vectors images = firstGuess(o), u;
  double eigenvalue = 0, moved = 1;
  for (int k = 0; k < kMostIterations && moved > kSettled; ++k) {
    u = images;
    orthonormalise(u);
    for (std::size_t i = 0; i < u.size(); ++i) images[i] = o.applied(u[i]);
    eigenvalue = sortOut(u, images);
    if (!(eigenvalue > 0)) return std::vector<double>(o.positions);
    std::vector<double> rest = images.front();
    add(rest, -eigenvalue, u.front());
    moved = product(rest, rest) / (eigenvalue * eigenvalue);
  }
  const double sign = isTurned(u.front()) ? -1 : 1;
  std::vector<double> map(o.positions);
  add(map, sign * std::sqrt(eigenvalue), u.front());
  return map;
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
