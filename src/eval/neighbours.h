// A picture whose pixels are means of their neighbours: the equations of linear imputation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace relprop::eval {

// Values of a picture inside a frame of zeros, so that every pixel has eight neighbours and rows are computed in
// vectors.
struct FramedGrid {
  std::size_t height, width;

  std::size_t stride() const { return width + 2; }
  std::size_t at(std::size_t y, std::size_t x) const { return (y + 1) * stride() + x + 1; }
  std::size_t ofPixel(std::uint32_t pixel) const { return at(pixel / width, pixel % width); }
  template <class Value = double>
  std::vector<Value> zeros() const {
    return std::vector<Value>((height + 2) * stride());
  }
  // visit(first, last): the places of a row.
  template <class Visit>
  void eachRow(Visit visit) const {
    for (std::size_t y = 0; y < height; ++y) visit(at(y, 0), at(y, 0) + width);
  }
};

constexpr double kBeside = 1.0 / 6, kDiagonal = 1.0 / 12;  // what neighbours weigh

// Σ w_ij v_j over the neighbours of a place.
template <class Value>
Value around(const Value* v, std::size_t stride) {
  const Value *above = v - stride, *below = v + stride;
  return Value(kBeside) * (v[-1] + v[1] + above[0] + below[0]) +
         Value(kDiagonal) * (above[-1] + above[1] + below[-1] + below[1]);
}

}  // namespace relprop::eval
