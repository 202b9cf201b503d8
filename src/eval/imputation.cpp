#include "eval/imputation.h"

#include <algorithm>
#include <array>

#include "eval/multigrid.h"

namespace relprop::eval {
namespace {

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
  Equations(const FramedGrid& grid, std::span<const std::uint32_t> removed)
      : grid_(grid), removed_(grid.zeros()), diagonal_(grid.zeros()) {
    for (const std::uint32_t pixel : removed) removed_[grid.ofPixel(pixel)] = 1;
    std::vector<double> inside = grid.zeros();
    grid.eachRow([&](std::size_t first, std::size_t last) { std::fill(&inside[first], &inside[0] + last, 1.0); });
    grid.eachRow([&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) diagonal_[i] = removed_[i] * around(&inside[i], grid.stride());
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

  const std::vector<double>& removed() const { return removed_; }
  const std::vector<double>& diagonal() const { return diagonal_; }

 private:
  FramedGrid grid_;
  std::vector<double> removed_, diagonal_;
};

// Conjugate gradients, scaled by a cycle of multigrid.
class Solver {
 public:
  Solver(const Equations& equations, Multigrid& about, std::vector<double> b)
      : equations_(equations),
        about_(about),
        x_(b.size()),
        r_(std::move(b)),
        z_(x_.size()),
        p_(x_.size()),
        q_(x_.size()) {
    rr_ = dot(r_, r_);
  }

  std::vector<double> solve() && {
    constexpr double kEnough = 1e-7;
    constexpr int kMostSteps = 500;
    const double goal = kEnough * kEnough * rr_;
    double before = 0;
    for (int step = 0; step < kMostSteps && rr_ > goal; ++step) {
      about_(r_, z_);
      const double rz = dot(r_, z_);
      turn(before > 0 ? rz / before : 0);
      before = rz;
      const double pq = equations_.multiply(p_, q_);
      if (!(pq > 0)) break;
      proceed(rz / pq);
    }
    return std::move(x_);
  }

 private:
  static double dot(const std::vector<double>& a, const std::vector<double>& b) {
    Sum sum;
    for (std::size_t i = 0; i < a.size(); ++i) sum.add(i, a[i] * b[i]);
    return sum.total();
  }

  // x ← x + αp, r ← r − αq, and r·r
  void proceed(double along) {
    const double *p = p_.data(), *q = q_.data();
    double *x = x_.data(), *r = r_.data();
    Sum rr;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      x[i] += along * p[i];
      r[i] -= along * q[i];
      rr.add(i, r[i] * r[i]);
    }
    rr_ = rr.total();
  }

  // p ← z + βp
  void turn(double beta) {
    const double* z = z_.data();
    double* p = p_.data();
    for (std::size_t i = 0; i < p_.size(); ++i) p[i] = z[i] + beta * p[i];
  }

  const Equations& equations_;
  Multigrid& about_;
  std::vector<double> x_, r_, z_, p_, q_;
  double rr_ = 0;
};

}  // namespace

std::vector<float> linearImputation(std::vector<float> picture, const Shape& shape,
                                    std::span<const std::uint32_t> removed) {
  const FramedGrid grid{static_cast<std::size_t>(shape.at(1)), static_cast<std::size_t>(shape.at(2))};
  const Equations equations(grid, removed);
  Multigrid about(grid, equations.removed(), equations.diagonal());
  const std::size_t plane = grid.height * grid.width;
  for (float* channel = picture.data(); channel != picture.data() + picture.size(); channel += plane) {
    const std::vector<double> values = Solver(equations, about, equations.constants(channel)).solve();
    for (const std::uint32_t pixel : removed) channel[pixel] = static_cast<float>(values[grid.ofPixel(pixel)]);
  }
  return picture;
}

}  // namespace relprop::eval
