#include "kernels/algorithms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kernels/backend.h"

namespace relprop {
namespace {

constexpr std::array<const char*, 3> kNames = {"direct", "F(2×2)", "F(4×4)"};  // in the order of Algorithm

}  // namespace

const char* nameOf(Algorithm algorithm) {
  return kNames[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> algorithmNamed(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Algorithm>(found - kNames.begin());
}

std::string layerKey(const LinearShape& s, bool backward) {
  return fmt::format("{} {}x{}x{} {}x{}x{} {}x{} stride {}x{} dilation {}x{} padding {},{},{},{} groups {}",
                     backward ? "backward" : "forward", s.ic, s.ih, s.iw, s.oc, s.oh, s.ow, s.kh, s.kw, s.sh, s.sw,
                     s.dh, s.dw, s.pt, s.pl, s.pb, s.pr, s.groups);
}

}  // namespace relprop
