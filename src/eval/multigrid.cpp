#include "eval/multigrid.h"

#include <algorithm>

namespace relprop::eval {
namespace {

constexpr float kDamping = 0.7f;  // ω: below 2/λ for every eigenvalue λ ≤ 2 of D⁻¹ A
constexpr float kStretch = 1.5f;  // of what the coarse grid says: sums over squares make it too short

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

Multigrid::Matrix::Matrix(const FramedGrid& g)
    : grid(g), diagonal(g.zeros()), right(g.zeros()), below(g.zeros()), belowRight(g.zeros()), belowLeft(g.zeros()) {}

// What joins two places of the coarse grid, the later one behind, or one with itself.
void Multigrid::join(Matrix& coarse, std::size_t from, std::size_t to, double weight) {
  const std::size_t stride = coarse.grid.stride();
  if (from == to)
    coarse.diagonal[from] -= 2 * weight;
  else if (to == from + 1)
    coarse.right[from] += weight;
  else if (from == to + 1)
    coarse.right[to] += weight;
  else if (to == from + stride)
    coarse.below[from] += weight;
  else
    (to > from + stride ? coarse.belowRight : coarse.belowLeft)[from] += weight;
}

Multigrid::Matrix Multigrid::coarser(const Matrix& a) {
  Matrix coarse(FramedGrid{(a.grid.height + 1) / 2, (a.grid.width + 1) / 2});
  const auto square = [&](std::size_t y, std::size_t x) { return coarse.grid.at(y / 2, x / 2); };
  for (std::size_t y = 0; y < a.grid.height; ++y)
    for (std::size_t x = 0; x < a.grid.width; ++x) {
      const std::size_t i = a.grid.at(y, x), own = square(y, x);
      coarse.diagonal[own] += a.diagonal[i];
      if (a.right[i] != 0) join(coarse, own, square(y, x + 1), a.right[i]);
      if (a.below[i] != 0) join(coarse, own, square(y + 1, x), a.below[i]);
      if (a.belowRight[i] != 0) join(coarse, own, square(y + 1, x + 1), a.belowRight[i]);
      if (a.belowLeft[i] != 0) join(coarse, own, square(y + 1, x - 1), a.belowLeft[i]);
    }
  return coarse;
}

Multigrid::Level::Level(const Matrix& a)
    : grid(a.grid),
      diagonal(floats(a.diagonal)),
      right(floats(a.right)),
      below(floats(a.below)),
      belowRight(floats(a.belowRight)),
      belowLeft(floats(a.belowLeft)),
      step(grid.zeros<float>()),
      x(step),
      r(step),
      left(step) {
  const bool last = grid.height * grid.width == 1;
  for (std::size_t i = 0; i < step.size(); ++i)
    if (diagonal[i] > 0) step[i] = (last ? 1 : kDamping) / diagonal[i];
}

void Multigrid::Level::begin() {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = step[i] * r[i];
}

void Multigrid::Level::smooth() {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += step[i] * left[i];
}

// r − A x
void Multigrid::Level::residual() {
  const std::size_t s = grid.stride();
  const float *v = x.data(), *d = diagonal.data(), *e = right.data(), *b = below.data(), *br = belowRight.data(),
              *bl = belowLeft.data(), *known = r.data();
  float* to = left.data();
  grid.eachRow([&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      to[i] = known[i] - d[i] * v[i] + e[i] * v[i + 1] + e[i - 1] * v[i - 1] + b[i] * v[i + s] + b[i - s] * v[i - s] +
              br[i] * v[i + s + 1] + br[i - s - 1] * v[i - s - 1] + bl[i] * v[i + s - 1] + bl[i - s + 1] * v[i - s + 1];
  });
}

// The same where every neighbour weighs what it does in a picture.
void Multigrid::Level::residualOf(const std::vector<float>& removed) {
  const std::size_t s = grid.stride();
  const float *v = x.data(), *d = diagonal.data(), *there = removed.data(), *known = r.data();
  float* to = left.data();
  grid.eachRow([&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) to[i] = known[i] - d[i] * v[i] + there[i] * around(v + i, s);
  });
}

void Multigrid::Level::sumTo(Level& coarse) const {
  const std::size_t s = grid.stride();
  for (std::size_t y = 0; y < coarse.grid.height; ++y) {
    const float* from = &left[grid.at(2 * y, 0)];
    float* to = &coarse.r[coarse.grid.at(y, 0)];
    for (std::size_t x2 = 0; x2 < coarse.grid.width; ++x2, from += 2)
      to[x2] = from[0] + from[1] + from[s] + from[s + 1];
  }
}

void Multigrid::Level::addFrom(const Level& coarse) {
  for (std::size_t y = 0; y < grid.height; ++y) {
    const float *from = &coarse.x[coarse.grid.at(y / 2, 0)], *own = &step[grid.at(y, 0)];
    float* to = &x[grid.at(y, 0)];
    std::size_t i = 0;
    for (; i + 1 < grid.width; i += 2, ++from) {
      const float added = kStretch * *from;
      to[i] += own[i] > 0 ? added : 0;
      to[i + 1] += own[i + 1] > 0 ? added : 0;
    }
    if (i < grid.width) to[i] += own[i] > 0 ? kStretch * *from : 0;
  }
}

Multigrid::Multigrid(const FramedGrid& grid, const std::vector<double>& removed, const std::vector<double>& diagonal)
    : removed_(floats(removed)) {
  Matrix a(grid);
  a.diagonal = diagonal;
  const std::size_t below = grid.stride();
  grid.eachRow([&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      a.right[i] = kBeside * removed[i] * removed[i + 1];
      a.below[i] = kBeside * removed[i] * removed[i + below];
      a.belowRight[i] = kDiagonal * removed[i] * removed[i + below + 1];
      a.belowLeft[i] = kDiagonal * removed[i] * removed[i + below - 1];
    }
  });
  levels_.emplace_back(a);
  while (a.grid.height * a.grid.width > 1) {
    a = coarser(a);
    levels_.emplace_back(a);
  }
}

void Multigrid::residual(std::size_t level) {
  level == 0 ? levels_[0].residualOf(removed_) : levels_[level].residual();
}

void Multigrid::cycle(std::size_t level) {
  Level& own = levels_[level];
  own.begin();
  if (level + 1 == levels_.size()) return;
  residual(level);
  own.sumTo(levels_[level + 1]);
  cycle(level + 1);
  own.addFrom(levels_[level + 1]);
  residual(level);
  own.smooth();
}

void Multigrid::operator()(const std::vector<double>& r, std::vector<double>& z) {
  std::copy(r.begin(), r.end(), levels_[0].r.begin());
  cycle(0);
  std::copy(levels_[0].x.begin(), levels_[0].x.end(), z.begin());
}

}  // namespace relprop::eval
