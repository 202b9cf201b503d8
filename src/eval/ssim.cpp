#include "eval/ssim.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace relprop::eval {
namespace {

struct Field {
  int height = 0, width = 0;
  std::vector<double> values;
};

Field scaled(const Plane& map) {
  double top = 0;
  for (const float h : map.values) top = std::max(top, static_cast<double>(std::abs(h)));
  Field f{map.height, map.width, {}};
  for (const float h : map.values) f.values.push_back(h / top);
  return f;
}

Field product(const Field& a, const Field& b) {
  Field f = a;
  std::transform(a.values.begin(), a.values.end(), b.values.begin(), f.values.begin(), std::multiplies<>());
  return f;
}

std::vector<double> window(int extent) {
  constexpr double sigma = 1.5;
  const int taps = std::min(11, extent);
  std::vector<double> weights;
  for (int k = 0; k < taps; ++k) {
    const double d = k - 0.5 * (taps - 1);
    weights.push_back(std::exp(-d * d / (2 * sigma * sigma)));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w /= sum;
  return weights;
}

// Weighted means along the rows where the window fits, then turned on its side: twice is both directions.
Field filteredAcross(const Field& f) {
  const std::vector<double> weights = window(f.width);
  const int left = f.width - static_cast<int>(weights.size()) + 1;
  Field out{left, f.height, std::vector<double>(static_cast<std::size_t>(left * f.height))};
  for (int y = 0; y < f.height; ++y)
    for (int x = 0; x < left; ++x)
      out.values[static_cast<std::size_t>(x * f.height + y)] =
          std::inner_product(weights.begin(), weights.end(), &f.values[static_cast<std::size_t>(y * f.width + x)], 0.0);
  return out;
}

std::vector<double> localMeans(const Field& f) {
  return filteredAcross(filteredAcross(f)).values;
}

}  // namespace

double structuralSimilarity(const Plane& a, const Plane& b) {
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const Field x = scaled(a), y = scaled(b);
  const std::vector<double> mx = localMeans(x), my = localMeans(y);
  const std::vector<double> xx = localMeans(product(x, x)), yy = localMeans(product(y, y)),
                            xy = localMeans(product(x, y));
  double sum = 0;
  for (std::size_t i = 0; i < mx.size(); ++i) {
    const double vx = xx[i] - mx[i] * mx[i], vy = yy[i] - my[i] * my[i], cov = xy[i] - mx[i] * my[i];
    sum += (2 * mx[i] * my[i] + c1) * (2 * cov + c2) / ((mx[i] * mx[i] + my[i] * my[i] + c1) * (vx + vy + c2));
  }
  return sum / static_cast<double>(mx.size());
}

}  // namespace relprop::eval
