#include "bench/spread.h"

#include <algorithm>

#include "eval/statistics.h"

namespace relprop {

Spread spreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {eval::quantile(values, 0.5), eval::quantile(values, 0.25), eval::quantile(values, 0.75)};
}

}  // namespace relprop
