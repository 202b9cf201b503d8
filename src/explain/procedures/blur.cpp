#include "explain/procedures/blur.h"

#include <algorithm>

#include "core/gaussian.h"

namespace relprop {
namespace {

// Along an axis of `count` elements that lie `step` apart; 0 beyond the border.
void blurLine(const std::vector<double>& taps, const double* from, std::int64_t count, std::int64_t step, double* to) {
  const auto radius = static_cast<std::int64_t>(taps.size()) / 2;
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::int64_t j = std::max<std::int64_t>(0, i - radius); j <= std::min(count - 1, i + radius); ++j)
      sum += taps[static_cast<std::size_t>(j - i + radius)] * from[j * step];
    to[i * step] = sum;
  }
}

}  // namespace

std::vector<float> blurred(const float* input, const Shape& image, double sigma) {
  const std::int64_t height = image[1], width = image[2], count = image[0] * height * width;
  if (sigma == 0) return {input, input + count};
  const std::vector<double> taps = gaussianTaps(sigma), x(input, input + count);
  std::vector<double> rows(x.size()), out(x.size());
  for (std::int64_t row = 0; row < image[0] * height; ++row)
    blurLine(taps, x.data() + row * width, width, 1, rows.data() + row * width);
  for (std::int64_t channel = 0; channel < image[0]; ++channel)
    for (std::int64_t column = 0; column < width; ++column) {
      const std::int64_t first = channel * height * width + column;
      blurLine(taps, rows.data() + first, height, width, out.data() + first);
    }
  return {out.begin(), out.end()};
}

}  // namespace relprop
