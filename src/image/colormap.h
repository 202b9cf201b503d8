// The colours of relevance: matplotlib's "seismic".
#pragma once

#include <array>
#include <cstdint>

namespace relprop {

using Rgb = std::array<std::uint8_t, 3>;

// −1: dark blue, −0.5: blue, 0: white, 0.5: red, 1: dark red; linear in between, values beyond are taken as ±1.
Rgb divergingColour(double value);

}  // namespace relprop
