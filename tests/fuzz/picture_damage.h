// Damage to pictures within their containers: chunks of PNG and WebP, segments of JPEG get other bytes, go, come twice
// or change places, and lengths and checksums are right again. Of a byte changed in a PNG nothing but its checksum is
// seen.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace relprop::fuzz {

// Nothing where the bytes are no picture.
std::optional<std::vector<std::uint8_t>> damagedPicture(std::span<const std::uint8_t> bytes, std::mt19937& random);

}  // namespace relprop::fuzz
