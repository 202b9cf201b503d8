#include "bow/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/features2d.hpp>
#include <opencv2/imgproc.hpp>
#include <span>
#include <stdexcept>
#include <tuple>

#include "bow/regions.h"
#include "bow/sift.h"
#include "relprop/error.h"
#include "system/memory_bound.h"

namespace relprop::bow {

namespace {

// What OpenCV is asked for, and the patch of each. SIFT's places are the indices of pixels, so a patch is centred on
// the centre of a pixel.
struct Places {
  std::vector<cv::KeyPoint> keypoints;
  std::vector<Support> supports;
};

cv::Mat colours(const float* picture, int height, int width) {
  const std::ptrdiff_t plane = std::ptrdiff_t{height} * width;
  std::vector<cv::Mat> planes;
  // OpenCV has no views of what is constant; these are only read.
  for (int c = 0; c < 3; ++c) planes.emplace_back(height, width, CV_32F, const_cast<float*>(picture + c * plane));
  cv::Mat merged, rounded;
  cv::merge(planes, merged);
  merged.convertTo(rounded, CV_8U);
  return rounded;
}

cv::Mat grey(const cv::Mat& rgb) {
  cv::Mat result;
  cv::cvtColor(rgb, result, cv::COLOR_RGB2GRAY);
  return result;
}

// (R − G)/2, (R + G − 2B)/4 and (R + G + B)/3, the differences about the middle of the range: van de Sande et al. 2010
// but for the lengths of the axes, which no descriptor sees.
cv::Mat opponent(const cv::Mat& rgb) {
  const cv::Matx34f axes(0.5f, -0.5f, 0, 127.5f, 0.25f, 0.25f, -0.5f, 127.5f, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f, 0);
  cv::Mat exact, turned, result;
  rgb.convertTo(exact, CV_32F);
  cv::transform(exact, turned, axes);
  turned.convertTo(result, CV_8U);
  return result;
}

std::vector<cv::Mat> channels(const cv::Mat& rgb, FeatureSettings::Colour colour) {
  std::vector<cv::Mat> result;
  switch (colour) {
    case FeatureSettings::Colour::Grey:
      return {grey(rgb)};
    case FeatureSettings::Colour::Rgb:
      cv::split(rgb, result);
      break;
    case FeatureSettings::Colour::Opponent:
      cv::split(opponent(rgb), result);
      break;
  }
  return result;
}

// Where patches begin along an axis: as many as fit, what is left over halved between both ends.
std::vector<int> beginnings(int size, int patch, int step) {
  std::vector<int> result;
  if (patch > size) return result;
  for (int first = (size - patch) % step / 2; first + patch <= size; first += step) result.push_back(first);
  return result;
}

void addGrid(int height, int width, int patch, int step, Places& into) {
  const int centre = patch / 2, layer = packedLayer(patch);
  const auto side = static_cast<float>(patch);
  const std::vector<int> columns = beginnings(width, patch, step);
  for (int top : beginnings(height, patch, step))
    for (int left : columns) {
      const auto x = static_cast<float>(left + centre), y = static_cast<float>(top + centre);
      into.keypoints.emplace_back(x, y, side / 6, 0.0f, 0.0f, layer);
      into.supports.push_back({x + 0.5f, y + 0.5f, side / 2});
    }
}

bool stronger(const cv::KeyPoint& a, const cv::KeyPoint& b) {
  const auto key = [](const cv::KeyPoint& k) { return std::tuple(-k.response, k.pt.y, k.pt.x, k.size, k.angle); };
  return key(a) < key(b);
}

Places detected(const cv::Mat& picture, int most) {
  Places result;
  cv::SIFT::create()->detect(picture, result.keypoints);
  std::sort(result.keypoints.begin(), result.keypoints.end(), stronger);
  if (result.keypoints.size() > static_cast<std::size_t>(most)) result.keypoints.resize(static_cast<std::size_t>(most));
  for (const cv::KeyPoint& k : result.keypoints) result.supports.push_back({k.pt.x + 0.5f, k.pt.y + 0.5f, 3 * k.size});
  return result;
}

Places placesIn(const cv::Mat& rgb, const FeatureSettings& settings) {
  if (settings.places == FeatureSettings::Places::Keypoints) return detected(grey(rgb), settings.keypoints);
  Places result;
  for (int patch : settings.patches) addGrid(rgb.rows, rgb.cols, patch, settings.step, result);
  return result;
}

void makeRoot(std::span<float> descriptor) {
  float sum = 0;  // exact: SIFT's values are whole numbers up to 255
  for (float v : descriptor) sum += v;
  if (sum == 0) return;
  for (float& v : descriptor) v = std::sqrt(v / sum);
}

// The descriptors of one channel, at `offset` of each feature's. One call, so that the scale space is built once.
void describe(const cv::Mat& channel, const Places& places, std::size_t offset, LocalFeatures& into) {
  std::vector<cv::KeyPoint> keypoints = places.keypoints;
  cv::Mat found;
  cv::SIFT::create()->compute(channel, keypoints, found);
  for (std::size_t l = 0; l < into.count(); ++l)
    std::copy_n(found.ptr<float>(static_cast<int>(l)), kSiftLength,
                into.descriptors.data() + l * static_cast<std::size_t>(into.length) + offset);
}

constexpr const char* kSmallerSize = "use a smaller size, or raise the limit of memory";

// What OpenCV's scale spaces and trees take, as measured; it does not always look at what it gets.
void requireRoomFor(const cv::Mat& rgb, FeatureSettings::Places places) {
  std::int64_t bytesOfPixel = 200;
  switch (places) {
    case FeatureSettings::Places::Grid:
      break;
    case FeatureSettings::Places::Keypoints:  // in a picture of twice the size
      bytesOfPixel = 500;
      break;
    case FeatureSettings::Places::Regions:
      bytesOfPixel = 160;
      break;
  }
  requireMemory(bytesOfPixel * rgb.rows * rgb.cols, "local features", kSmallerSize);
}

LocalFeatures ofPatches(const cv::Mat& rgb, const FeatureSettings& settings, const Again& again) {
  Places places = placesIn(rgb, settings);
  LocalFeatures result;
  result.length = descriptorLength(settings);
  result.supports = std::move(places.supports);
  for (const Support& support : result.supports) result.covers.push_back({areaOf(support, rgb.rows, rgb.cols)});
  if (result.supports.empty()) return result;
  // OpenCV's and ours.
  requireMemory(static_cast<std::int64_t>(2 * sizeof(float) * result.count()) * result.length, "local features",
                kSmallerSize);
  result.descriptors.resize(result.count() * static_cast<std::size_t>(result.length));
  std::size_t offset = 0;
  for (const cv::Mat& channel : channels(rgb, settings.colour)) {
    goOn(again);
    describe(channel, places, offset, result);
    offset += kSiftLength;
  }
  return result;
}

LocalFeatures featuresIn(const cv::Mat& rgb, const FeatureSettings& settings, const Again& again) {
  return settings.places == FeatureSettings::Places::Regions
             ? regionFeatures(channels(rgb, settings.colour), settings.keypoints, again)
             : ofPatches(rgb, settings, again);
}

// Where OpenCV's threads are TBB's, that throws when the system starts no more. OpenCV then works in the thread that
// calls it, from now on and in the whole process: the next attempt would fail as well.
LocalFeatures featuresWithFewerThreads(const cv::Mat& rgb, const FeatureSettings& settings, const Again& again) {
  try {
    return featuresIn(rgb, settings, again);
  } catch (const std::runtime_error&) {
    cv::setNumThreads(0);
  }
  return featuresIn(rgb, settings, again);
}

}  // namespace

Area areaOf(const Support& support, int height, int width) {
  const auto firstBehind = [](double edge, int end) {
    return static_cast<int>(std::clamp(std::ceil(edge - 0.5), 0.0, static_cast<double>(end)));
  };
  const double x = support.x, y = support.y, r = support.radius;
  return {firstBehind(x - r, width), firstBehind(y - r, height), firstBehind(x + r, width), firstBehind(y + r, height)};
}

std::int64_t pixelsOf(const Cover& cover) {
  std::int64_t pixels = 0;
  for (const Area& area : cover) pixels += area.pixels();
  return pixels;
}

std::int64_t descriptorLength(const FeatureSettings& settings) {
  const bool one =
      settings.colour == FeatureSettings::Colour::Grey || settings.places == FeatureSettings::Places::Regions;
  return one ? kSiftLength : 3 * kSiftLength;
}

LocalFeatures localFeatures(const float* picture, int height, int width, const FeatureSettings& settings,
                            const Again& again) try {
  const cv::Mat rgb = colours(picture, height, width);
  requireRoomFor(rgb, settings.places);
  LocalFeatures result = featuresWithFewerThreads(rgb, settings, again);
  for (std::size_t at = 0; settings.root && at < result.descriptors.size(); at += kSiftLength)
    makeRoot({result.descriptors.data() + at, kSiftLength});
  return result;
} catch (const cv::Exception& e) {  // OpenCV has a type of its own for a lack of memory too
  const bool memory = e.code == cv::Error::StsNoMem;
  throw Error(memory ? ErrorCode::OutOfMemory : ErrorCode::Internal, "local features", e.err,
              memory ? fmt::format("memory for a picture of {}×{} pixels", width, height) : "",
              memory ? "use a smaller size" : "");
}

}  // namespace relprop::bow
