#include "pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace relprop::cli {
namespace {

constexpr int kLegibleWidth = 256;
constexpr std::size_t kCellsInARow = 6;
constexpr std::size_t kCellsOfAStrip = 8;  // the photo, most networks' five resolutions and the input side by side

// Every pixel of a small map stays a rectangle of one colour: what it says is no finer than that.
Image stretched(const Image& image, int width, int height) {
  Image result{width, height, {}};
  result.pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from = y * image.height / height * image.width + x * image.width / width;
      const auto pixel = image.pixels.begin() + from * 3;
      result.pixels.insert(result.pixels.end(), pixel, pixel + 3);
    }
  return result;
}

Image whiteLike(const Image& image) {
  return {image.width, image.height, std::vector<std::uint8_t>(image.pixels.size(), 255)};
}

std::vector<std::vector<TitledImage>> inRows(const std::vector<TitledImage>& cells, std::size_t length) {
  std::vector<std::vector<TitledImage>> rows;
  for (const TitledImage& cell : cells) {
    if (rows.empty() || rows.back().size() == length) rows.emplace_back();
    rows.back().push_back(cell);
  }
  return rows;
}

// "1×256×56×56" → 256, 56, 56 behind the batch
std::vector<std::int64_t> extentsOf(const std::string& shape) {
  std::vector<std::int64_t> extents;
  for (const char *at = shape.data(), *end = at + shape.size(); at < end;) {
    std::int64_t value = 0;
    const auto [next, failed] = std::from_chars(at, end, value);
    if (failed == std::errc()) extents.push_back(value);
    at = failed == std::errc() ? next : at + 1;
  }
  return extents;
}

bool joinsBranches(const std::vector<NodeReport>& nodes, std::size_t i) {
  const auto joins = [](const std::string& op) { return op == "Add" || op == "Concat"; };
  if (joins(nodes[i].op)) return true;
  return nodes[i].op == "Relu" && i > 0 && joins(nodes[i - 1].op) && nodes[i - 1].shape == nodes[i].shape;
}

// The best node found so far at one resolution.
struct Resolution {
  std::int64_t height = 0, width = 0;
  std::size_t node = 0;
  bool joined = false;
};

void consider(std::vector<Resolution>& found, const Resolution& candidate) {
  const auto same = [&](const Resolution& r) { return r.height == candidate.height && r.width == candidate.width; };
  const auto known = std::find_if(found.begin(), found.end(), same);
  if (known == found.end())
    found.push_back(candidate);
  else if (candidate.joined || !known->joined)
    *known = candidate;
}

// "layer2.0 128x28x28"; the font has no multiplication sign.
std::string layerTitle(const LayerMap& layer) {
  const Shape& shape = layer.relevance.shape;
  return fmt::format("{} {}x{}x{}", layer.node, shape[1], shape[2], shape[3]);
}

}  // namespace

int legibleZoom(int asked, std::int64_t width) {
  return asked > 0 ? asked
                   : static_cast<int>(std::max<std::int64_t>(1, kLegibleWidth / std::max<std::int64_t>(1, width)));
}

Image composeGrid(const TitledImage& first, const std::vector<std::vector<TitledImage>>& cells, bool aligned) {
  std::vector<TitledImage> all = {first};
  for (std::size_t list = 0; list < cells.size(); ++list)
    for (std::size_t i = 0; i < cells[list].size(); ++i) {
      const bool newRow = aligned && (list > 0 || i > 0) && i % (kCellsInARow - 1) == 0;
      while (newRow && all.size() % kCellsInARow != 0) all.push_back({"", whiteLike(first.image)});
      if (newRow) all.push_back({"", whiteLike(first.image)});
      all.push_back(cells[list][i]);
    }
  return composePanel(inRows(all, kCellsInARow));
}

std::int64_t widthOf(const Explanation& explanation, Layout layout) {
  const Shape& input = explanation.relevance.shape;
  return PictureLayout::of({input.begin() + 1, input.end()}, layout).width;
}

bool isFeatureMap(const Shape& shape) {
  return shape.size() == 4 && shape[2] * shape[3] > 1;
}

Image composeStrip(const Explanation& explanation, const std::optional<Image>& photo, const HeatmapOptions& options) {
  const Shape& input = explanation.relevance.shape;
  const PictureLayout size = PictureLayout::of({input.begin() + 1, input.end()}, options.layout);
  const int zoom = options.zoom, height = static_cast<int>(size.height) * zoom,
            width = static_cast<int>(size.width) * zoom;
  HeatmapOptions plain = options, layers = options;  // inner feature maps have their channels first, always
  plain.zoom = layers.zoom = 1;
  layers.layout = Layout::ChannelsFirst;
  std::vector<TitledImage> cells;
  if (photo) cells.push_back({"photo", resizeImage(*photo, width, height)});
  for (const LayerMap& layer : explanation.layers)
    if (isFeatureMap(layer.relevance.shape))
      cells.push_back({layerTitle(layer), stretched(renderHeatmap(layer.relevance, {}, layers), width, height)});
  cells.push_back({"input", stretched(renderHeatmap(explanation.relevance, {}, plain), width, height)});
  return composePanel(inRows(cells, kCellsOfAStrip));
}

std::vector<std::string> representativeNodes(const std::vector<NodeReport>& nodes) {
  std::vector<Resolution> found;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::vector<std::int64_t> extents = extentsOf(nodes[i].shape);
    if (extents.size() == 4 && extents[2] * extents[3] > 1)
      consider(found, {extents[2], extents[3], i, joinsBranches(nodes, i)});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.node > b.node; });
  std::vector<std::string> names;
  for (const Resolution& resolution : found) names.push_back(nodes[resolution.node].node);
  return names;
}

}  // namespace relprop::cli
