#include "eval/datasets/coco_segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "eval/datasets/files.h"

namespace relprop::eval {
namespace {

using Json = nlohmann::json;
using Corners = std::vector<std::pair<double, double>>;

// Numbers of a picture stay far below 2^40; what is longer would overflow.
constexpr int kMostCharacters = 8;
constexpr std::int64_t kFarthest = std::int64_t{1} << 40;
// Of the rows of a picture and the outlines on it together: seconds of work. Photos have some ten thousand.
constexpr std::int64_t kMostCrossings = 100'000'000;

std::vector<std::int64_t> listedLengths(const Json& counts, const std::string& where) {
  std::vector<std::int64_t> lengths;
  for (const Json& one : counts) {
    if (!isWhole(one)) malformed(where, "a run length " + one.dump(), "whole numbers up to 2^63-1");
    lengths.push_back(one.get<std::int64_t>());
  }
  return lengths;
}

// So that no difference is infinite.
double coordinate(const Json& number, const std::string& where) {
  const auto value = number.get<double>();
  if (!(std::abs(value) <= static_cast<double>(kFarthest)))
    malformed(where, "a corner at " + number.dump(), "numbers up to 2^40");
  return value;
}

Corners cornersOf(const Json& polygon, const std::string& where) {
  const bool numbers = polygon.is_array() &&
                       std::all_of(polygon.begin(), polygon.end(), [](const Json& one) { return one.is_number(); });
  if (!numbers || polygon.size() < 6 || polygon.size() % 2)
    malformed(where, "a polygon that is no list of pairs", "x, y of three corners or more");
  Corners corners;
  for (std::size_t i = 0; i < polygon.size(); i += 2) {
    const double x = coordinate(polygon[i], where);
    corners.emplace_back(x, coordinate(polygon[i + 1], where));
  }
  return corners;
}

// The first of `count` pixels whose centre is not before x; `count` where there is none.
std::int64_t firstFrom(double x, int count) {
  return static_cast<std::int64_t>(std::clamp(std::ceil(x - 0.5), 0.0, static_cast<double>(count)));
}

// A piece of an outline and the rows whose centres it crosses.
struct Edge {
  double x0, y0, x1, y1;
  std::int64_t begin, end;

  double at(double y) const { return x0 + (y - y0) / (y1 - y0) * (x1 - x0); }
};

// Those that cross a row of the picture, in the order in which they begin.
std::vector<Edge> edgesOf(const Corners& corners, int height) {
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const auto [x0, y0] = corners[i];
    const auto [x1, y1] = corners[(i + 1) % corners.size()];
    const Edge edge{x0, y0, x1, y1, firstFrom(std::min(y0, y1), height), firstFrom(std::max(y0, y1), height)};
    if (edge.begin < edge.end) edges.push_back(edge);
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.begin < b.begin; });
  return edges;
}

// Tells `take` of each row that the outline crosses, and where, from left to right.
template <typename Take>
void forCrossings(const std::vector<Edge>& edges, const Take& take) {
  std::vector<Edge> active;
  std::vector<double> xs;
  std::int64_t row = 0;
  for (auto next = edges.begin(); next != edges.end() || !active.empty(); ++row) {
    if (active.empty()) row = next->begin;
    for (; next != edges.end() && next->begin == row; ++next) active.push_back(*next);
    xs.clear();
    for (const Edge& edge : active) xs.push_back(edge.at(static_cast<double>(row) + 0.5));
    std::sort(xs.begin(), xs.end());
    take(row, xs);
    std::erase_if(active, [&](const Edge& edge) { return edge.end == row + 1; });
  }
}

}  // namespace

bool isWhole(const Json& value) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > most);
}

std::vector<std::int64_t> runLengthsOf(const std::string& text, const std::string& where) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < text.size();) {
    std::int64_t value = 0;
    bool more = true;
    for (int k = 0; more; ++k, ++i) {
      const int bits = i < text.size() ? text[i] - '0' : -1;
      if (bits < 0 || bits > 63 || k == kMostCharacters) malformed(where, "broken counts", "COCO's run length string");
      value |= static_cast<std::int64_t>(bits & 31) << 5 * k;
      more = bits & 32;
      if (!more && (bits & 16)) value -= std::int64_t{1} << 5 * (k + 1);
    }
    if (lengths.size() > 2) value += lengths[lengths.size() - 2];
    if (std::abs(value) > kFarthest) malformed(where, fmt::format("a run of {} pixels", value), "runs that fit");
    lengths.push_back(value);
  }
  return lengths;
}

Segments::Segments(int width, int height) : width_(width), height_(height) {}

void Segments::addRun(Ends& ends, std::int64_t begin, std::int64_t end) const {
  if (begin >= end) return;
  ends.resize(static_cast<std::size_t>(pixels()) + 1);
  ++ends[static_cast<std::size_t>(begin)], --ends[static_cast<std::size_t>(end)];
}

// Background and object in turns, column by column.
void Segments::addRuns(const std::vector<std::int64_t>& lengths, const std::string& where) {
  std::int64_t at = 0;
  bool object = false;
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > pixels() - at)
      malformed(where, fmt::format("a run of {} pixels", length), "runs that fit");
    if (object) addRun(down_, at, at + length);
    at += length, object = !object;
  }
  if (at != pixels())
    malformed(where, fmt::format("runs of {} pixels", at), fmt::format("{}, the picture's", pixels()));
}

void Segments::addRle(const Json& rle, const std::string& where) {
  const Json expected = {height_, width_};
  if (rle.value("size", Json()) != expected)
    malformed(where, "size " + rle.value("size", Json()).dump(), expected.dump() + ", height and width of the picture");
  const Json counts = rle.value("counts", Json());
  if (counts.is_string()) return addRuns(runLengthsOf(counts.get<std::string>(), where), where);
  if (!counts.is_array()) malformed(where, "no counts", "run lengths, a list or COCO's string");
  addRuns(listedLengths(counts, where), where);
}

void Segments::addPolygon(const Corners& corners, const std::string& where) {
  const std::vector<Edge> edges = edgesOf(corners, height_);
  for (const Edge& edge : edges) crossings_ += edge.end - edge.begin;
  if (crossings_ > kMostCrossings)
    malformed(where, fmt::format("outlines that cross rows of the picture {} times", crossings_),
              fmt::format("at most {} times", kMostCrossings), "draw with fewer corners, or give run lengths");
  forCrossings(edges, [&](std::int64_t y, const std::vector<double>& xs) {
    for (std::size_t i = 0; i + 1 < xs.size(); i += 2)
      addRun(across_, y * width_ + firstFrom(xs[i], width_), y * width_ + firstFrom(xs[i + 1], width_));
  });
}

void Segments::add(const Json& segmentation, const std::string& where) {
  if (segmentation.is_object()) return addRle(segmentation, where);
  if (!segmentation.is_array()) malformed(where, "no segmentation", "polygons or run lengths");
  for (const Json& polygon : segmentation) addPolygon(cornersOf(polygon, where), where);
}

Mask Segments::mask() const {
  Mask mask = {width_, height_, std::vector<std::uint8_t>(static_cast<std::size_t>(pixels()))};
  const auto width = static_cast<std::size_t>(width_), height = static_cast<std::size_t>(height_);
  std::int64_t open = 0;
  for (std::size_t at = 0; at + 1 < down_.size(); ++at)
    if ((open += down_[at]) > 0) mask.values[at % height * width + at / height] = Mask::kObject;
  open = 0;
  for (std::size_t at = 0; at + 1 < across_.size(); ++at)
    if ((open += across_[at]) > 0) mask.values[at] = Mask::kObject;
  return mask;
}

}  // namespace relprop::eval
