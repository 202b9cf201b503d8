#include "eval/datasets/coco_segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/datasets/files.h"

namespace relprop::eval {
namespace {

using Json = nlohmann::json;
using Corners = std::vector<std::pair<double, double>>;

// Numbers of a picture stay far below 2^40; what is longer would overflow.
constexpr int kMostCharacters = 8;

std::vector<std::int64_t> listedLengths(const Json& counts, const std::string& where) {
  std::vector<std::int64_t> lengths;
  for (const Json& one : counts) {
    if (!one.is_number_integer()) malformed(where, "a run length " + one.dump(), "whole numbers");
    lengths.push_back(one.get<std::int64_t>());
  }
  return lengths;
}

// Background and object in turns, column by column.
void drawRuns(const std::vector<std::int64_t>& lengths, const std::string& where, Mask& mask) {
  const auto count = static_cast<std::int64_t>(mask.values.size()), height = static_cast<std::int64_t>(mask.height);
  std::int64_t at = 0;
  bool object = false;
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > count - at) malformed(where, fmt::format("a run of {} pixels", length), "runs that fit");
    for (const std::int64_t end = at + length; at < end; ++at)
      if (object) mask.values[static_cast<std::size_t>(at % height * mask.width + at / height)] = Mask::kObject;
    object = !object;
  }
  if (at != count) malformed(where, fmt::format("runs of {} pixels", at), fmt::format("{}, the picture's", count));
}

void drawRle(const Json& rle, const std::string& where, Mask& mask) {
  const Json expected = {mask.height, mask.width};
  if (rle.value("size", Json()) != expected)
    malformed(where, "size " + rle.value("size", Json()).dump(), expected.dump() + ", height and width of the picture");
  const Json counts = rle.value("counts", Json());
  if (counts.is_string()) return drawRuns(runLengthsOf(counts.get<std::string>(), where), where, mask);
  if (!counts.is_array()) malformed(where, "no counts", "run lengths, a list or COCO's string");
  drawRuns(listedLengths(counts, where), where, mask);
}

Corners cornersOf(const Json& polygon, const std::string& where) {
  const bool numbers = polygon.is_array() &&
                       std::all_of(polygon.begin(), polygon.end(), [](const Json& one) { return one.is_number(); });
  if (!numbers || polygon.size() < 6 || polygon.size() % 2)
    malformed(where, "a polygon that is no list of pairs", "x, y of three corners or more");
  Corners corners;
  for (std::size_t i = 0; i < polygon.size(); i += 2)
    corners.emplace_back(polygon[i].get<double>(), polygon[i + 1].get<double>());
  return corners;
}

// Where the outline crosses the height y, from left to right.
std::vector<double> crossings(const Corners& corners, double y) {
  std::vector<double> xs;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const auto [x0, y0] = corners[i];
    const auto [x1, y1] = corners[(i + 1) % corners.size()];
    if ((y0 <= y) != (y1 <= y)) xs.push_back(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
  }
  std::sort(xs.begin(), xs.end());
  return xs;
}

void drawPolygon(const Corners& corners, Mask& mask) {
  const auto column = [&](double x) {  // the first whose centre is not left of x
    return static_cast<int>(std::clamp(std::ceil(x - 0.5), 0.0, static_cast<double>(mask.width)));
  };
  for (int y = 0; y < mask.height; ++y) {
    const std::vector<double> xs = crossings(corners, y + 0.5);
    for (std::size_t i = 0; i + 1 < xs.size(); i += 2)
      for (int x = column(xs[i]); x < column(xs[i + 1]); ++x)
        mask.values[static_cast<std::size_t>(y * mask.width + x)] = Mask::kObject;
  }
}

}  // namespace

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
    lengths.push_back(value);
  }
  return lengths;
}

void drawSegmentation(const Json& segmentation, const std::string& where, Mask& mask) {
  if (segmentation.is_object()) return drawRle(segmentation, where, mask);
  if (!segmentation.is_array()) malformed(where, "no segmentation", "polygons or run lengths");
  for (const Json& polygon : segmentation) drawPolygon(cornersOf(polygon, where), mask);
}

}  // namespace relprop::eval
