// Networks of one to three operators as the importer's table has them, with attributes and operands of the kinds that
// it expects and sizes that nobody expects. Damage to networks that work leaves most operators where they are.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace relprop::fuzz {

// An ONNX file.
std::vector<std::uint8_t> drawnNetwork(std::mt19937& random);

}  // namespace relprop::fuzz
