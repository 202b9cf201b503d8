// FNV-1a (Fowler, Noll & Vo): tells texts and records apart, not for what somebody may forge.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace relprop {

std::uint64_t fnv1a(std::span<const std::uint8_t> bytes);
std::string digestOf(const std::string& text);  // 16 hexadecimal digits

}  // namespace relprop
