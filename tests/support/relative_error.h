// ‖out − ref‖/‖ref‖, infinite when the sizes differ.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace relprop::test {

inline double relativeError(const std::vector<float>& out, const std::vector<float>& ref) {
  if (out.size() != ref.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < ref.size(); ++i) {
    const double d = static_cast<double>(out[i]) - ref[i];
    difference += d * d;
    norm += static_cast<double>(ref[i]) * ref[i];
  }
  return std::sqrt(difference / norm);
}

}  // namespace relprop::test
