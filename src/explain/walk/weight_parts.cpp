#include "explain/walk/weight_parts.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace relprop {
namespace {

// f(0), f(1), … Computed by blocks that stay in the first cache, so that the memory of the result is written once.
template <class F>
std::vector<float> computed(std::size_t count, F f) {
  std::vector<float> out;
  out.reserve(count);
  std::array<float, 1024> block;
  for (std::size_t first = 0; first < count; first += block.size()) {
    const std::size_t size = std::min(block.size(), count - first);
    for (std::size_t i = 0; i < size; ++i) block[i] = f(first + i);
    out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

// Calls use(f) with the function of one weight that `part` names.
template <class Use>
auto withPart(WeightPart part, float gamma, Use use) {
  switch (part) {
    case WeightPart::Pos:
      return use([](float w) { return std::max(w, 0.0f); });
    case WeightPart::Neg:
      return use([](float w) { return std::min(w, 0.0f); });
    case WeightPart::Abs:
      return use([](float w) { return std::abs(w); });
    case WeightPart::PlusGammaPos:
      return use([gamma](float w) { return w + gamma * std::max(w, 0.0f); });
    case WeightPart::PlusGammaNeg:
      return use([gamma](float w) { return w + gamma * std::min(w, 0.0f); });
    case WeightPart::Square:
      return use([](float w) { return w * w; });
    case WeightPart::One:
      return use([](float) { return 1.0f; });
    case WeightPart::W:
    case WeightPart::Pattern:
    case WeightPart::WeightTimesPattern:
      break;  // the last two are not functions of w alone
  }
  return use([](float w) { return w; });
}

WeightPart asWeight(BiasPart part) {
  switch (part) {
    case BiasPart::Pos:
      return WeightPart::Pos;
    case BiasPart::Neg:
      return WeightPart::Neg;
    case BiasPart::PlusGammaPos:
      return WeightPart::PlusGammaPos;
    case BiasPart::PlusGammaNeg:
      return WeightPart::PlusGammaNeg;
    case BiasPart::Square:
      return WeightPart::Square;
    case BiasPart::None:
    case BiasPart::B:
      break;
  }
  return WeightPart::W;
}

}  // namespace

std::vector<float> weightPart(const std::vector<float>& w, WeightPart part, float gamma, float sign) {
  return withPart(part, gamma, [&](auto partOf) {
    return computed(w.size(), [=, from = w.data()](std::size_t i) { return sign * partOf(from[i]); });
  });
}

std::optional<WeightSlopes> slopesOf(WeightPart part, float gamma, float sign) {
  switch (part) {
    case WeightPart::W:
      return WeightSlopes{sign, sign};
    case WeightPart::Pos:
      return WeightSlopes{sign, 0};
    case WeightPart::Neg:
      return WeightSlopes{0, sign};
    case WeightPart::Abs:
      return WeightSlopes{sign, -sign};
    case WeightPart::PlusGammaPos:
      return WeightSlopes{sign * (1 + gamma), sign};
    case WeightPart::PlusGammaNeg:
      return WeightSlopes{sign, sign * (1 + gamma)};
    case WeightPart::Square:
    case WeightPart::One:
    case WeightPart::Pattern:
    case WeightPart::WeightTimesPattern:
      break;
  }
  return std::nullopt;
}

std::vector<float> patternPart(const std::vector<float>& w, const std::vector<float>& a, WeightPart part, float sign) {
  const float *weights = w.data(), *patterns = a.data();
  if (part == WeightPart::Pattern) return computed(w.size(), [=](std::size_t i) { return sign * patterns[i]; });
  return computed(w.size(), [=](std::size_t i) { return sign * (weights[i] * patterns[i]); });
}

std::vector<float> biasPart(const std::vector<float>& b, BiasPart part, float gamma) {
  if (part == BiasPart::None) return {};
  return weightPart(b, asWeight(part), gamma);
}

}  // namespace relprop
