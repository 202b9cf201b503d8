// relprop_bag [PHOTO...] [--rounds R]
// What a bag of 512 visual words costs a picture, part by part, in milliseconds and over the time of OpenCV's own SIFT
// for the same keypoints, measured in turn in one process. Without photos: noise of 375×500 pixels.
#include "bow/bag.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/features2d.hpp>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "measure.h"

namespace relprop::bench {
namespace {

using namespace relprop::bow;

struct Picture {
  int height = 375, width = 500;
  std::vector<float> values;
};

Picture ofNoise() {
  Picture p;
  unsigned state = 1;
  p.values.resize(static_cast<std::size_t>(3 * p.height * p.width));
  for (float& v : p.values) v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 24);
  return p;
}

Picture ofPhoto(const std::string& path) {
  const Image image = readImage(path);
  Picture p{static_cast<int>(image.height), static_cast<int>(image.width), {}};
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = c; i < image.pixels.size(); i += 3) p.values.push_back(image.pixels[i]);
  return p;
}

LocalFeatures featuresOf(const Picture& p, const FeatureSettings& settings) {
  return localFeatures(p.values.data(), p.height, p.width, settings);
}

// Words of the picture itself, 20 classes, 200 histograms that are only there to be compared with.
Bag bagFor(const Picture& picture, FeatureSettings::Colour colour) {
  Bag bag;
  bag.features.colour = colour;
  bag.pooling.tiles = {{1, 1}, {2, 2}, {3, 1}};
  const LocalFeatures features = featuresOf(picture, bag.features);
  bag.vocabulary = cluster(features.descriptors, features.length, {.words = 512, .restarts = 1, .iterations = 2});
  Machine& m = bag.machine;
  m.kernels = {{KernelKind::Intersection}};
  m.dimensions = dimensions(512, bag.pooling);
  m.histograms.assign(static_cast<std::size_t>(200 * m.dimensions), 1.0 / static_cast<double>(m.dimensions));
  m.coefficients.assign(20, std::vector<double>(200, 0.01));
  m.bias.assign(20, 0);
  return bag;
}

// The channels as OpenCV takes them, and the keypoints that the features of a grid are of.
struct Reference {
  std::vector<cv::Mat> channels;
  std::vector<cv::KeyPoint> keypoints;

  Reference(const Picture& p, const LocalFeatures& features) {
    for (std::int64_t c = 0; c < features.length / 128; ++c) {
      cv::Mat plane(p.height, p.width, CV_32F, const_cast<float*>(p.values.data() + c * p.height * p.width));
      plane.convertTo(channels.emplace_back(), CV_8U);
    }
    for (const Support& s : features.supports) {
      const int third = std::max(0, static_cast<int>(std::lround(3 * std::log2(s.radius / (6 * 1.6)))));
      keypoints.emplace_back(s.x - 0.5f, s.y - 0.5f, s.radius / 3, 0.0f, 0.0f, third / 3 | third % 3 << 8);
    }
  }
  void run() {
    cv::Mat descriptors;
    for (const cv::Mat& channel : channels) cv::SIFT::create()->compute(channel, keypoints, descriptors);
  }
};

class Parts {
 public:
  template <class Call>
  void time(const std::string& name, Call call) {
    const double seconds = secondsOf(call);
    for (auto& [known, times] : all_)
      if (known == name) return times.push_back(seconds);
    all_.emplace_back(name, std::vector{seconds});
  }
  // The first is what the others are compared with.
  void print() const {
    for (const auto& [name, times] : all_)
      fmt::print("  {:28} {:8.2f} ms {:7.3f} ×\n", name, median(times) * 1e3, median(times) / median(all_[0].second));
  }

 private:
  std::vector<std::pair<std::string, std::vector<double>>> all_;
};

void measure(const Picture& p, FeatureSettings::Colour colour, int rounds) {
  const Bag bag = bagFor(p, colour);
  const LocalFeatures features = featuresOf(p, bag.features);
  Reference reference(p, features);
  const Seen seen = look(bag, p.values.data(), p.height, p.width);
  const Pooled pooled{seen.supports, seen.mapped, p.height, p.width, bag.vocabulary.words()};
  const std::vector<double>& dims = seen.histogram.values;
  const std::vector<double> relevance = featureRelevance(dims, pooled, bag.pooling);
  Parts parts;
  for (int r = 0; r < rounds; ++r) {
    parts.time("OpenCV's SIFT", [&] { reference.run(); });
    parts.time("features", [&] { featuresOf(p, bag.features); });
    parts.time("words", [&] { mapWords(features, bag.vocabulary, bag.mapping); });
    parts.time("histogram", [&] { pool(pooled, bag.pooling); });
    parts.time("scores", [&] { scores(bag.machine, dims); });
    parts.time("look: all of these", [&] { look(bag, p.values.data(), p.height, p.width); });
    parts.time("relevance of features", [&] { featureRelevance(dims, pooled, bag.pooling); });
    parts.time("relevance of pixels", [&] { pixelRelevance(relevance, seen.covers, p.height, p.width); });
  }
  fmt::print("{}×{} pixels, {} features of {} numbers\n", p.height, p.width, features.count(), features.length);
  parts.print();
}

void run(const Picture& picture, int rounds) {
  measure(picture, FeatureSettings::Colour::Grey, rounds);
  measure(picture, FeatureSettings::Colour::Opponent, rounds);
}

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  using namespace relprop::bench;
  const Arguments a = parse(argc, argv, {});
  if (a.models.empty()) return run(ofNoise(), a.rounds), 0;
  return runEach(a, "relprop_bag", "[--rounds R]",
                 [](const std::string& photo, const Arguments& all) { run(ofPhoto(photo), all.rounds); });
}
