// Means over noisy copies, as smoothed explanations are made. Smilkov et al. 2017, eq. 1.
#include <fmt/format.h>

#include <algorithm>

#include "eval/metric.h"
#include "eval/random.h"

namespace relprop::eval {
namespace {

void writeCopy(const Case& c, double noise, std::int64_t k, float* to) {
  const auto count = static_cast<std::size_t>(elementCount(c.inputShape));
  const auto [low, high] = std::minmax_element(c.input, c.input + count);
  const double deviation = noise * (static_cast<double>(*high) - *low);
  Random random(c.seedOf(fmt::format("noisy copy {}", k)));
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<float>(c.input[i] + deviation * random.normal());
}

}  // namespace

Plane meanOfCopies(const Case& c, const NoisyCopies& copies,
                   const std::function<std::vector<Plane>(std::int64_t count, const Fill&)>& explain) {
  const std::vector<Plane> maps =
      explain(copies.samples, [&](std::int64_t k, float* to) { writeCopy(c, copies.noise, k, to); });
  Plane mean = maps.at(0);
  for (std::size_t i = 0; i < mean.count(); ++i) {
    double sum = 0;
    for (const Plane& map : maps) sum += map.values[i];
    mean.values[i] = static_cast<float>(sum / static_cast<double>(maps.size()));
  }
  return mean;
}

}  // namespace relprop::eval
