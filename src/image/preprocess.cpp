#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "image/pixels.h"
#include "image/preprocess_check.h"
#include "image/resize.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

using Resize = Preprocess::Resize;

struct Size {
  int height = 0, width = 0;
  bool operator==(const Size&) const = default;
};

std::string text(Size size) {
  return fmt::format("{}×{}", size.height, size.width);
}

Size sizeOf(const Image& image) {
  return {image.height, image.width};
}

// The longer side is rounded to the nearest whole number, so that the aspect ratio is kept as well as it can be.
Size shorterSide(Size image, int size) {
  const auto longer = [size](int a, int b) { return static_cast<int>(std::lround(static_cast<double>(size) * a / b)); };
  if (image.width <= image.height) return {longer(image.height, image.width), size};
  return {size, longer(image.width, image.height)};
}

bool hasCrop(const Preprocess& preprocess) {
  return preprocess.crop != std::array{0, 0};
}

// Without a resize the network's size decides, unless a crop does; a side the network leaves open stays as it is.
Size resizedSize(const Preprocess& preprocess, Size image, Size network) {
  if (preprocess.resize == Resize::ShorterSide) return shorterSide(image, preprocess.size);
  if (preprocess.resize != Resize::None && preprocess.sides != std::array{0, 0})
    return {preprocess.sides[0], preprocess.sides[1]};
  if (preprocess.resize != Resize::None) return {preprocess.size, preprocess.size};
  if (hasCrop(preprocess)) return image;
  return {network.height > 0 ? network.height : image.height, network.width > 0 ? network.width : image.width};
}

std::string nameOf(const Preprocess& preprocess) {
  return preprocess.name.empty() ? "preprocess" : preprocess.name;
}

Size croppedSize(const Preprocess& preprocess, Size resized) {
  if (!hasCrop(preprocess)) return resized;
  const Size crop{preprocess.crop[0], preprocess.crop[1]};
  if (crop.height > resized.height || crop.width > resized.width)
    throw Error(ErrorCode::ShapeMismatch, nameOf(preprocess), fmt::format("a crop of {}", text(crop)),
                fmt::format("at most {}, the picture before the crop", text(resized)),
                preprocess.resize == Resize::None ? "add a resize" : "resize to a larger size");
  return crop;
}

void requireNetworkSize(const Preprocess& preprocess, Size got, Size network) {
  const bool fits =
      (network.height <= 0 || network.height == got.height) && (network.width <= 0 || network.width == got.width);
  if (fits) return;
  throw Error(ErrorCode::ShapeMismatch, nameOf(preprocess), text(got) + " after resize and crop",
              text(network) + ", what the network takes",
              fmt::format("give a preprocessing whose crop is [{}, {}], or one without resize and crop such as unit",
                          network.height, network.width));
}

Image cut(const Image& image, int top, int left, Size size) {
  Image result = blankImage(size.width, size.height, "crop");
  const std::size_t rowBytes = static_cast<std::size_t>(size.width) * 3;
  for (int y = 0; y < size.height; ++y) {
    const std::size_t from =
        static_cast<std::size_t>(top + y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(left);
    std::copy_n(&image.pixels[from * 3], rowBytes, &result.pixels[static_cast<std::size_t>(y) * rowBytes]);
  }
  return result;
}

// An odd pixel is cut off at the bottom or the right.
int margin(int whole, int kept) {
  return (whole - kept) / 2;
}

Image centreCrop(const Image& image, Size size) {
  if (sizeOf(image) == size) return image;
  return cut(image, margin(image.height, size.height), margin(image.width, size.width), size);
}

// The part kept is a whole number, rounded down.
Size keptSize(const Preprocess& preprocess, Size image) {
  if (preprocess.resize != Resize::CentralFraction) return image;
  const auto kept = [&](int whole) { return std::max(1, static_cast<int>(whole * preprocess.fraction)); };
  return {kept(image.height), kept(image.width)};
}

// What becomes of a picture's sides: the centre is kept, then resized, then cropped.
struct Sides {
  Size kept, resized, cropped;
};

// Settled before any pixel is touched, so that a mismatch costs nothing.
Sides sidesOf(const Preprocess& preprocess, Size image, Size network) {
  if (network.height < 0 || network.width < 0)
    throw Error(ErrorCode::InvalidArgument, "network size", text(network), "sides from 1, or 0 for any");
  const Size resized = resizedSize(preprocess, image, network);
  const Sides sides{keptSize(preprocess, image), resized, croppedSize(preprocess, resized)};
  requireNetworkSize(preprocess, sides.cropped, network);
  return sides;
}

Image viewOf(const Image& image, const Sides& sides) {
  const auto [kept, resized, cropped] = sides;
  const Part part{margin(resized.width, cropped.width), margin(resized.height, cropped.height), cropped.width,
                  cropped.height};
  return resizePart(centreCrop(image, kept), resized.width, resized.height, part);
}

void toGrey(Image& image) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) std::fill_n(&image.pixels[i], 3, luma(&image.pixels[i]));
}

bool isUniform(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
}

// A list for another number of channels serves when its values are all the same; three are averaged for the luma.
bool serves(const std::vector<double>& values, std::size_t channels) {
  return isUniform(values) || values.size() == channels || (channels == 1 && values.size() == 3);
}

void checkChannels(const Preprocess& preprocess, int channels) {
  if (channels != 1 && channels != 3)
    throw Error(ErrorCode::ShapeMismatch, "input channels", std::to_string(channels), "1 or 3, what a picture gives");
  for (const auto& [key, values] : {std::pair{"mean", &preprocess.mean}, std::pair{"std", &preprocess.std}}) {
    if (!serves(*values, static_cast<std::size_t>(channels)))
      rejectPreprocess(preprocess.name, key, fmt::format("{} different numbers", values->size()),
                       fmt::format("1 number, or {}: one a channel", channels));
  }
}

double valueFor(const std::vector<double>& values, std::size_t channel, std::size_t channels) {
  if (channels == 1) return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return values[std::min(channel, values.size() - 1)];
}

float normalise(const Preprocess& preprocess, std::size_t channel, std::size_t channels, int pixel) {
  return static_cast<float>((pixel * preprocess.scale - valueFor(preprocess.mean, channel, channels)) /
                            valueFor(preprocess.std, channel, channels));
}

Tensor normalised(const Image& view, const Preprocess& preprocess, int channels) {
  Tensor tensor(Shape{1, channels, view.height, view.width});
  float* out = tensor.data.data();
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(channels); ++channel) {
    std::array<float, 256> table;
    for (int pixel = 0; pixel < 256; ++pixel)
      table[static_cast<std::size_t>(pixel)] =
          normalise(preprocess, channel, static_cast<std::size_t>(channels), pixel);
    for (std::size_t i = preprocess.bgr && channels == 3 ? 2 - channel : channel; i < view.pixels.size(); i += 3)
      *out++ = table[view.pixels[i]];
  }
  return tensor;
}

}  // namespace

PreparedImage prepareImage(const Image& image, const Preprocess& preprocess, int channels, int height, int width) {
  requireWhole(image, "image");
  checkPreprocess(preprocess);
  checkChannels(preprocess, channels);
  PreparedImage prepared;
  prepared.view = viewOf(image, sidesOf(preprocess, sizeOf(image), {height, width}));
  if (channels == 1) toGrey(prepared.view);
  prepared.input = normalised(prepared.view, preprocess, channels);
  return prepared;
}

ViewGeometry viewGeometry(int width, int height, const Preprocess& preprocess, int networkHeight, int networkWidth) {
  requirePixelCount(width, height, "viewGeometry");
  checkPreprocess(preprocess);
  const auto [kept, resized, cropped] = sidesOf(preprocess, {height, width}, {networkHeight, networkWidth});
  ViewGeometry geometry;
  geometry.width = cropped.width;
  geometry.height = cropped.height;
  geometry.cropLeft = margin(width, kept.width);
  geometry.cropTop = margin(height, kept.height);
  geometry.scaleX = static_cast<double>(resized.width) / kept.width;
  geometry.scaleY = static_cast<double>(resized.height) / kept.height;
  geometry.offsetLeft = margin(resized.width, cropped.width);
  geometry.offsetTop = margin(resized.height, cropped.height);
  return geometry;
}

PixelRange pixelRange(const Preprocess& preprocess, int channels) {
  constexpr int kMostChannels = 1 << 20;
  checkPreprocess(preprocess);
  if (channels > kMostChannels)
    throw Error(ErrorCode::InvalidArgument, "channels", std::to_string(channels),
                fmt::format("at most {}", kMostChannels));
  auto count = static_cast<std::size_t>(std::max(1, channels));
  for (const std::vector<double>* values : {&preprocess.mean, &preprocess.std})
    if (!serves(*values, count)) count = values->size();
  PixelRange range;
  for (std::size_t channel = 0; channel < count; ++channel) {
    const auto [low, high] =
        std::minmax({normalise(preprocess, channel, count, 0), normalise(preprocess, channel, count, 255)});
    range.low.push_back(low);
    range.high.push_back(high);
  }
  return range;
}

std::string channelNote(const Preprocess& preprocess, int channels) {
  const bool averaged = !isUniform(preprocess.mean) || !isUniform(preprocess.std);
  if (channels != 1 || !averaged || preprocess.mean.size() == 1) return "";
  return fmt::format(
      "the network takes one channel: it is given the luma, normalised with the means of the {} numbers of {}",
      preprocess.mean.size(), nameOf(preprocess));
}

}  // namespace relprop
