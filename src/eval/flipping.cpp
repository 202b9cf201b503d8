// Parts of the picture are taken out in both orders, those of the highest relevance first (morf) and those of the
// lowest first (lerf): a map that knows what matters keeps the score up in the one and brings it down in the other.
//   srg   f after k of n regions, area = (f_0/2 + f_1 + … + f_{n−1} + f_n/2)/n;
//         srg = area(lerf) − area(morf)                                              [SRG] Blücher et al. 2024, eq. 5
//   road  f once a share q of the pixels is imputed, mean over q;
//         road = mean(lerf) − mean(morf)                                               [ROAD] Rong et al. 2022
// Of a map that orders by chance both are about 0.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "core/superpixels.h"
#include "eval/imputation.h"
#include "eval/metric_list.h"
#include "eval/random.h"
#include "eval/ranking.h"
#include "eval/statistics.h"
#include "eval/substitutes.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

using Pixels = std::span<const std::uint32_t>;
using Removal = std::function<std::vector<float>(Pixels removed)>;  // the picture without them

// What takes a picture's pixels out.
Removal replacing(const Case& c, std::vector<float> by) {
  return [&c, by = std::move(by)](Pixels removed) {
    std::vector<float> picture = originalPicture(c);
    for (std::size_t channel = 0; channel < picture.size(); channel += c.map.count())
      for (const std::uint32_t pixel : removed) picture[channel + pixel] = by[channel + pixel];
    return picture;
  };
}

// Noise of its own for every pixel, the same in all pictures of a case.
Removal imputing(const Case& c, double noise, const char* use) {
  std::vector<float> deviations(static_cast<std::size_t>(elementCount(c.inputShape)));
  Random random(c.seedOf(use));
  for (float& d : deviations) d = static_cast<float>(noise * random.normal());
  return [&c, deviations = std::move(deviations)](Pixels removed) {
    std::vector<float> picture = linearImputation(originalPicture(c), c.inputShape, removed);
    for (std::size_t channel = 0; channel < picture.size(); channel += c.map.count())
      for (const std::uint32_t pixel : removed) picture[channel + pixel] += deviations[channel + pixel];
    return picture;
  };
}

// Pixels in the order they go, and how many are gone in each picture.
struct Flips {
  std::vector<std::uint32_t> order;
  std::vector<std::size_t> ends;
};

using Output = double Answer::*;

// The network's answers to both orders in one forward pass: lerf, then morf.
std::array<std::vector<double>, 2> answersToBoth(const Case& c, const std::array<Flips, 2>& both,
                                                 const Removal& without, Output output) {
  std::array<std::vector<double>, 2> answers;
  const auto count = static_cast<std::int64_t>(both[0].ends.size());
  const auto fill = [&](std::int64_t k, float* input) {
    const Flips& flips = both[static_cast<std::size_t>(k / count)];
    const std::size_t end = flips.ends[static_cast<std::size_t>(k % count)];
    const std::vector<float> picture = without(Pixels(flips.order).first(end));
    std::copy(picture.begin(), picture.end(), input);
  };
  c.forward(2 * count, fill, [&](std::int64_t k, const float* scores) {
    answers[static_cast<std::size_t>(k / count)].push_back(c.answer(scores).*output);
  });
  return answers;
}

std::array<Curve, 2> curvesOf(std::array<std::vector<double>, 2> answers, const char* abscissa,
                              const std::vector<double>& x) {
  return {Curve{"lerf", abscissa, x, std::move(answers[0])}, Curve{"morf", abscissa, x, std::move(answers[1])}};
}

std::vector<ScoreInfo> scoresCalled(const char* name) {
  return {{name, "lerf − morf", Better::Higher},
          {"lerf", "the target's score while what is least relevant is taken out", Better::Higher},
          {"morf", "the target's score while what is most relevant is taken out", Better::Lower}};
}

Measured both(const char* name, double lerf, double morf, std::array<Curve, 2> curves) {
  return {{{name, lerf - morf}, {"lerf", lerf}, {"morf", morf}}, {curves[0], curves[1]}, {}};
}

Output chosenOutput(Parameters& p) {
  const bool probability = p.word("output", "probability", {"probability", "logit"}) == "probability";
  return probability ? &Answer::probability : &Answer::logit;
}

double noiseParameter(Parameters& p, const char* metric) {
  const float noise = p.number("noise", 0.01f);
  if (!(noise >= 0 && noise <= 10))
    throw Error(ErrorCode::InvalidMetricParameter, fmt::format("metric {}, noise", metric), fmt::format("{}", noise),
                "a number from 0 to 10");
  return noise;
}

// ---- srg

struct RegionGain {
  std::string regions, fill;
  int count = 0, side = 0;
  double noise = 0;
  Output output = nullptr;

  Measured operator()(const Case& c) const;
  Removal removal(const Case& c) const;
  Flips flips(const Regions& all, const std::vector<std::uint32_t>& order) const;
};

Removal RegionGain::removal(const Case& c) const {
  if (fill == "linear") return imputing(c, noise, "srg");
  if (fill == "mean") return replacing(c, meanPicture(c));
  return replacing(c, fill == "blur" ? blurredPicture(c) : zeroPicture(c));
}

Flips RegionGain::flips(const Regions& all, const std::vector<std::uint32_t>& order) const {
  Flips flips{{}, {0}};
  for (const std::uint32_t region : order) {
    flips.order.insert(flips.order.end(), all[region].begin(), all[region].end());
    flips.ends.push_back(flips.order.size());
  }
  return flips;
}

// Regions differ in size, so the mean of their relevance orders them.
std::vector<float> meansOf(const Plane& map, const Regions& regions) {
  std::vector<float> means;
  for (const std::vector<std::uint32_t>& region : regions) {
    double sum = 0;
    for (const std::uint32_t pixel : region) sum += map.values[pixel];
    means.push_back(static_cast<float>(sum / static_cast<double>(region.size())));
  }
  return means;
}

Measured RegionGain::operator()(const Case& c) const {
  const Image& view = *c.view;
  const Regions all = regions == "slic" ? superpixels(view.pixels, view.height, view.width, count)
                                        : gridRegions(c.map.height, c.map.width, side);
  if (all.size() < 2) return Measured::skip("the picture is one region");
  const std::vector<float> means = meansOf(c.map, all);
  const std::array<Flips, 2> orders = {flips(all, increasingOrder(means)), flips(all, decreasingOrder(means))};
  std::vector<double> x;
  for (std::size_t k = 0; k <= all.size(); ++k) x.push_back(static_cast<double>(k) / static_cast<double>(all.size()));
  auto curves = curvesOf(answersToBoth(c, orders, removal(c), output), "share of regions", x);
  const double lerf = meanHeight(curves[0].y), morf = meanHeight(curves[1].y);
  return both("srg", lerf, morf, std::move(curves));
}

// ---- road

Measured measureRoad(const Case& c, int steps, double noise, Output output) {
  std::array<Flips, 2> orders = {Flips{increasingOrder(c.map.values), {}}, Flips{decreasingOrder(c.map.values), {}}};
  std::vector<double> x;
  for (int k = 1; k <= steps; ++k) {
    x.push_back(static_cast<double>(k) / (steps + 1));
    for (Flips& flips : orders)
      flips.ends.push_back(c.map.count() * static_cast<std::size_t>(k) / static_cast<std::size_t>(steps + 1));
  }
  auto curves = curvesOf(answersToBoth(c, orders, imputing(c, noise, "road"), output), "share of pixels", x);
  const double lerf = meanOf(curves[0].y).mean, morf = meanOf(curves[1].y).mean;
  return both("road", lerf, morf, std::move(curves));
}

}  // namespace

Protocol symmetricRelevanceGain(Parameters& p) {
  RegionGain gain;
  gain.regions = p.word("regions", "slic", {"slic", "grid"});
  if (gain.regions == "slic")
    gain.count = p.whole("count", 25, 2, 10000);
  else
    gain.side = p.whole("side", 16, 1, 10000);
  gain.fill = p.word("fill", "constant", {"constant", "mean", "blur", "linear"});
  if (gain.fill == "linear") gain.noise = noiseParameter(p, "srg");
  gain.output = chosenOutput(p);
  Protocol protocol;
  protocol.scores = scoresCalled("srg");
  protocol.probability = gain.output == &Answer::probability;
  protocol.measure = gain;
  return protocol;
}

Protocol removeAndDebias(Parameters& p) {
  const int steps = p.whole("steps", 9, 1, 1000);
  const double noise = noiseParameter(p, "road");
  const Output output = chosenOutput(p);
  Protocol protocol;
  protocol.scores = scoresCalled("road");
  protocol.probability = output == &Answer::probability;
  protocol.measure = [=](const Case& c) { return measureRoad(c, steps, noise, output); };
  return protocol;
}

}  // namespace relprop::eval
