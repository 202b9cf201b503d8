#include <algorithm>
#include <cmath>

#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

// Weights are integers over 2^22, and each pass rounds to 8 bits, so that results equal Pillow's to the bit.
constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// The input samples that one output sample is the weighted sum of.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::uint8_t toByte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// The triangle filter around the output sample's centre, as wide as `scale` when shrinking, one input sample otherwise.
Taps triangleTaps(int inSize, double centre, double radius) {
  Taps taps;
  taps.first = std::max(static_cast<int>(centre - radius + 0.5), 0);
  const int last = std::min(static_cast<int>(centre + radius + 0.5), inSize);
  std::vector<double> weights;
  double total = 0.0;
  for (int i = taps.first; i < last; ++i) {
    weights.push_back(std::max(0.0, 1.0 - std::abs((i - centre + 0.5) * (1.0 / radius))));
    total += weights.back();
  }
  for (double weight : weights)
    taps.weights.push_back(static_cast<std::int32_t>(0.5 + weight / total * (1 << kWeightBits)));
  return taps;
}

std::vector<Taps> makeTaps(int inSize, int outSize) {
  const double scale = static_cast<double>(inSize) / outSize;
  std::vector<Taps> all;
  all.reserve(static_cast<std::size_t>(outSize));
  for (int i = 0; i < outSize; ++i) all.push_back(triangleTaps(inSize, (i + 0.5) * scale, std::max(scale, 1.0)));
  return all;
}

void resizeRow(const std::uint8_t* in, const std::vector<Taps>& columns, std::uint8_t* out) {
  for (const Taps& taps : columns) {
    std::int32_t red = kHalf, green = kHalf, blue = kHalf;
    const std::uint8_t* pixel = in + static_cast<std::ptrdiff_t>(taps.first) * 3;
    for (std::int32_t weight : taps.weights) {
      red += pixel[0] * weight;
      green += pixel[1] * weight;
      blue += pixel[2] * weight;
      pixel += 3;
    }
    *out++ = toByte(red);
    *out++ = toByte(green);
    *out++ = toByte(blue);
  }
}

Image resizeWidth(const Image& image, int width) {
  Image result = blankImage(width, image.height, "resize");
  const std::vector<Taps> columns = makeTaps(image.width, width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
    resizeRow(&image.pixels[y * static_cast<std::size_t>(image.width) * 3], columns,
              &result.pixels[y * static_cast<std::size_t>(width) * 3]);
  return result;
}

Image resizeHeight(const Image& image, int height) {
  Image result = blankImage(image.width, height, "resize");
  const std::size_t rowBytes = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::int32_t> sums(rowBytes);
  std::uint8_t* out = result.pixels.data();
  for (const Taps& taps : makeTaps(image.height, height)) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* in = &image.pixels[static_cast<std::size_t>(taps.first) * rowBytes];
    for (std::int32_t weight : taps.weights)
      for (std::size_t i = 0; i < rowBytes; ++i) sums[i] += *in++ * weight;
    out = std::transform(sums.begin(), sums.end(), out, toByte);
  }
  return result;
}

}  // namespace

Image resizeImage(const Image& image, int width, int height) {
  requireWhole(image, "resize");
  requirePixelCount(width, height, "resize");
  const Image wide = width == image.width ? image : resizeWidth(image, width);
  return height == image.height ? wide : resizeHeight(wide, height);
}

}  // namespace relprop
