// The thresholded map as a segmentation: pixels with H⁺ above the threshold are object, all others background.
// Void pixels of the truth are not compared.
#include <algorithm>
#include <cmath>

#include "core/number.h"
#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/ranking.h"
#include "eval/region.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

// How prediction and truth meet. Neither side of the truth is empty.
struct Confusion {
  double hits = 0, falseAlarms = 0, inside = 0, outside = 0;

  double accuracy() const { return (hits + outside - falseAlarms) / (inside + outside); }
  double objectIou() const { return hits / (inside + falseAlarms); }
  double backgroundIou() const { return (outside - falseAlarms) / (outside + inside - hits); }
  double meanIou() const { return 0.5 * (objectIou() + backgroundIou()); }
  void add(bool object) { ++(object ? hits : falseAlarms); }
};

using Quality = double (Confusion::*)() const;

Confusion nothingPredicted(const Region& region) {
  return {0, 0, static_cast<double>(region.inside), static_cast<double>(region.outside)};
}

// H⁺ in units of `unit`. A share of the maximum is compared with the share that a pixel has: their product may be
// rounded to below a pixel of just that share.
Confusion above(double threshold, const Plane& map, const Region& region, double unit = 1) {
  Confusion c = nothingPredicted(region);
  for (std::size_t i = 0; i < map.count(); ++i)
    if (!region.leavesOut(i) && positivePart(map.values[i]) / unit > threshold) c.add(region.has(i));
  return c;
}

// The best of all thresholds: pixels join the prediction by decreasing H⁺, equal ones together.
Confusion best(Quality quality, const Plane& map, const Region& region) {
  std::vector<float> positive;
  for (const float h : map.values) positive.push_back(std::max(h, 0.0f));
  const std::vector<std::uint32_t> order = decreasingOrder(positive);
  Confusion c = nothingPredicted(region), found = c;
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (!region.leavesOut(order[k])) c.add(region.has(order[k]));
    const bool whole = k + 1 == order.size() || positive[order[k + 1]] != positive[order[k]];
    if (whole && (c.*quality)() > (found.*quality)()) found = c;
  }
  return found;
}

double meanOfPositive(const Plane& map) {
  double sum = 0;
  for (const float h : map.values) sum += positivePart(h);
  return sum / static_cast<double>(map.count());
}

double maximumOf(const Plane& map) {
  return *std::max_element(map.values.begin(), map.values.end());
}

// [Otsu 1979]: both sides of the threshold t are as far apart as can be, n_below · n_above · (mean_above −
// mean_below)², over all values and not a histogram of them; the lowest of several. Nothing lies above the value of a
// constant map.
double otsuOf(const Plane& map) {
  constexpr double kRounding = 1e-12;  // by which equal ones may differ
  std::vector<double> sorted;
  for (const float h : map.values) sorted.push_back(positivePart(h));
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<double>(sorted.size());
  double total = 0, below = 0, highest = 0, threshold = sorted.back();
  for (const double h : sorted) total += h;
  for (std::size_t k = 0; k + 1 < sorted.size(); ++k) {
    below += sorted[k];
    if (sorted[k + 1] == sorted[k]) continue;
    const double n = static_cast<double>(k) + 1, apart = (total - below) / (count - n) - below / n;
    const double between = n * (count - n) * apart * apart;
    if (between > highest * (1 + kRounding)) highest = between, threshold = sorted[k];
  }
  return threshold;
}

struct Threshold {
  enum class Kind { Mean, Otsu, Fixed, Best } kind = Kind::Mean;
  double share = 0;  // Fixed: of the maximum
};

Threshold thresholdParameter(Parameters& p, const std::string& metric) {
  const std::string text = p.text("threshold", "mean", "mean, otsu, best, or a share of the maximum from 0 to below 1");
  if (text == "mean") return {};
  if (text == "otsu") return {Threshold::Kind::Otsu};
  if (text == "best") return {Threshold::Kind::Best};
  const std::optional<double> share = numberIn<double>(text);
  if (!share || !(*share >= 0 && *share < 1))
    throw Error(ErrorCode::InvalidMetricParameter, "metric " + metric + ", threshold", "'" + text + "'",
                "mean, otsu, best, or a number from 0 to below 1");
  p.spell("threshold", *share);
  return {Threshold::Kind::Fixed, *share};
}

Confusion confusion(const Threshold& threshold, Quality quality, const Plane& map, const Region& region) {
  switch (threshold.kind) {
    case Threshold::Kind::Mean:
      return above(meanOfPositive(map), map, region);
    case Threshold::Kind::Otsu:
      return above(otsuOf(map), map, region);
    case Threshold::Kind::Fixed:
      return above(threshold.share, map, region, maximumOf(map));
    case Threshold::Kind::Best:
      break;
  }
  return best(quality, map, region);
}

using Scores = std::vector<NamedScore> (*)(const Confusion&);

Protocol segmentation(Threshold threshold, Quality quality, Scores scores) {
  Protocol protocol;
  protocol.region = Protocol::Region::Mask;
  protocol.measure = [=](const Case& c) {
    return onRegion(c, Protocol::Region::Mask, Whole::Skipped, [=](const Plane& map, const Region& region) {
      if (!hasPositive(map)) return Measured::skip(kNoPositive);
      return Measured{scores(confusion(threshold, quality, map, region)), {}, {}};
    });
  };
  return protocol;
}

}  // namespace

Protocol pixelAccuracy(Parameters& p) {
  Protocol protocol =
      segmentation(thresholdParameter(p, "pixel-accuracy"), &Confusion::accuracy, [](const Confusion& c) {
        return std::vector<NamedScore>{{"accuracy", c.accuracy()}};
      });
  protocol.scores = {{"accuracy", "share of pixels on the right side", Better::Higher}};
  return protocol;
}

Protocol meanIou(Parameters& p) {
  Protocol protocol = segmentation(thresholdParameter(p, "miou"), &Confusion::meanIou, [](const Confusion& c) {
    return std::vector<NamedScore>{{"miou", c.meanIou()}, {"object", c.objectIou()}, {"background", c.backgroundIou()}};
  });
  protocol.scores = {{"miou", "mean IOU of object and background", Better::Higher},
                     {"object", "IOU of the object", Better::Higher},
                     {"background", "IOU of the background", Better::Higher}};
  return protocol;
}

}  // namespace relprop::eval
