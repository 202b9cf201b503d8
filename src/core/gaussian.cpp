#include "core/gaussian.h"

#include <cmath>

namespace relprop {

std::vector<double> gaussianTaps(double sigma) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  std::vector<double> taps;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) taps.push_back(std::exp(-0.5 * i * i / (sigma * sigma))), sum += taps.back();
  for (double& tap : taps) tap /= sum;
  return taps;
}

}  // namespace relprop
