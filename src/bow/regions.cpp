#include "bow/regions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>

#include "bow/sift.h"

namespace relprop::bow {

namespace {

using Pixels = std::vector<cv::Point>;

// The square of a mask that SIFT reads has kPatch pixels a side and lies in one of kCanvas, so that it has neighbours
// when it is turned. Its middle is a pixel: OpenCV rounds where a keypoint is.
constexpr int kPatch = 24, kCanvas = 41;
constexpr double kSideOfRoot = 2.4;  // of the square, in square roots of the region's area

constexpr int kBins = 36;
using Directions = std::array<double, kBins>;

std::vector<Pixels> regionsIn(const cv::Mat& channel) {
  constexpr int delta = 5, fewest = 20, least = 3;  // OpenCV refuses pictures below 3×3 pixels
  constexpr double smallest = 0.006, largest = 0.6, variation = 0.5, diversity = 0.2;
  std::vector<Pixels> regions;
  if (channel.rows < least || channel.cols < least) return regions;
  const auto area = static_cast<double>(channel.total());
  std::vector<cv::Rect> boxes;
  cv::MSER::create(delta, std::max(fewest, static_cast<int>(smallest * area)), static_cast<int>(largest * area),
                   variation, diversity)
      ->detectRegions(channel, regions, boxes);
  return regions;
}

// Rows of pixels, from left to right.
std::vector<Area> rowsOf(Pixels pixels) {
  std::sort(pixels.begin(), pixels.end(),
            [](const cv::Point& a, const cv::Point& b) { return a.y != b.y ? a.y < b.y : a.x < b.x; });
  std::vector<Area> rows;
  for (const cv::Point& p : pixels)
    if (!rows.empty() && rows.back().top == p.y && rows.back().right == p.x)
      ++rows.back().right;
    else
      rows.push_back({p.x, p.y, p.x + 1, p.y + 1});
  return rows;
}

Support supportOf(const Pixels& pixels) {
  double x = 0, y = 0;
  for (const cv::Point& p : pixels) x += p.x, y += p.y;
  const auto count = static_cast<double>(pixels.size());
  return {static_cast<float>(x / count + 0.5), static_cast<float>(y / count + 0.5),
          static_cast<float>(kSideOfRoot * std::sqrt(count) / 2)};
}

// The mask, 0 to 1, with its support's square as the middle kPatch pixels.
cv::Mat canvasOf(const Pixels& pixels, const Support& support) {
  const double scale = kPatch / (2.0 * support.radius);
  const int margin = static_cast<int>(std::ceil(2 / scale)) + 1;
  const cv::Rect box = cv::boundingRect(pixels);
  const cv::Point corner = box.tl() - cv::Point(margin, margin);
  cv::Mat mask = cv::Mat::zeros(box.height + 2 * margin, box.width + 2 * margin, CV_32F), canvas;
  for (const cv::Point& p : pixels) mask.at<float>(p - corner) = 1;
  if (scale < 1) cv::GaussianBlur(mask, mask, cv::Size(), 0.5 / scale);  // what is finer than the canvas' pixels
  constexpr double middle = kCanvas / 2;
  const cv::Matx23d place(scale, 0, middle - scale * (support.x - 0.5 - corner.x), 0, scale,
                          middle - scale * (support.y - 0.5 - corner.y));
  cv::warpAffine(mask, canvas, place, cv::Size(kCanvas, kCanvas));
  return canvas;
}

// How much of the outline faces where, nearer to the centre more.
Directions facing(const cv::Mat& canvas) {
  cv::Mat soft, right, down;
  cv::GaussianBlur(canvas, soft, cv::Size(), 1);
  cv::Sobel(soft, right, CV_32F, 1, 0, 1);
  cv::Sobel(soft, down, CV_32F, 0, 1, 1);
  Directions result{};
  for (int y = 0; y < kCanvas; ++y)
    for (int x = 0; x < kCanvas; ++x) {
      const double dx = right.at<float>(y, x), dy = down.at<float>(y, x);
      const double fromX = x - kCanvas / 2, fromY = y - kCanvas / 2, sigma = kPatch / 3.0;
      const double weight = std::hypot(dx, dy) * std::exp(-(fromX * fromX + fromY * fromY) / (2 * sigma * sigma));
      const double turn = std::atan2(dy, dx) / (2 * CV_PI), bin = (turn < 0 ? turn + 1 : turn) * kBins;
      const auto first = static_cast<std::size_t>(bin) % kBins;
      result[first] += weight * (1 - (bin - std::floor(bin)));
      result[(first + 1) % kBins] += weight * (bin - std::floor(bin));
    }
  return result;
}

Directions smoothed(const Directions& h) {
  Directions result;
  for (std::size_t i = 0; i < kBins; ++i) {
    const auto at = [&](std::size_t away) { return h[(i + away) % kBins] + h[(i + kBins - away) % kBins]; };
    result[i] = (6 * h[i] + 4 * at(1) + at(2)) / 16;
  }
  return result;
}

// In degrees, clockwise from the right: the strongest and those that come up to 80 % of it, as Lowe has it.
std::vector<float> directionsOf(const cv::Mat& canvas) {
  constexpr double share = 0.8;
  constexpr std::size_t most = 4;
  const Directions h = smoothed(smoothed(facing(canvas)));
  const double strongest = *std::max_element(h.begin(), h.end());
  std::vector<std::pair<double, float>> peaks;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double before = h[(i + kBins - 1) % kBins], after = h[(i + 1) % kBins];
    if (h[i] <= 0 || h[i] < share * strongest || h[i] <= before || h[i] < after) continue;
    const double bin = static_cast<double>(i) + (before - after) / (before - 2 * h[i] + after) / 2;
    peaks.emplace_back(-h[i], static_cast<float>((bin < 0 ? bin + kBins : bin) * 360 / kBins));
  }
  std::sort(peaks.begin(), peaks.end());
  std::vector<float> result;
  for (std::size_t i = 0; i < std::min(most, peaks.size()); ++i) result.push_back(peaks[i].second);
  return result;
}

// The descriptors of a mask, one a direction.
cv::Mat described(const cv::Mat& canvas, const std::vector<float>& directions) {
  constexpr float middle = kCanvas / 2;
  std::vector<cv::KeyPoint> keypoints;
  for (const float angle : directions)
    keypoints.emplace_back(middle, middle, kPatch / 6.0f, angle, 0.0f, packedLayer(kPatch));
  cv::Mat grey, found;
  canvas.convertTo(grey, CV_8U, 255);
  cv::SIFT::create()->compute(grey, keypoints, found);
  return found;
}

void addRegion(const Pixels& pixels, LocalFeatures& into) {
  const Support support = supportOf(pixels);
  const cv::Mat canvas = canvasOf(pixels, support);
  const std::vector<float> directions = directionsOf(canvas);
  if (directions.empty()) return;
  const cv::Mat found = described(canvas, directions);
  into.descriptors.insert(into.descriptors.end(), found.begin<float>(), found.end<float>());
  into.supports.insert(into.supports.end(), directions.size(), support);
  into.covers.insert(into.covers.end(), directions.size(), rowsOf(pixels));
}

}  // namespace

LocalFeatures regionFeatures(const std::vector<cv::Mat>& channels, int most, const Again& again) {
  std::vector<Pixels> regions;
  for (const cv::Mat& channel : channels) {
    goOn(again);
    std::vector<Pixels> some = regionsIn(channel);
    std::move(some.begin(), some.end(), std::back_inserter(regions));
  }
  std::stable_sort(regions.begin(), regions.end(),
                   [](const Pixels& a, const Pixels& b) { return a.size() > b.size(); });
  if (regions.size() > static_cast<std::size_t>(most)) regions.resize(static_cast<std::size_t>(most));
  LocalFeatures result;
  result.length = kSiftLength;
  for (const Pixels& pixels : regions) {
    goOn(again);
    addRegion(pixels, result);
  }
  return result;
}

}  // namespace relprop::bow
