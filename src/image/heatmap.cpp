#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "image/colormap.h"
#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

// Relevance by pixel, row by row.
struct Plane {
  int height = 0, width = 0;
  std::vector<double> values;
};

[[noreturn]] void rejectShape(const Tensor& map) {
  throw Error(ErrorCode::ShapeMismatch, "map", toString(map.shape), "H×W, C×H×W or 1×C×H×W, not empty");
}

void requireMapShape(const Tensor& map) {
  const std::size_t rank = map.shape.size();
  if (rank < 2 || rank > 4 || (rank == 4 && map.shape[0] != 1) || map.data.empty()) rejectShape(map);
  if (elementCount(map.shape) != static_cast<std::int64_t>(map.data.size())) rejectShape(map);
  requirePixelCount(map.shape[rank - 1], map.shape[rank - 2], "map");
}

// Three axes are without a batch.
Tensor channelsFirst(const Tensor& map, Layout layout) {
  if (layout == Layout::ChannelsFirst || map.shape.size() < 3) return map;
  Tensor whole = map;
  if (whole.shape.size() == 3) whole.shape.insert(whole.shape.begin(), 1);
  return relaid(whole, layout, Layout::ChannelsFirst);
}

Plane sumChannels(const Tensor& map) {
  requireMapShape(map);
  const auto rows = map.shape.end()[-2], columns = map.shape.end()[-1];
  Plane plane{static_cast<int>(rows), static_cast<int>(columns), {}};
  plane.values.assign(static_cast<std::size_t>(rows * columns), 0.0);
  for (auto at = map.data.begin(); at != map.data.end();)
    for (double& value : plane.values) value += *at++;
  for (double value : plane.values)
    if (!std::isfinite(value))
      throw Error(ErrorCode::NumericFailure, "map", std::isnan(value) ? "NaN" : "infinity", "finite relevance");
  return plane;
}

// The percentile as numpy's default has it: linear between the two nearest ranks.
double percentileOf(std::vector<double> values, double percentile) {
  const double rank = percentile / 100.0 * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), below, values.end());
  if (below + 1 == values.end()) return *below;
  return std::lerp(*below, *std::min_element(below + 1, values.end()), rank - std::floor(rank));
}

// The magnitude that gets the extreme colours. Where most of a map is zero its percentile may be too; the largest
// magnitude then serves.
double saturation(const Plane& plane, double percentile) {
  std::vector<double> magnitudes(plane.values.size());
  std::transform(plane.values.begin(), plane.values.end(), magnitudes.begin(), [](double v) { return std::abs(v); });
  const double largest = *std::max_element(magnitudes.begin(), magnitudes.end());
  const double limit = percentile < 100.0 ? percentileOf(std::move(magnitudes), percentile) : largest;
  return limit > 0.0 ? limit : largest;
}

// In −1…1, 0 staying 0.
Plane scaled(Plane plane, double percentile) {
  const double limit = saturation(plane, percentile);
  for (double& value : plane.values) value = limit > 0.0 ? std::clamp(value / limit, -1.0, 1.0) : 0.0;
  return plane;
}

// The part of one sign, scaled by its own largest magnitude.
Plane part(Plane plane, double sign, double percentile) {
  for (double& value : plane.values) value = value * sign > 0.0 ? value : 0.0;
  return scaled(std::move(plane), percentile);
}

Image paint(const Plane& plane) {
  Image image = blankImage(plane.width, plane.height, "heatmap");
  auto out = image.pixels.begin();
  for (double value : plane.values) out = std::ranges::copy(divergingColour(value), out).out;
  return image;
}

// Colours over the grey photo; where there is no relevance the photo shows through untouched. The square root keeps the
// many small values visible beside the few large ones.
Image overlay(const Plane& plane, const Image& photo, double opacity) {
  Image image = paint(plane);
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    const double alpha = opacity * std::sqrt(std::abs(plane.values[i])), grey = luma(&photo.pixels[i * 3]);
    for (std::size_t c = i * 3; c < i * 3 + 3; ++c)
      image.pixels[c] = static_cast<std::uint8_t>(std::lround(std::lerp(grey, double(image.pixels[c]), alpha)));
  }
  return image;
}

Image zoomed(const Image& image, int zoom) {
  if (zoom == 1) return image;
  Image result = blankImage(std::int64_t{image.width} * zoom, std::int64_t{image.height} * zoom, "zoom");
  const auto factor = static_cast<std::size_t>(zoom), width = static_cast<std::size_t>(image.width);
  auto out = result.pixels.begin();
  for (std::size_t y = 0; y < static_cast<std::size_t>(result.height); ++y)
    for (std::size_t x = 0; x < width * factor; ++x)
      out = std::copy_n(&image.pixels[(y / factor * width + x / factor) * 3], 3, out);
  return result;
}

Image sideBySide(const Image& left, const Image& right) {
  Image result = blankImage(std::int64_t{left.width} + right.width, left.height, "heatmap");
  auto out = result.pixels.begin();
  for (std::ptrdiff_t y = 0; y < left.height; ++y)
    for (const Image* image : {&left, &right})
      out = std::copy_n(image->pixels.begin() + y * image->width * 3, image->width * 3, out);
  return result;
}

void checkOptions(const HeatmapOptions& options) {
  const auto require = [](bool good, const char* option, double got, const char* expected) {
    if (!good) throw Error(ErrorCode::InvalidArgument, option, fmt::format("{}", got), expected);
  };
  require(options.percentile > 0.0 && options.percentile <= 100.0, "percentile", options.percentile,
          "above 0 and at most 100");
  require(options.opacity >= 0.0 && options.opacity <= 1.0, "opacity", options.opacity, "from 0 to 1");
  require(options.zoom >= 1 && options.zoom <= 64, "zoom", options.zoom, "from 1 to 64");
}

const Image& requirePhoto(const std::optional<Image>& photo, const Plane& plane) {
  if (!photo) throw Error(ErrorCode::InvalidArgument, "photo", "none", "the picture, for overlay and panel");
  requireWhole(*photo, "photo");
  if (photo->height != plane.height || photo->width != plane.width)
    throw Error(ErrorCode::ShapeMismatch, "photo", fmt::format("{}×{}", photo->height, photo->width),
                fmt::format("{}×{}, the size of the map", plane.height, plane.width));
  return *photo;
}

Image panel(const Plane& plane, const Image& photo, const HeatmapOptions& options) {
  const Plane whole = scaled(plane, options.percentile);
  const auto zoom = [&](const Image& image) { return zoomed(image, options.zoom); };
  return composePanel({{{"photo", zoom(photo)},
                        {"heat", zoom(paint(whole))},
                        {"overlay", zoom(overlay(whole, photo, options.opacity))},
                        {"positive", zoom(paint(part(plane, 1.0, options.percentile)))},
                        {"negative", zoom(paint(part(plane, -1.0, options.percentile)))}}});
}

Image unzoomed(const Plane& plane, const std::optional<Image>& photo, const HeatmapOptions& options) {
  if (options.view == View::Split)
    return sideBySide(paint(part(plane, 1.0, options.percentile)), paint(part(plane, -1.0, options.percentile)));
  const Plane whole = scaled(plane, options.percentile);
  return options.view == View::Overlay ? overlay(whole, requirePhoto(photo, plane), options.opacity) : paint(whole);
}

}  // namespace

View viewFromName(const std::string& name) {
  if (name == "heat") return View::Heat;
  if (name == "overlay") return View::Overlay;
  if (name == "split") return View::Split;
  if (name == "panel") return View::Panel;
  throw Error(ErrorCode::InvalidArgument, "view", name, "heat, overlay, split or panel");
}

Image renderHeatmap(const Tensor& map, const std::optional<Image>& photo, const HeatmapOptions& options) {
  checkOptions(options);
  const Plane plane = sumChannels(channelsFirst(map, options.layout));
  if (options.view == View::Panel) return panel(plane, requirePhoto(photo, plane), options);
  return zoomed(unzoomed(plane, photo, options), options.zoom);
}

}  // namespace relprop
