// About what solves the equations of linear imputation, d_i·x_i − Σ w_ij x_j = r_i over the removed neighbours j.
//
// One cycle of multigrid: x ← ω D⁻¹ r; what is left of r goes, summed over squares of 2×2 places, to a grid of half the
// size, whose matrix is Pᵀ A P with P one for a place's square; its answer is added 1.5 times; x ← x + ω D⁻¹ (r − A x).
// As it smooths the same way before and after, it is symmetric and positive, and may scale conjugate gradients.
// [Briggs, Henson & McCormick, A multigrid tutorial, 2000; the factor: Braess, Computing 1995]
#pragma once

#include <vector>

#include "eval/neighbours.h"

namespace relprop::eval {

class Multigrid {
 public:
  // removed: one where there is an equation, else zero; diagonal: d, zero where there is none.
  Multigrid(const FramedGrid& grid, const std::vector<double>& removed, const std::vector<double>& diagonal);

  // z ≈ A⁻¹ r, in float32.
  void operator()(const std::vector<double>& r, std::vector<double>& z);

 private:
  // A on one grid: its diagonal, and what it takes off for neighbours right, below, and below to the right and left.
  struct Matrix {
    explicit Matrix(const FramedGrid& grid);
    FramedGrid grid;
    std::vector<double> diagonal, right, below, belowRight, belowLeft;
  };
  struct Level {
    explicit Level(const Matrix& a);
    void begin();
    void smooth();
    void residual();
    void residualOf(const std::vector<float>& removed);
    void sumTo(Level& coarse) const;
    void addFrom(const Level& coarse);

    FramedGrid grid;
    std::vector<float> diagonal, right, below, belowRight, belowLeft, step, x, r, left;
  };
  static Matrix coarser(const Matrix& a);
  static void join(Matrix& coarse, std::size_t from, std::size_t to, double weight);
  void residual(std::size_t level);
  void cycle(std::size_t level);

  std::vector<Level> levels_;
  std::vector<float> removed_;
};

}  // namespace relprop::eval
