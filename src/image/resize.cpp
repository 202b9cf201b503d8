#include "image/resize.h"

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

// Of the output samples [first, first + count).
std::vector<Taps> makeTaps(int inSize, int outSize, int first, int count) {
  const double scale = static_cast<double>(inSize) / outSize;
  std::vector<Taps> all;
  all.reserve(static_cast<std::size_t>(count));
  for (int i = first; i < first + count; ++i)
    all.push_back(triangleTaps(inSize, (i + 0.5) * scale, std::max(scale, 1.0)));
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

// The rows [first, last) of the image.
Image resizeRows(const Image& image, const std::vector<Taps>& columns, int first, int last) {
  Image result = blankImage(static_cast<std::int64_t>(columns.size()), last - first, "resize");
  std::uint8_t* out = result.pixels.data();
  for (int y = first; y < last; ++y, out += columns.size() * 3)
    resizeRow(&image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) * 3], columns, out);
  return result;
}

// `first`: the row of the whole picture that the image begins with.
Image resizeColumns(const Image& image, const std::vector<Taps>& rows, int first) {
  Image result = blankImage(image.width, static_cast<std::int64_t>(rows.size()), "resize");
  const std::size_t rowBytes = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::int32_t> sums(rowBytes);
  std::uint8_t* out = result.pixels.data();
  for (const Taps& taps : rows) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* in = &image.pixels[static_cast<std::size_t>(taps.first - first) * rowBytes];
    for (std::int32_t weight : taps.weights)
      for (std::size_t i = 0; i < rowBytes; ++i) sums[i] += *in++ * weight;
    out = std::transform(sums.begin(), sums.end(), out, toByte);
  }
  return result;
}

}  // namespace

// A side that stays as long as it was has one tap of weight one each, which changes nothing.
Image resizePart(const Image& image, int width, int height, const Part& part) {
  requireWhole(image, "resize");
  requirePixelCount(width, height, "resize");
  const std::vector<Taps> rows = makeTaps(image.height, height, part.top, part.height);
  const int first = rows.front().first, last = rows.back().first + static_cast<int>(rows.back().weights.size());
  return resizeColumns(resizeRows(image, makeTaps(image.width, width, part.left, part.width), first, last), rows,
                       first);
}

Image resizeImage(const Image& image, int width, int height) {
  if (width == image.width && height == image.height) {
    requireWhole(image, "resize");
    return image;
  }
  return resizePart(image, width, height, {0, 0, width, height});
}

}  // namespace relprop
