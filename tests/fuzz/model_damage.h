// Damage to ONNX files within their structure. A byte put in or taken out leaves no message in nine copies of ten; here
// fields get other values, and messages come, go and change places.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace relprop::fuzz {

// Nothing where the bytes are no model.
std::optional<std::vector<std::uint8_t>> damagedModel(std::span<const std::uint8_t> bytes, std::mt19937& random);

// Of the part that is called model.onnx, see partsOf.
std::optional<std::vector<std::uint8_t>> damagedModelPart(std::span<const std::uint8_t> bytes, std::mt19937& random);

}  // namespace relprop::fuzz
