#include <fmt/format.h>

#include <cmath>

#include "eval/metric.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

void requireFinite(double value, int x, int y) {
  if (std::isfinite(value)) return;
  throw Error(ErrorCode::NumericFailure, "heatmap", fmt::format("{} at column {}, row {}", value, x, y),
              "finite relevance");
}

Shape withoutBatch(const Tensor& relevance) {
  Shape shape = relevance.shape;
  if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != 3 || elementCount(shape) == 0)
    throw Error(ErrorCode::ShapeMismatch, "heatmap", toString(relevance.shape), "1×C×H×W or C×H×W, not empty");
  return shape;
}

}  // namespace

Plane planeOf(const Tensor& relevance) {
  const Shape shape = withoutBatch(relevance);
  Plane plane{static_cast<int>(shape[1]), static_cast<int>(shape[2]), {}};
  const auto size = static_cast<std::size_t>(shape[1] * shape[2]);
  plane.values.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (std::size_t at = i; at < relevance.data.size(); at += size) sum += relevance.data[at];
    plane.values[i] = static_cast<float>(sum);
    requireFinite(plane.values[i], static_cast<int>(i) % plane.width, static_cast<int>(i) / plane.width);
  }
  return plane;
}

// FNV-1a over picture and use, mixed with the run's seed (splitmix64's finaliser).
std::uint64_t Case::seedOf(const std::string& use) const {
  std::uint64_t h = 14695981039346656037ull;
  for (const std::string* text : {&picture, &use}) {
    for (const char c : *text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    h = (h ^ 0xff) * 1099511628211ull;
  }
  h += (runSeed + 1) * 0x9e3779b97f4a7c15ull;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

}  // namespace relprop::eval
