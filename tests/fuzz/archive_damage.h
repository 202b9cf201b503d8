// Damage to archives of arrays within their structure: single values, shapes and types with as many bytes as they
// want, entries that are missing or stand for others. Of a byte put in nine copies of ten have a header that is none.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace relprop::fuzz {

// Nothing where the bytes are no parts (see partsOf).
std::optional<std::vector<std::uint8_t>> damagedArchive(std::span<const std::uint8_t> bytes, std::mt19937& random);

// Of a single array; nothing where the bytes are none.
std::optional<std::vector<std::uint8_t>> damagedArray(std::span<const std::uint8_t> bytes, std::mt19937& random);

}  // namespace relprop::fuzz
