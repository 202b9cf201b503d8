#include "core/superpixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace relprop {
namespace {

// L, a, b, and where it lies.
struct Point {
  double l = 0, a = 0, b = 0, x = 0, y = 0;
};

double linearOf(std::uint8_t value) {
  const double v = value / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

double labCurve(double t) {
  return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

// sRGB to CIELAB, white D65.
std::array<double, 3> labOf(const std::uint8_t* rgb) {
  const double r = linearOf(rgb[0]), g = linearOf(rgb[1]), b = linearOf(rgb[2]);
  const double x = labCurve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = labCurve(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = labCurve((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

std::vector<Point> pointsOf(const std::vector<std::uint8_t>& rgb, int height, int width) {
  std::vector<Point> points;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto [l, a, b] = labOf(rgb.data() + 3 * points.size());
      points.push_back({l, a, b, static_cast<double>(x), static_cast<double>(y)});
    }
  return points;
}

class Slic {
 public:
  Slic(const std::vector<std::uint8_t>& rgb, int height, int width, int count, double compactness)
      : height_(height),
        width_(width),
        count_(count),
        points_(pointsOf(rgb, height, width)),
        step_(std::max(1.0, std::sqrt(static_cast<double>(points_.size()) / count))),
        ratio_(compactness / step_ * (compactness / step_)),
        labels_(points_.size(), -1) {}

  std::vector<int> labels() {
    constexpr int kRounds = 10;
    placeCentres();
    for (int round = 0; round < kRounds; ++round) assign(), moveCentres();
    return labels_;
  }
  double step() const { return step_; }

 private:
  const Point& at(int y, int x) const { return points_[static_cast<std::size_t>(y * width_ + x)]; }

  // A grid of squares of about so many; where there is room for a single row or column of them, one of so many.
  void placeCentres() {
    const int most = std::min(count_, std::max(width_, height_));
    int across = std::max(1, static_cast<int>(std::lround(width_ / step_)));
    int down = std::max(1, static_cast<int>(std::lround(height_ / step_)));
    if (std::min(across, down) == 1) (width_ < height_ ? down : across) = most;
    for (int j = 0; j < down; ++j)
      for (int i = 0; i < across; ++i) centres_.push_back(middleOf(j, i, down, across));
  }

  // Of a cell of the grid, between pixels where its sides are even.
  Point middleOf(int j, int i, int down, int across) const {
    Point p = at((2 * j + 1) * height_ / (2 * down), (2 * i + 1) * width_ / (2 * across));
    p.y = (j + 0.5) * height_ / down - 0.5, p.x = (i + 0.5) * width_ / across - 0.5;
    return p;
  }

  double distance(const Point& p, const Point& centre) const {
    const double dl = p.l - centre.l, da = p.a - centre.a, db = p.b - centre.b, dx = p.x - centre.x,
                 dy = p.y - centre.y;
    return dl * dl + da * da + db * db + ratio_ * (dx * dx + dy * dy);
  }

  void assign() {
    std::vector<double> nearest(points_.size(), std::numeric_limits<double>::infinity());
    const int reach = static_cast<int>(std::ceil(2 * step_));
    for (std::size_t c = 0; c < centres_.size(); ++c) {
      const int cx = static_cast<int>(centres_[c].x), cy = static_cast<int>(centres_[c].y);
      for (int y = std::max(0, cy - reach); y <= std::min(height_ - 1, cy + reach); ++y)
        for (int x = std::max(0, cx - reach); x <= std::min(width_ - 1, cx + reach); ++x) {
          const auto i = static_cast<std::size_t>(y * width_ + x);
          const double d = distance(points_[i], centres_[c]);
          if (d < nearest[i]) nearest[i] = d, labels_[i] = static_cast<int>(c);
        }
    }
  }

  void moveCentres() {
    std::vector<Point> sums(centres_.size());
    std::vector<double> counts(centres_.size());
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (labels_[i] < 0) continue;
      Point& sum = sums[static_cast<std::size_t>(labels_[i])];
      const Point& p = points_[i];
      sum = {sum.l + p.l, sum.a + p.a, sum.b + p.b, sum.x + p.x, sum.y + p.y};
      ++counts[static_cast<std::size_t>(labels_[i])];
    }
    for (std::size_t c = 0; c < centres_.size(); ++c)
      if (const double n = counts[c]; n > 0)
        centres_[c] = {sums[c].l / n, sums[c].a / n, sums[c].b / n, sums[c].x / n, sums[c].y / n};
  }

  int height_, width_, count_;
  std::vector<Point> points_;
  double step_, ratio_;
  std::vector<Point> centres_;
  std::vector<int> labels_;
};

// Regions of pixels of one label that hang together by their sides, in the order of their first pixels. What is smaller
// than `least` joins the region left of or above its first pixel.
class ConnectedParts {
 public:
  ConnectedParts(const std::vector<int>& labels, int height, int width, std::size_t least)
      : labels_(labels), height_(height), width_(width), part_(labels.size(), -1) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (part_[i] < 0) grow(i, least);
  }

  Regions regions() const {
    Regions all(static_cast<std::size_t>(count_));
    for (std::size_t i = 0; i < part_.size(); ++i)
      all[static_cast<std::size_t>(part_[i])].push_back(static_cast<std::uint32_t>(i));
    return all;
  }

 private:
  int before(std::size_t i) const {
    const auto width = static_cast<std::size_t>(width_);
    if (i % width > 0) return part_[i - 1];
    return i >= width ? part_[i - width] : -1;
  }

  void grow(std::size_t first, std::size_t least) {
    const int neighbour = before(first);
    std::vector<std::size_t> members = {first};
    part_[first] = count_;
    for (std::size_t k = 0; k < members.size(); ++k) {
      const auto y = static_cast<int>(members[k]) / width_, x = static_cast<int>(members[k]) % width_;
      for (const auto& [dy, dx] : {std::pair{0, 1}, {0, -1}, {1, 0}, {-1, 0}}) {
        if (y + dy < 0 || y + dy >= height_ || x + dx < 0 || x + dx >= width_) continue;
        const auto i = static_cast<std::size_t>((y + dy) * width_ + x + dx);
        if (part_[i] < 0 && labels_[i] == labels_[first]) part_[i] = count_, members.push_back(i);
      }
    }
    if (members.size() >= least || neighbour < 0)
      ++count_;
    else
      for (const std::size_t i : members) part_[i] = neighbour;
  }

  const std::vector<int>& labels_;
  int height_, width_, count_ = 0;
  std::vector<int> part_;
};

}  // namespace

Regions gridRegions(int height, int width, int side) {
  const auto down = static_cast<std::size_t>((height + side - 1) / side);
  const auto across = static_cast<std::size_t>((width + side - 1) / side);
  Regions regions(across * down);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      regions[static_cast<std::size_t>(y / side) * across + static_cast<std::size_t>(x / side)].push_back(
          static_cast<std::uint32_t>(y * width + x));
  return regions;
}

Regions superpixels(const std::vector<std::uint8_t>& rgb, int height, int width, int count, double compactness) {
  Slic slic(rgb, height, width, count, compactness);
  const std::vector<int> labels = slic.labels();
  const auto least = static_cast<std::size_t>(slic.step() * slic.step() / 4);
  return ConnectedParts(labels, height, width, least).regions();
}

}  // namespace relprop
