// Random numbers that are the same on every machine: the standard leaves the algorithms behind its distributions open.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>

namespace relprop::eval {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // In (0, 1).
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  // From 0 to count − 1.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(uniform() * static_cast<double>(count)); }
  // Standard normal. Box and Muller's formulas give two at once; the second one waits.
  double normal() {
    if (waiting_) return std::exchange(waiting_, std::nullopt).value();
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * M_PI * uniform();
    waiting_ = radius * std::sin(angle);
    return radius * std::cos(angle);
  }

 private:
  std::mt19937_64 engine_;
  std::optional<double> waiting_;
};

}  // namespace relprop::eval
