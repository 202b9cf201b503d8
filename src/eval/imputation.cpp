#include "eval/imputation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace relprop::eval {
namespace {

struct Neighbour {
  std::int64_t dy, dx;
  double weight;
};
constexpr std::array<Neighbour, 8> kNeighbours = {{{0, 1, 1.0 / 6},
                                                   {0, -1, 1.0 / 6},
                                                   {1, 0, 1.0 / 6},
                                                   {-1, 0, 1.0 / 6},
                                                   {1, 1, 1.0 / 12},
                                                   {1, -1, 1.0 / 12},
                                                   {-1, 1, 1.0 / 12},
                                                   {-1, -1, 1.0 / 12}}};

// The equations s_i·x_i − Σ w_ij x_j = Σ w_ik v_k: x are removed pixels, v the others, s_i the weight inside the
// picture. The matrix is symmetric and positive definite wherever something is left to go by.
class Equations {
 public:
  Equations(std::int64_t height, std::int64_t width, std::span<const std::uint32_t> removed)
      : height_(height), width_(width), removed_(removed), place_(static_cast<std::size_t>(height * width), -1) {
    for (std::size_t i = 0; i < removed.size(); ++i) place_[removed[i]] = static_cast<std::int64_t>(i);
    for (const std::uint32_t pixel : removed) {
      double sum = 0;
      eachNeighbour(pixel, [&](std::size_t, double weight) { sum += weight; });
      diagonal_.push_back(sum);
    }
  }

  std::vector<double> constants(const float* plane) const {
    std::vector<double> b(removed_.size());
    for (std::size_t i = 0; i < b.size(); ++i)
      eachNeighbour(removed_[i], [&](std::size_t at, double weight) {
        if (place_[at] < 0) b[i] += weight * plane[at];
      });
    return b;
  }

  void multiply(const std::vector<double>& x, std::vector<double>& out) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      double sum = diagonal_[i] * x[i];
      eachNeighbour(removed_[i], [&](std::size_t at, double weight) {
        if (place_[at] >= 0) sum -= weight * x[static_cast<std::size_t>(place_[at])];
      });
      out[i] = sum;
    }
  }

  double diagonal(std::size_t i) const { return diagonal_[i]; }

 private:
  template <class Visit>
  void eachNeighbour(std::uint32_t pixel, Visit visit) const {
    const std::int64_t y = pixel / width_, x = pixel % width_;
    for (const Neighbour& n : kNeighbours)
      if (y + n.dy >= 0 && y + n.dy < height_ && x + n.dx >= 0 && x + n.dx < width_)
        visit(static_cast<std::size_t>((y + n.dy) * width_ + x + n.dx), n.weight);
  }

  std::int64_t height_, width_;
  std::span<const std::uint32_t> removed_;
  std::vector<std::int64_t> place_;  // among the removed, −1 of the others
  std::vector<double> diagonal_;
};

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Conjugate gradients, scaled by the diagonal.
std::vector<double> solved(const Equations& equations, const std::vector<double>& b) {
  constexpr double kEnough = 1e-7;
  constexpr int kMostSteps = 5000;
  std::vector<double> x(b.size()), r = b, z(b.size()), p, q(b.size());
  const auto scaled = [&] {
    for (std::size_t i = 0; i < r.size(); ++i) z[i] = equations.diagonal(i) > 0 ? r[i] / equations.diagonal(i) : 0;
  };
  scaled();
  p = z;
  double rz = product(r, z);
  const double goal = kEnough * kEnough * product(b, b);
  for (int step = 0; step < kMostSteps && product(r, r) > goal; ++step) {
    equations.multiply(p, q);
    const double pq = product(p, q);
    if (!(pq > 0)) break;
    const double along = rz / pq;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += along * p[i], r[i] -= along * q[i];
    scaled();
    const double next = product(r, z);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = z[i] + next / rz * p[i];
    rz = next;
  }
  return x;
}

}  // namespace

std::vector<float> linearImputation(std::vector<float> picture, const Shape& shape,
                                    std::span<const std::uint32_t> removed) {
  const auto plane = static_cast<std::size_t>(shape.at(1) * shape.at(2));
  const Equations equations(shape[1], shape[2], removed);
  for (float* channel = picture.data(); channel != picture.data() + picture.size(); channel += plane) {
    const std::vector<double> values = solved(equations, equations.constants(channel));
    for (std::size_t i = 0; i < removed.size(); ++i) channel[removed[i]] = static_cast<float>(values[i]);
  }
  return picture;
}

}  // namespace relprop::eval
