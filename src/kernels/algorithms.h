// The ways in which a convolution can be computed, and tables that say which one is taken.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace relprop {

struct LinearShape;

// Winograd2, Winograd4: F(2×2, 3×3) and F(4×4, 3×3), see kernels/simd/winograd.h.
enum class Algorithm : std::uint8_t { Direct, Winograd2, Winograd4 };
inline constexpr Algorithm kAlgorithms[] = {Algorithm::Direct, Algorithm::Winograd2, Algorithm::Winograd4};

const char* nameOf(Algorithm algorithm);  // "direct", "F(2×2)", "F(4×4)"
std::optional<Algorithm> algorithmNamed(std::string_view name);

// What tells layers apart that may be computed differently: the shape for one image, and the direction.
std::string layerKey(const LinearShape& shape, bool backward);

using AlgorithmTable = std::map<std::string, Algorithm>;  // by layerKey

}  // namespace relprop
