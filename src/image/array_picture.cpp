// Pictures of relevance that is no picture: bars, curves, slices.
#include <algorithm>
#include <cmath>

#include "image/colormap.h"
#include "image/pixels.h"
#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {
namespace {

constexpr int kStripHeight = 96, kMargin = 4, kWidest = 4096, kNarrowest = 512;
constexpr std::int64_t kMostCurves = 16;  // more channels than these are rows of a picture
constexpr std::uint8_t kInk = 40;

// Relevance in −1…1, and the axes behind the batch.
struct ArrayMap {
  Shape shape;
  std::vector<double> values;
};

double largest(const std::vector<float>& values, const char* name) {
  double top = 0;
  for (float v : values) {
    if (!std::isfinite(v))
      throw Error(ErrorCode::NumericFailure, name, std::isnan(v) ? "NaN" : "infinity", "finite numbers");
    top = std::max(top, static_cast<double>(std::abs(v)));
  }
  return top;
}

ArrayMap scaledArray(const Tensor& map, std::vector<float> values, double percentile) {
  double limit = largest(values, "map");
  if (percentile < 100) {
    std::vector<double> magnitudes(values.size());
    std::transform(values.begin(), values.end(), magnitudes.begin(), [](float v) { return std::abs(v); });
    std::sort(magnitudes.begin(), magnitudes.end());
    const auto rank = static_cast<std::size_t>(percentile / 100 * static_cast<double>(magnitudes.size() - 1));
    if (magnitudes[rank] > 0) limit = magnitudes[rank];
  }
  ArrayMap s{{map.shape.begin() + 1, map.shape.end()}, {}};
  for (float v : values) s.values.push_back(limit > 0 ? std::clamp(static_cast<double>(v) / limit, -1.0, 1.0) : 0);
  return s;
}

Image white(std::int64_t width, std::int64_t height) {
  Image image = blankImage(width, height, "map");
  std::fill(image.pixels.begin(), image.pixels.end(), std::uint8_t{255});
  return image;
}

void put(Image& image, int x, int y, const Rgb& colour) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  const auto at = (static_cast<std::ptrdiff_t>(y) * image.width + x) * 3;
  std::copy(colour.begin(), colour.end(), image.pixels.begin() + at);
}

void fill(Image& image, int left, int top, int width, int height, const Rgb& colour) {
  for (int y = top; y < top + height; ++y)
    for (int x = left; x < left + width; ++x) put(image, x, y, colour);
}

// Columns of a drawing for `count` values side by side: each several columns wide, or several values in one column.
struct Columns {
  std::int64_t count;
  int width;
  explicit Columns(std::int64_t n) : count(n), width(static_cast<int>(n)) {
    if (n < kNarrowest) width = static_cast<int>((kNarrowest + n - 1) / n * n);
    width = std::min(width, kWidest);
  }
  std::int64_t first(int x) const { return x * count / width; }
  std::int64_t last(int x) const { return std::max(first(x) + 1, (x + 1) * count / width); }
};

// Of several values in one column the one of largest magnitude shows.
double strongest(const double* values, std::int64_t first, std::int64_t last) {
  return *std::max_element(values + first, values + last, [](double a, double b) { return std::abs(a) < std::abs(b); });
}

// ---- 1×D
Image bars(const ArrayMap& map) {
  const Columns columns(map.shape[0]);
  Image image = white(columns.width, 2 * kStripHeight + 1);
  for (int x = 0; x < columns.width; ++x) {
    const double v = strongest(map.values.data(), columns.first(x), columns.last(x));
    const int height = static_cast<int>(std::lround(std::abs(v) * kStripHeight));
    fill(image, x, v > 0 ? kStripHeight - height : kStripHeight + 1, 1, height, divergingColour(v));
  }
  fill(image, 0, kStripHeight, columns.width, 1, {kInk, kInk, kInk});
  return image;
}

// ---- 1×C×L
// The value of a curve in the middle of a column, between its samples.
double between(const float* signal, const Columns& columns, int x) {
  const double at = std::clamp((x + 0.5) * static_cast<double>(columns.count) / columns.width - 0.5, 0.0,
                               static_cast<double>(columns.count - 1));
  const auto left = static_cast<std::int64_t>(at), right = std::min(left + 1, columns.count - 1);
  return std::lerp(static_cast<double>(signal[left]), static_cast<double>(signal[right]),
                   at - static_cast<double>(left));
}

// The curve over the colours of relevance, from its lowest value to its highest.
void drawCurve(Image& image, int top, const Columns& columns, const double* relevance, const float* signal) {
  const auto [low, high] = std::minmax_element(signal, signal + columns.count);
  const double from = *low, range = *high > *low ? static_cast<double>(*high) - from : 1;
  const auto rowOf = [&](double v) {
    return top + static_cast<int>(std::lround((1 - (v - from) / range) * (kStripHeight - 1)));
  };
  int before = rowOf(between(signal, columns, 0));
  for (int x = 0; x < columns.width; ++x) {
    fill(image, x, top, 1, kStripHeight, divergingColour(strongest(relevance, columns.first(x), columns.last(x))));
    int lower = rowOf(between(signal, columns, x)), upper = lower;
    const int here = lower;
    for (std::int64_t i = columns.first(x); columns.count > columns.width && i < columns.last(x); ++i)
      lower = std::max(lower, rowOf(signal[i])), upper = std::min(upper, rowOf(signal[i]));
    lower = std::max(lower, before), upper = std::min(upper, before);
    fill(image, x, upper, 1, lower - upper + 1, {kInk, kInk, kInk});
    before = here;
  }
}

Image curves(const ArrayMap& map, const std::vector<float>& signal) {
  const std::int64_t channels = map.shape[0];
  const Columns columns(map.shape[1]);
  Image image = white(columns.width, channels * (kStripHeight + kMargin) - kMargin);
  for (std::int64_t c = 0; c < channels; ++c)
    drawCurve(image, static_cast<int>(c) * (kStripHeight + kMargin), columns, map.values.data() + c * columns.count,
              signal.data() + c * columns.count);
  return image;
}

// ---- C×D×H×W
ArrayMap summedChannels(const Tensor& map, double percentile) {
  const auto channels = static_cast<std::size_t>(map.shape[1]), size = map.data.size() / channels;
  std::vector<float> sums(size);
  for (std::size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += map.data[c * size + i];
    sums[i] = static_cast<float>(sum);
  }
  ArrayMap s = scaledArray(map, std::move(sums), percentile);
  s.shape.erase(s.shape.begin());
  return s;
}

struct Slice {
  std::int64_t rows, columns, first, rowStride, columnStride;
};

void drawSlice(Image& image, int left, int zoom, const ArrayMap& map, const Slice& s) {
  for (std::int64_t y = 0; y < s.rows; ++y)
    for (std::int64_t x = 0; x < s.columns; ++x) {
      const double v = map.values[static_cast<std::size_t>(s.first + y * s.rowStride + x * s.columnStride)];
      fill(image, left + static_cast<int>(x) * zoom, static_cast<int>(y) * zoom, zoom, zoom, divergingColour(v));
    }
}

// Across depth, height and width, each through the middle.
Image slices(const ArrayMap& map, int zoom) {
  const std::int64_t depth = map.shape[0], height = map.shape[1], width = map.shape[2], plane = height * width;
  const Slice all[] = {{height, width, depth / 2 * plane, width, 1},
                       {depth, width, height / 2 * width, plane, 1},
                       {depth, height, width / 2, plane, width}};
  Image image = blankImage((2 * width + height) * zoom + 2 * kMargin, std::max(height, depth) * zoom, "map");
  std::fill(image.pixels.begin(), image.pixels.end(), kInk);
  int left = 0;
  for (const Slice& slice : all) {
    drawSlice(image, left, zoom, map, slice);
    left += static_cast<int>(slice.columns) * zoom + kMargin;
  }
  return image;
}

[[noreturn]] void rejectArray(const Tensor& map) {
  throw Error(ErrorCode::ShapeMismatch, "map", toString(map.shape), "1×D, 1×C×L or 1×C×D×H×W, not empty",
              "save it as an array (--save npy)");
}

// But for the zoom they mean what they mean of pictures, and are checked where those are drawn.
void requireOptions(const HeatmapOptions& options) {
  if (options.view == View::Overlay || options.view == View::Panel)
    throw Error(ErrorCode::InvalidArgument, "view", "overlay or panel of an array", "heat or split");
  if (options.zoom < 1 || options.zoom > kWidest)
    throw Error(ErrorCode::InvalidArgument, "zoom", std::to_string(options.zoom),
                "from 1 to " + std::to_string(kWidest));
  HeatmapOptions others = options;
  others.zoom = 1;
  renderHeatmap(Tensor({1, 1}), {}, others);
}

void requireArray(const Tensor& map) {
  const std::size_t rank = map.shape.size();
  const bool known = rank == 2 || rank == 3 || rank == 5;
  if (!known || map.shape[0] != 1 || map.data.empty()) rejectArray(map);
  if (elementCount(map.shape) != static_cast<std::int64_t>(map.data.size())) rejectArray(map);
}

// Other arrays than 1×C×L are drawn without it.
void requireSignal(const Tensor& signal, const Tensor& map) {
  if (signal.shape != map.shape || signal.data.size() != map.data.size())
    throw Error(ErrorCode::ShapeMismatch, "signal", toString(signal.shape), toString(map.shape) + ", the map's");
  largest(signal.data, "signal");
}

Image drawn(const Tensor& map, const std::optional<Tensor>& signal, const HeatmapOptions& options) {
  const std::size_t rank = map.shape.size();
  if (rank == 2) return bars(scaledArray(map, map.data, options.percentile));
  if (rank == 5) return slices(summedChannels(map, options.percentile), options.zoom);
  if (map.shape[1] > kMostCurves) {
    HeatmapOptions rows = options;
    rows.layout = Layout::ChannelsFirst;
    return renderHeatmap(Tensor({map.shape[1], map.shape[2]}, map.data), {}, rows);
  }
  return curves(scaledArray(map, map.data, options.percentile), signal ? signal->data : map.data);
}

// What of a map is of one sign.
Tensor ofSign(Tensor map, float sign) {
  for (float& v : map.data) v = v * sign > 0 ? v : 0;
  return map;
}

Image besideOneAnother(const Image& left, const Image& right) {
  Image image = white(std::int64_t{left.width} + kMargin + right.width, left.height);
  for (int y = 0; y < left.height; ++y) {
    std::copy_n(left.pixels.begin() + std::ptrdiff_t{y} * left.width * 3, left.width * 3,
                image.pixels.begin() + std::ptrdiff_t{y} * image.width * 3);
    std::copy_n(right.pixels.begin() + std::ptrdiff_t{y} * right.width * 3, right.width * 3,
                image.pixels.begin() + (std::ptrdiff_t{y} * image.width + left.width + kMargin) * 3);
  }
  return image;
}

}  // namespace

Image renderArray(const Tensor& map, const std::optional<Tensor>& signal, const HeatmapOptions& options) {
  requireOptions(options);
  requireArray(map);
  if (signal) requireSignal(*signal, map);
  const Tensor first = relaid(map, options.layout, Layout::ChannelsFirst);
  std::optional<Tensor> input;
  if (signal) input = relaid(*signal, options.layout, Layout::ChannelsFirst);
  if (options.view == View::Split)
    return besideOneAnother(drawn(ofSign(first, 1), input, options), drawn(ofSign(first, -1), input, options));
  return drawn(first, input, options);
}

}  // namespace relprop
