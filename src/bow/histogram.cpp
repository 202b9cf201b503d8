#include "bow/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace relprop::bow {

namespace {

using Tiles = std::array<int, 2>;

// A feature's part in a dimension of the histogram.
struct Part {
  std::size_t feature = 0, dimension = 0;
  double m = 0;
};

int tileAlong(double place, int size, int tiles) {
  return std::clamp(static_cast<int>(std::floor(place * tiles / size)), 0, tiles - 1);
}

// Features by tile, over all tiles of all sorts, and which dimension is whose.
class Layout {
 public:
  Layout(const Pooled& input, const PoolingSettings& settings) : input_(input) {
    for (const Tiles& tiles : settings.tiles) addTiles(tiles);
  }

  std::size_t tiles() const { return counts_.size(); }
  std::size_t words() const { return static_cast<std::size_t>(input_.words); }
  std::size_t dimensions() const { return tiles() * words(); }
  std::size_t featuresIn(std::size_t tile) const { return counts_[tile]; }
  std::size_t sorts() const { return tileOf_.size(); }
  std::size_t tileOf(std::size_t sort, std::size_t feature) const { return tileOf_[sort][feature]; }

  template <class Visit>
  void forEachPart(Visit visit) const {
    const Mapped& mapped = input_.mapped;
    const auto nearest = static_cast<std::size_t>(mapped.nearest);
    for (const std::vector<std::size_t>& tileOf : tileOf_)
      for (std::size_t l = 0; l < tileOf.size(); ++l)
        for (std::size_t i = l * nearest; i < (l + 1) * nearest; ++i)
          visit(Part{l, tileOf[l] * words() + static_cast<std::size_t>(mapped.words[i]), mapped.weights[i]});
  }

 private:
  void addTiles(const Tiles& tiles) {
    const std::size_t first = counts_.size();
    counts_.resize(first + static_cast<std::size_t>(tiles[0]) * static_cast<std::size_t>(tiles[1]));
    std::vector<std::size_t>& tileOf = tileOf_.emplace_back();
    for (const Support& s : input_.supports) {
      const int row = tileAlong(s.y, input_.height, tiles[0]), column = tileAlong(s.x, input_.width, tiles[1]);
      tileOf.push_back(first + static_cast<std::size_t>(row * tiles[1] + column));
      ++counts_[tileOf.back()];
    }
  }

  const Pooled& input_;
  std::vector<std::vector<std::size_t>> tileOf_;  // sort by sort: of each feature
  std::vector<std::size_t> counts_;
};

// (m/max)^p, which neither overflows nor vanishes where it counts, of m > 0.
double powered(double m, double max, double power) {
  const double ratio = m / max;
  return power == 1 ? ratio : power == 2 ? ratio * ratio : std::pow(ratio, power);
}

// Of each dimension: the largest m_d(l), and Σ (m_d(l)/max)^p.
struct Masses {
  std::vector<double> max, sum;
};

Masses masses(const Layout& layout, double power) {
  Masses result{std::vector<double>(layout.dimensions()), std::vector<double>(layout.dimensions())};
  layout.forEachPart([&](const Part& part) {
    double& max = result.max[part.dimension];
    max = std::max(max, part.m);
  });
  if (power == kMaximum) return result;
  layout.forEachPart([&](const Part& part) {
    if (part.m > 0) result.sum[part.dimension] += powered(part.m, result.max[part.dimension], power);
  });
  return result;
}

double normOf(const std::vector<double>& pooled, PoolingSettings::Norm norm) {
  double sum = 0;
  switch (norm) {
    case PoolingSettings::Norm::None:
      return 1;
    case PoolingSettings::Norm::L1:
      for (double x : pooled) sum += x;
      return sum;
    case PoolingSettings::Norm::L2:
      for (double x : pooled) sum += x * x;
      break;
  }
  return std::sqrt(sum);
}

// Relevance of dimensions that nobody maps to, in equal parts.
void shareEqually(const std::vector<double>& dims, const std::vector<double>& max, const Layout& layout,
                  std::vector<double>& into) {
  std::vector<double> each(layout.tiles());
  double everywhere = 0;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (max[d] > 0) continue;
    const std::size_t tile = d / layout.words(), count = layout.featuresIn(tile);
    (count > 0 ? each[tile] : everywhere) += dims[d] / static_cast<double>(count > 0 ? count : into.size());
  }
  for (std::size_t l = 0; l < into.size(); ++l) {
    into[l] += everywhere;
    for (std::size_t sort = 0; sort < layout.sorts(); ++sort) into[l] += each[layout.tileOf(sort, l)];
  }
}

// A picture of sums over areas, made of what changes at their corners. In whole numbers, so that every sum is exact and
// pixels that no area covers are 0.
class AreaSums {
 public:
  AreaSums(int height, int width)
      : height_(height),
        width_(width),
        values_(static_cast<std::size_t>(height + 1) * static_cast<std::size_t>(width + 1)) {}

  void add(const Area& area, std::int64_t value) {
    at(area.top, area.left) += value;
    at(area.top, area.right) -= value;
    at(area.bottom, area.left) -= value;
    at(area.bottom, area.right) += value;
  }

  // Once, when all areas are there.
  template <class Visit>
  void forEachPixel(Visit visit) {
    for (int y = 0; y < height_; ++y) {
      std::int64_t row = 0;
      for (int x = 0; x < width_; ++x) {
        row += at(y, x);
        const std::int64_t above = y > 0 ? at(y - 1, x) : 0;
        at(y, x) = above + row;
        visit(at(y, x));
      }
    }
  }

 private:
  std::int64_t& at(int y, int x) {
    return values_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_ + 1) + static_cast<std::size_t>(x)];
  }

  int height_, width_;
  std::vector<std::int64_t> values_;
};

// A power of two, as an exponent: no sum of densities comes to 2^62 with it.
int unitOf(double total) {
  return 61 - std::ilogb(total);
}

}  // namespace

std::int64_t dimensions(std::int64_t words, const PoolingSettings& settings) {
  std::int64_t tiles = 0;
  for (const Tiles& t : settings.tiles) tiles += std::int64_t{t[0]} * t[1];
  return tiles * words;
}

Histogram pool(const Pooled& input, const PoolingSettings& settings) {
  const Layout layout(input, settings);
  const Masses mass = masses(layout, settings.power);
  Histogram result;
  result.pooled = mass.max;
  for (std::size_t d = 0; d < layout.dimensions() && settings.power != kMaximum; ++d) {
    if (mass.max[d] == 0) continue;
    const double mean = mass.sum[d] / static_cast<double>(layout.featuresIn(d / layout.words()));
    result.pooled[d] *= settings.power == 1 ? mean : std::pow(mean, 1 / settings.power);
  }
  result.norm = normOf(result.pooled, settings.norm);
  result.values = result.pooled;
  if (result.norm > 0)
    for (double& x : result.values) x /= result.norm;
  return result;
}

std::vector<double> featureRelevance(const std::vector<double>& dims, const Pooled& input,
                                     const PoolingSettings& settings) {
  std::vector<double> result(input.supports.size());
  if (result.empty()) return result;
  const Layout layout(input, settings);
  const Masses mass = masses(layout, settings.power);
  std::vector<bool> given(dims.size());
  layout.forEachPart([&](const Part& part) {
    const std::size_t d = part.dimension;
    if (part.m == 0) return;
    if (settings.power != kMaximum) {
      result[part.feature] += dims[d] * powered(part.m, mass.max[d], settings.power) / mass.sum[d];
    } else if (part.m == mass.max[d] && !given[d]) {
      result[part.feature] += dims[d];
      given[d] = true;
    }
  });
  shareEqually(dims, mass.max, layout, result);
  return result;
}

std::vector<double> pixelRelevance(const std::vector<double>& features, const std::vector<Cover>& covers, int height,
                                   int width) {
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  std::vector<double> densities(features.size());
  double total = 0;
  for (std::size_t l = 0; l < features.size(); ++l) {
    const std::int64_t covered = pixelsOf(covers[l]);
    if (covered > 0) densities[l] = features[l] / static_cast<double>(covered);
    total += std::abs(densities[l]);
  }
  // No relevance; or relevance that is no number, which whoever reads the map has to see.
  if (total == 0 || !std::isfinite(total)) return std::vector<double>(pixels, total);
  const int unit = unitOf(total);
  AreaSums sums(height, width);
  for (std::size_t l = 0; l < features.size(); ++l)
    for (const Area& area : covers[l]) sums.add(area, std::llrint(std::ldexp(densities[l], unit)));
  std::vector<double> result;
  result.reserve(pixels);
  sums.forEachPixel([&](std::int64_t v) { result.push_back(std::ldexp(static_cast<double>(v), -unit)); });
  return result;
}

std::int64_t uncovered(const std::vector<Cover>& covers, int height, int width) {
  AreaSums counts(height, width);
  for (const Cover& cover : covers)
    for (const Area& area : cover) counts.add(area, 1);
  std::int64_t result = 0;
  counts.forEachPixel([&](std::int64_t count) { result += count == 0; });
  return result;
}

}  // namespace relprop::bow
