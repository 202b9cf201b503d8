#include "explain/weight_parts.h"

#include <algorithm>
#include <cmath>

namespace relprop {
namespace {

float partOf(float w, WeightPart part, float gamma) {
  switch (part) {
    case WeightPart::W:
      return w;
    case WeightPart::Pos:
      return std::max(w, 0.0f);
    case WeightPart::Neg:
      return std::min(w, 0.0f);
    case WeightPart::Abs:
      return std::abs(w);
    case WeightPart::PlusGammaPos:
      return w + gamma * std::max(w, 0.0f);
    case WeightPart::PlusGammaNeg:
      return w + gamma * std::min(w, 0.0f);
    case WeightPart::Square:
      return w * w;
    case WeightPart::One:
      return 1.0f;
    case WeightPart::Pattern:
    case WeightPart::WeightTimesPattern:
      break;  // not a function of w alone
  }
  return w;
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
    default:
      return WeightPart::W;
  }
}

}  // namespace

std::vector<float> weightPart(const std::vector<float>& w, WeightPart part, float gamma, float sign) {
  std::vector<float> out(w.size());
  std::transform(w.begin(), w.end(), out.begin(), [=](float v) { return sign * partOf(v, part, gamma); });
  return out;
}

std::vector<float> patternPart(const std::vector<float>& w, const std::vector<float>& a, WeightPart part, float sign) {
  std::vector<float> out(w.size());
  for (std::size_t i = 0; i < w.size(); ++i) out[i] = sign * (part == WeightPart::Pattern ? a[i] : w[i] * a[i]);
  return out;
}

std::vector<float> biasPart(const std::vector<float>& b, BiasPart part, float gamma) {
  if (part == BiasPart::None) return {};
  return weightPart(b, asWeight(part), gamma);
}

}  // namespace relprop
