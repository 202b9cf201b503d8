#include "eval/substitutes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "eval/random.h"

namespace relprop::eval {
namespace {

constexpr int kTaps = 11, kCentre = kTaps / 2;
constexpr double kSigma = 5;
using Taps = std::array<double, kTaps>;

std::size_t planeSize(const Case& c) {
  return static_cast<std::size_t>(c.inputShape[1] * c.inputShape[2]);
}

std::vector<float> byChannel(const Case& c, const std::vector<float>& values) {
  std::vector<float> picture;
  picture.reserve(static_cast<std::size_t>(elementCount(c.inputShape)));
  for (const float v : values) picture.insert(picture.end(), planeSize(c), v);
  return picture;
}

// … c b a | a b c … | c b a …
std::size_t mirrored(int i) {
  const int period = 2 * kTaps, k = ((i % period) + period) % period;
  return static_cast<std::size_t>(k < kTaps ? k : period - 1 - k);
}

// The kernel in RISE's evaluation code is what SciPy's gaussian_filter makes of a single 1 in the middle of 11×11
// zeros: a Gaussian cut off at 4σ whose tails are mirrored back at the ends. It is flatter than a Gaussian cut off at
// 11 taps.
Taps gaussian() {
  constexpr int reach = static_cast<int>(4 * kSigma);
  Taps taps{};
  for (int d = -reach; d <= reach; ++d) taps[mirrored(kCentre + d)] += std::exp(-0.5 * d * d / (kSigma * kSigma));
  const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
  for (double& t : taps) t /= sum;
  return taps;
}

// One line of `count` values that lie `stride` apart.
void convolveLine(const Taps& taps, const float* from, float* to, std::int64_t count, std::int64_t stride) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = std::max<std::int64_t>(0, i - kCentre), last = std::min(count - 1, i + kCentre);
    double sum = 0;
    for (std::int64_t j = first; j <= last; ++j)
      sum += taps[static_cast<std::size_t>(kCentre + j - i)] * from[j * stride];
    to[i * stride] = static_cast<float>(sum);
  }
}

}  // namespace

std::vector<float> originalPicture(const Case& c) {
  return {c.input, c.input + elementCount(c.inputShape)};
}

std::vector<float> zeroPicture(const Case& c) {
  return std::vector<float>(static_cast<std::size_t>(elementCount(c.inputShape)));
}

std::vector<float> blackPicture(const Case& c) {
  return byChannel(c, c.black);
}

std::vector<float> meanPicture(const Case& c) {
  const auto plane = static_cast<std::ptrdiff_t>(planeSize(c));
  std::vector<float> means;
  for (const float* at = c.input; at != c.input + elementCount(c.inputShape); at += plane)
    means.push_back(static_cast<float>(std::accumulate(at, at + plane, 0.0) / static_cast<double>(plane)));
  return byChannel(c, means);
}

// A value is drawn for every pixel, replaced or not: what a pixel becomes does not depend on the order.
std::vector<float> uniformPicture(const Case& c, const std::string& use) {
  Random random(c.seedOf(use));
  std::vector<float> picture = byChannel(c, c.low);
  for (std::size_t i = 0; i < picture.size(); ++i) {
    const double low = picture[i], high = c.high[i / planeSize(c)];
    picture[i] = static_cast<float>(low + random.uniform() * (high - low));
  }
  return picture;
}

std::vector<float> blurredPicture(const Case& c) {
  const std::int64_t height = c.inputShape[1], width = c.inputShape[2];
  const Taps taps = gaussian();
  std::vector<float> rows(planeSize(c)), picture = originalPicture(c);
  for (float* plane = picture.data(); plane != picture.data() + picture.size(); plane += rows.size()) {
    for (std::int64_t y = 0; y < height; ++y) convolveLine(taps, plane + y * width, rows.data() + y * width, width, 1);
    for (std::int64_t x = 0; x < width; ++x) convolveLine(taps, rows.data() + x, plane + x, height, width);
  }
  return picture;
}

}  // namespace relprop::eval
