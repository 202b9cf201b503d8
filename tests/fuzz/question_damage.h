// Questions at random that mostly can be asked: methods with their own parameters, rows of rules for nodes that there
// are. Of text that is damaged byte by byte hardly one in a hundred is a method.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace relprop::fuzz {

// Another question in the part that is called question, a damaged network in the one that is called model.onnx, or
// both; nothing where there is no network.
std::optional<std::vector<std::uint8_t>> damagedQuestion(std::span<const std::uint8_t> bytes, std::mt19937& random);

}  // namespace relprop::fuzz
