// Felzenszwalb & Huttenlocher, IJCV 2004: neighbours join in the order of how alike they are, as long as the difference
// between two regions is no more than that inside either, for which small regions get credit.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/gaussian.h"
#include "core/superpixels.h"

namespace relprop {
namespace {

using Colour = std::array<double, 3>;

// What lies beyond an edge is what lies before it, seen in a mirror on the edge.
int mirrored(int i, int size) {
  while (i < 0 || i >= size) i = i < 0 ? -i - 1 : 2 * size - 1 - i;
  return i;
}

// One axis: lines of `size` pixels `step` apart, the first of them at starts `next` apart.
std::vector<Colour> blurred(const std::vector<Colour>& from, const std::vector<double>& weights, int size, int step,
                            int next) {
  const int radius = static_cast<int>(weights.size()) / 2;
  std::vector<Colour> to(from.size());
  for (int line = 0; line < static_cast<int>(from.size()) / size; ++line)
    for (int i = 0; i < size; ++i)
      for (int k = -radius; k <= radius; ++k) {
        const Colour& other = from[static_cast<std::size_t>(line * next + mirrored(i + k, size) * step)];
        Colour& sum = to[static_cast<std::size_t>(line * next + i * step)];
        for (std::size_t c = 0; c < 3; ++c) sum[c] += weights[static_cast<std::size_t>(k + radius)] * other[c];
      }
  return to;
}

struct Edge {
  double difference;
  std::uint32_t a, b;
};

// Between a pixel and those right of it, below, and on both diagonals, in this order, the most alike first.
std::vector<Edge> edgesOf(const std::vector<Colour>& colours, int height, int width) {
  std::vector<Edge> edges;
  const auto link = [&](int a, int b) {
    double sum = 0;
    const Colour &one = colours[static_cast<std::size_t>(a)], &other = colours[static_cast<std::size_t>(b)];
    for (std::size_t c = 0; c < 3; ++c) sum += (one[c] - other[c]) * (one[c] - other[c]);
    edges.push_back({std::sqrt(sum), static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)});
  };
  for (const auto& [dy, dx] : {std::pair{0, 1}, {1, 0}, {1, 1}, {-1, 1}})
    for (int y = std::max(0, -dy); y < height - std::max(0, dy); ++y)
      for (int x = 0; x < width - dx; ++x) link(y * width + x, (y + dy) * width + x + dx);
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.difference < b.difference; });
  return edges;
}

class Merging {
 public:
  explicit Merging(std::size_t pixels) : above_(pixels), sizes_(pixels, 1), inside_(pixels) {
    std::iota(above_.begin(), above_.end(), 0u);
  }

  std::uint32_t regionOf(std::uint32_t pixel) {
    while (above_[pixel] != pixel) pixel = above_[pixel] = above_[above_[pixel]];
    return pixel;
  }
  void joinAlike(const Edge& edge, double scale) {
    const std::uint32_t a = regionOf(edge.a), b = regionOf(edge.b);
    const auto most = [&](std::uint32_t region) { return inside_[region] + scale / sizes_[region]; };
    if (a == b || edge.difference >= std::min(most(a), most(b))) return;
    inside_[join(a, b)] = edge.difference;
  }
  void joinSmall(const Edge& edge, int least) {
    const std::uint32_t a = regionOf(edge.a), b = regionOf(edge.b);
    if (a != b && std::min(sizes_[a], sizes_[b]) < least) join(a, b);
  }

 private:
  std::uint32_t join(std::uint32_t a, std::uint32_t b) {
    above_[b] = a;
    sizes_[a] += sizes_[b];
    return a;
  }

  std::vector<std::uint32_t> above_;
  std::vector<int> sizes_;
  std::vector<double> inside_;  // the greatest difference that joined a region
};

Regions gathered(Merging& merging, std::size_t pixels) {
  Regions regions;
  std::vector<std::size_t> numbers(pixels, pixels);
  for (std::uint32_t i = 0; i < pixels; ++i) {
    std::size_t& number = numbers[merging.regionOf(i)];
    if (number == pixels) number = regions.size(), regions.emplace_back();
    regions[number].push_back(i);
  }
  return regions;
}

}  // namespace

Regions mergedRegions(const std::vector<std::uint8_t>& rgb, int height, int width, double scale, int least,
                      double sigma) {
  const std::size_t pixels = rgb.size() / 3;
  std::vector<Colour> colours(pixels);
  for (std::size_t i = 0; i < rgb.size(); ++i) colours[i / 3][i % 3] = rgb[i];
  const std::vector<double> weights = gaussianTaps(sigma);
  colours = blurred(blurred(colours, weights, height, width, 1), weights, width, 1, width);
  const std::vector<Edge> edges = edgesOf(colours, height, width);
  Merging merging(pixels);
  for (const Edge& edge : edges) merging.joinAlike(edge, scale);
  for (const Edge& edge : edges) merging.joinSmall(edge, least);
  return gathered(merging, pixels);
}

}  // namespace relprop
