#include "core/digest.h"

namespace relprop {

std::uint64_t fnv1a(std::span<const std::uint8_t> bytes) {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 1099511628211u;
  return hash;
}

std::string digestOf(const std::string& text) {
  const std::uint64_t hash = fnv1a({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 15];
  return digits;
}

}  // namespace relprop
