// What is done with a finished map: sum over channels, heat quantisation ([LRP-ResNet] Otsuki et al. 2024), square,
// magnitude, one sign, scaling.
#include "explain/finish.h"

#include <algorithm>
#include <cmath>

#include "core/names.h"
#include "relprop/error.h"

namespace relprop {
namespace {

void sumChannels(Shape& shape, std::vector<float>& map) {
  const auto channels = static_cast<std::size_t>(shape.at(0)), size = map.size() / channels;
  for (std::size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += map[c * size + i];
    map[i] = static_cast<float>(sum);
  }
  map.resize(size);
  shape[0] = 1;
}

// edges = linspace(min, max, levels); a value in [edge_k, edge_k+1) becomes edge_k; the maximum stays.
void quantise(std::vector<float>& map, int levels) {
  const auto [low, high] = std::minmax_element(map.begin(), map.end());
  const double from = *low, to = *high, step = (to - from) / (levels - 1);
  if (!(step > 0)) return;
  const auto edge = [&](double k) { return k >= levels - 1 ? to : from + k * step; };
  for (float& v : map) {
    double k = std::floor((v - from) / step);
    if (v >= static_cast<float>(edge(k + 1))) ++k;  // rounding of the quotient
    if (v < static_cast<float>(edge(k))) --k;
    v = static_cast<float>(edge(std::clamp(k, 0.0, static_cast<double>(levels - 1))));
  }
}

// The largest magnitude becomes 1.
void normalise(std::vector<float>& map) {
  float top = 0;
  for (float v : map) top = std::max(top, std::abs(v));
  for (float& v : map) v = top > 0 ? v / top : 0;
}

float changed(Finish::Kind kind, float v) {
  switch (kind) {
    case Finish::Kind::Square:
      return v * v;
    case Finish::Kind::Absolute:
      return std::abs(v);
    case Finish::Kind::Positive:
      return std::max(v, 0.0f);
    default:
      return std::min(v, 0.0f);
  }
}

}  // namespace

void finishMap(const std::vector<Finish>& steps, Shape& shape, std::vector<float>& map) {
  for (const Finish& f : steps) switch (f.kind) {
      case Finish::Kind::SumChannels:
        sumChannels(shape, map);
        break;
      case Finish::Kind::Quantise:
        quantise(map, f.levels);
        break;
      case Finish::Kind::Normalise:
        normalise(map);
        break;
      default:
        for (float& v : map) v = changed(f.kind, v);
    }
}

void applyFinish(Method& m, Parameters& p) {
  const std::string sign = p.optional("sign", "abs, positive or negative");
  if (sign == "abs")
    m.finish.push_back({Finish::Kind::Absolute});
  else if (sign == "positive")
    m.finish.push_back({Finish::Kind::Positive});
  else if (sign == "negative")
    m.finish.push_back({Finish::Kind::Negative});
  else if (!sign.empty())
    unknownName(ErrorCode::InvalidMethodParameter, "method, sign", sign, {"abs", "positive", "negative"});
  const std::string scale = p.optional("normalize", "on or off: the largest magnitude becomes 1");
  if (scale == "on")
    m.finish.push_back({Finish::Kind::Normalise});
  else if (!scale.empty() && scale != "off")
    unknownName(ErrorCode::InvalidMethodParameter, "method, normalize", scale, {"on", "off"});
}

}  // namespace relprop
