#include "core/softmax.h"

#include <algorithm>
#include <cmath>

namespace relprop {

std::vector<double> softmax(std::vector<double> values) {
  const double top = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& v : values) sum += v = std::exp(v - top);
  for (double& v : values) v /= sum;
  return values;
}

}  // namespace relprop
