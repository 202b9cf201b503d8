// Systems of linear equations, solved in double.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace relprop {

// n × n, row by row.
struct SquareMatrix {
  explicit SquareMatrix(std::size_t size) : n(size), values(size * size) {}
  double& at(std::size_t row, std::size_t column) { return values[row * n + column]; }
  double at(std::size_t row, std::size_t column) const { return values[row * n + column]; }
  std::size_t n;
  std::vector<double> values;
};

// x of a x = b for each of the b, by elimination with the largest pivot of each column; nothing where a pivot is less
// than 1e-12 of the largest element: the equations then do not say what x is.
std::optional<std::vector<std::vector<double>>> solved(SquareMatrix a, std::vector<std::vector<double>> b);

}  // namespace relprop
