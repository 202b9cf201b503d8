// Damage to JSON that leaves it JSON: other values, members that are missing, twice or called otherwise. Of a byte put
// in nine copies of ten cannot be parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace relprop::fuzz {

// Nothing where the bytes are no JSON object or list.
std::optional<std::vector<std::uint8_t>> damagedJson(std::span<const std::uint8_t> bytes, std::mt19937& random);

// Of one of the parts (see partsOf) that are JSON.
std::optional<std::vector<std::uint8_t>> damagedJsonPart(std::span<const std::uint8_t> bytes, std::mt19937& random);

}  // namespace relprop::fuzz
