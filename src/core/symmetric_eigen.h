// Eigenvalues of small symmetric matrices.
#pragma once

#include <vector>

#include "core/linear_system.h"

namespace relprop {

// Of a = V diag(values) Vᵀ, the largest value first; column k of `vectors` belongs to the k-th value.
struct SymmetricEigen {
  std::vector<double> values;
  SquareMatrix vectors;
};

// By rotations that take out one pair of elements after the other (Jacobi): exact to rounding, n³ each time round. Only
// the elements on and above the diagonal count.
SymmetricEigen symmetricEigen(SquareMatrix a);

}  // namespace relprop
