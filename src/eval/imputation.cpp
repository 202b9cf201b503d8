#include "eval/imputation.h"

#include <algorithm>
#include <array>

namespace relprop::eval {
namespace {

constexpr double kBeside = 1.0 / 6, kDiagonal = 1.0 / 12;

// Values of a picture inside a frame of zeros, so that every pixel has eight neighbours and rows are computed in
// vectors.
struct Grid {
  std::size_t height, width;

  std::size_t stride() const { return width + 2; }
  std::size_t at(std::size_t y, std::size_t x) const { return (y + 1) * stride() + x + 1; }
  std::size_t ofPixel(std::uint32_t pixel) const { return at(pixel / width, pixel % width); }
  std::vector<double> zeros() const { return std::vector<double>((height + 2) * stride()); }
  // visit(first, last): the places of a row.
  template <class Visit>
  void eachRow(Visit visit) const {
    for (std::size_t y = 0; y < height; ++y) visit(at(y, 0), at(y, 0) + width);
  }
};

// Σ w_ij v_j over the neighbours of a place.
double around(const double* v, std::size_t stride) {
  const double *above = v - stride, *below = v + stride;
  return kBeside * (v[-1] + v[1] + above[0] + below[0]) + kDiagonal * (above[-1] + above[1] + below[-1] + below[1]);
}

// A sum in eight parts, which a processor adds at the same time.
class Sum {
 public:
  void add(std::size_t i, double value) { parts_[i % parts_.size()] += value; }
  double total() const {
    double total = 0;
    for (const double part : parts_) total += part;
    return total;
  }

 private:
  std::array<double, 8> parts_{};
};

// The equations s_i·x_i − Σ w_ij x_j = Σ w_ik v_k: x are removed pixels, v the others, s_i the weight inside the
// picture. The matrix is symmetric and positive definite wherever something is left to go by. What is not removed has
// zeros for its row and its x.
class Equations {
 public:
  Equations(const Grid& grid, std::span<const std::uint32_t> removed)
      : grid_(grid), removed_(grid.zeros()), diagonal_(grid.zeros()), inverse_(grid.zeros()) {
    for (const std::uint32_t pixel : removed) removed_[grid.ofPixel(pixel)] = 1;
    std::vector<double> inside = grid.zeros();
    grid.eachRow([&](std::size_t first, std::size_t last) { std::fill(&inside[first], &inside[0] + last, 1.0); });
    grid.eachRow([&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        diagonal_[i] = removed_[i] * around(&inside[i], grid.stride());
        inverse_[i] = diagonal_[i] > 0 ? 1 / diagonal_[i] : 0;
      }
    });
  }

  std::vector<double> constants(const float* plane) const {
    std::vector<double> known = grid_.zeros(), b = grid_.zeros();
    grid_.eachRow([&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i, ++plane) known[i] = removed_[i] > 0 ? 0 : *plane;
    });
    grid_.eachRow([&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) b[i] = removed_[i] * around(&known[i], grid_.stride());
    });
    return b;
  }

  // out = A x; returns x·A x.
  double multiply(const std::vector<double>& x, std::vector<double>& out) const {
    const double *in = x.data(), *diagonal = diagonal_.data(), *removed = removed_.data();
    double* to = out.data();
    Sum sum;
    grid_.eachRow([&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        to[i] = diagonal[i] * in[i] - removed[i] * around(in + i, grid_.stride());
      for (std::size_t i = first; i < last; ++i) sum.add(i - first, in[i] * to[i]);
    });
    return sum.total();
  }

  const std::vector<double>& inverseDiagonal() const { return inverse_; }

 private:
  Grid grid_;
  std::vector<double> removed_, diagonal_, inverse_;
};

// Conjugate gradients, scaled by the diagonal.
class Solver {
 public:
  Solver(const Equations& equations, std::vector<double> b)
      : equations_(equations), x_(b.size()), r_(std::move(b)), p_(x_.size()), q_(x_.size()) {
    proceed(0);
    turn(0);
  }

  std::vector<double> solve() && {
    constexpr double kEnough = 1e-7;
    constexpr int kMostSteps = 5000;
    const double goal = kEnough * kEnough * rr_;
    for (int step = 0; step < kMostSteps && rr_ > goal; ++step) {
      const double pq = equations_.multiply(p_, q_);
      if (!(pq > 0)) break;
      const double before = rz_;
      proceed(rz_ / pq);
      turn(rz_ / before);
    }
    return std::move(x_);
  }

 private:
  // x ← x + αp, r ← r − αq, and the sums r·r and r·z of z = r / diagonal.
  void proceed(double along) {
    const double *w = equations_.inverseDiagonal().data(), *p = p_.data(), *q = q_.data();
    double *x = x_.data(), *r = r_.data();
    Sum rr, rz;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      x[i] += along * p[i];
      r[i] -= along * q[i];
      rr.add(i, r[i] * r[i]);
      rz.add(i, r[i] * r[i] * w[i]);
    }
    rr_ = rr.total(), rz_ = rz.total();
  }

  // p ← z + βp
  void turn(double beta) {
    const double *w = equations_.inverseDiagonal().data(), *r = r_.data();
    double* p = p_.data();
    for (std::size_t i = 0; i < p_.size(); ++i) p[i] = w[i] * r[i] + beta * p[i];
  }

  const Equations& equations_;
  std::vector<double> x_, r_, p_, q_;
  double rr_ = 0, rz_ = 0;
};

}  // namespace

std::vector<float> linearImputation(std::vector<float> picture, const Shape& shape,
                                    std::span<const std::uint32_t> removed) {
  const Grid grid{static_cast<std::size_t>(shape.at(1)), static_cast<std::size_t>(shape.at(2))};
  const Equations equations(grid, removed);
  const std::size_t plane = grid.height * grid.width;
  for (float* channel = picture.data(); channel != picture.data() + picture.size(); channel += plane) {
    const std::vector<double> values = Solver(equations, equations.constants(channel)).solve();
    for (const std::uint32_t pixel : removed) channel[pixel] = static_cast<float>(values[grid.ofPixel(pixel)]);
  }
  return picture;
}

}  // namespace relprop::eval
