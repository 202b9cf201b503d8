#include "image/colormap.h"

#include <algorithm>

namespace relprop {

Rgb divergingColour(double value) {
  constexpr std::array<std::array<double, 3>, 5> stops = {{{0, 0, 0.3}, {0, 0, 1}, {1, 1, 1}, {1, 0, 0}, {0.5, 0, 0}}};
  const double position = (std::clamp(value, -1.0, 1.0) + 1.0) * 2.0;
  const std::size_t below = std::min(static_cast<std::size_t>(position), stops.size() - 2);
  const double part = position - static_cast<double>(below);
  Rgb colour;
  for (std::size_t c = 0; c < 3; ++c) {
    const double from = stops[below][c], to = stops[below + 1][c];
    colour[c] = static_cast<std::uint8_t>(255.0 * (from + part * (to - from)) + 0.5);
  }
  return colour;
}

}  // namespace relprop
