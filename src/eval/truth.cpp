#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "relprop/dataset.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// Where the centres of the view's columns (or rows) lie in the original: view = (original − crop)·scale − offset.
std::vector<double> centres(int size, double crop, double scale, double offset) {
  std::vector<double> places;
  for (int i = 0; i < size; ++i) places.push_back((i + 0.5 + offset) / scale + crop);
  return places;
}

struct Places {
  std::vector<double> x, y;
};

Places placesOf(const ViewGeometry& g) {
  return {centres(g.width, g.cropLeft, g.scaleX, g.offsetLeft), centres(g.height, g.cropTop, g.scaleY, g.offsetTop)};
}

// The columns (or rows) whose centres lie in [low, high).
std::pair<std::size_t, std::size_t> within(const std::vector<double>& places, double low, double high) {
  const auto first = std::lower_bound(places.begin(), places.end(), low);
  const auto last = std::lower_bound(first, places.end(), high);
  return {static_cast<std::size_t>(first - places.begin()), static_cast<std::size_t>(last - places.begin())};
}

// From this row on so many boxes more begin at the column (or end there, below 0).
struct BoxEdge {
  std::size_t row, column;
  int change;
};

std::vector<BoxEdge> boxEdges(const std::vector<Box>& boxes, const Places& places) {
  std::vector<BoxEdge> edges;
  edges.reserve(boxes.size() * 4);
  for (const Box& box : boxes) {
    const auto [left, right] = within(places.x, box.x0, box.x1);
    const auto [top, bottom] = within(places.y, box.y0, box.y1);
    edges.insert(edges.end(), {{top, left, 1}, {top, right, -1}, {bottom, left, -1}, {bottom, right, 1}});
  }
  std::sort(edges.begin(), edges.end(), [](const BoxEdge& a, const BoxEdge& b) { return a.row < b.row; });
  return edges;
}

// Row by row with how many boxes are open at each column: a box costs its edges, not its pixels.
Mask unionOf(const std::vector<Box>& boxes, const Places& places) {
  const std::size_t width = places.x.size(), height = places.y.size();
  Mask mask{static_cast<int>(width), static_cast<int>(height), std::vector(width * height, Mask::kBackground)};
  const std::vector<BoxEdge> edges = boxEdges(boxes, places);
  std::vector<std::int64_t> changes(width + 1);
  auto next = edges.begin();
  for (std::size_t y = 0; y < height; ++y) {
    for (; next != edges.end() && next->row == y; ++next) changes[next->column] += next->change;
    std::int64_t open = 0;
    for (std::size_t x = 0; x < width; ++x)
      if ((open += changes[x]) > 0) mask.values[y * width + x] = Mask::kObject;
  }
  return mask;
}

Mask sampled(const Mask& original, const Places& places) {
  Mask mask{static_cast<int>(places.x.size()), static_cast<int>(places.y.size()), {}};
  mask.values.reserve(places.x.size() * places.y.size());
  for (const double y : places.y) {
    const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(original.width);
    for (const double x : places.x) mask.values.push_back(original.values[row + static_cast<std::size_t>(x)]);
  }
  return mask;
}

void requireGeometry(const ViewGeometry& g) {
  if (g.width >= 1 && g.height >= 1 && g.scaleX > 0 && g.scaleY > 0) return;
  throw Error(ErrorCode::InvalidArgument, "truthInView",
              fmt::format("a view of {}×{} pixels, scaled by {} and {}", g.width, g.height, g.scaleX, g.scaleY),
              "sides of at least one pixel and scales above 0");
}

void requireBoxes(const std::vector<Box>& boxes) {
  for (const Box& box : boxes)
    for (const double side : {box.x0, box.y0, box.x1, box.y1})
      if (!std::isfinite(side))
        throw Error(ErrorCode::InvalidArgument, "truthInView", fmt::format("a box with a side at {}", side),
                    "finite numbers");
}

// The mask has to cover every place that the view came from.
void requireMask(const Mask& mask, const Places& places) {
  const bool whole = mask.width >= 1 && mask.height >= 1 &&
                     mask.values.size() == static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height);
  const bool covers =
      places.x.front() >= 0 && places.x.back() < mask.width && places.y.front() >= 0 && places.y.back() < mask.height;
  if (whole && covers) return;
  throw Error(
      ErrorCode::InvalidArgument, "truthInView",
      fmt::format("a mask of {}×{} with {} values", mask.width, mask.height, mask.values.size()),
      fmt::format("a mask of the picture, which reaches to ({:.1f}, {:.1f})", places.x.back(), places.y.back()));
}

}  // namespace

Truth truthInView(const Annotation& annotation, const ViewGeometry& geometry) {
  requireGeometry(geometry);
  requireBoxes(annotation.boxes);
  const Places places = placesOf(geometry);
  Truth truth;
  if (!annotation.boxes.empty()) truth.boxes = unionOf(annotation.boxes, places);
  if (!annotation.mask) return truth;
  requireMask(*annotation.mask, places);
  truth.mask = sampled(*annotation.mask, places);
  return truth;
}

}  // namespace relprop
