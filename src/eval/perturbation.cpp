// What the network says while parts of the picture are replaced in the order of their relevance.
//   region-perturbation    AOPC = (1/(L + 1)) Σ_{k=0…L} (f(x⁰) − f(xᵏ)), xᵏ with k regions replaced.  [Samek 2017]
//   negative-perturbation  pixels of the lowest relevance first, set to zero.                [Nam 2020], figure 7
#include <algorithm>

#include "core/superpixels.h"
#include "eval/metric_list.h"
#include "eval/ranking.h"
#include "eval/sequence.h"
#include "eval/statistics.h"
#include "eval/substitutes.h"

namespace relprop::eval {
namespace {

constexpr int kMostSteps = 1000000;

Curve curveOf(const std::string& name, const std::string& abscissa, const std::vector<std::size_t>& replaced) {
  return {name, abscissa, {replaced.begin(), replaced.end()}, {}};
}

std::vector<std::size_t> countUpTo(std::size_t last) {
  return evenEnds(last, 1, last);
}

// ---- region-perturbation

struct RegionOptions {
  bool leastFirst = false, probability = false;
  int side = 9;
  std::size_t steps = 100;
  std::string fill;
};

std::vector<float> sumsOf(const Plane& map, const Regions& regions) {
  std::vector<float> sums;
  for (const std::vector<std::uint32_t>& region : regions) {
    double sum = 0;
    for (const std::uint32_t pixel : region) sum += map.values[pixel];
    sums.push_back(static_cast<float>(sum));
  }
  return sums;
}

std::vector<float> replacementOf(const Case& c, const std::string& fill) {
  if (fill == "uniform") return uniformPicture(c, "region-perturbation");
  return fill == "mean" ? meanPicture(c) : blurredPicture(c);
}

Sequence regionSequence(const Case& c, const RegionOptions& options) {
  const Regions regions = gridRegions(c.map.height, c.map.width, options.side);
  const std::vector<float> sums = sumsOf(c.map, regions);
  Sequence s{originalPicture(c), replacementOf(c, options.fill), {}, {0}};
  for (const std::uint32_t region : options.leastFirst ? increasingOrder(sums) : decreasingOrder(sums)) {
    s.order.insert(s.order.end(), regions[region].begin(), regions[region].end());
    if (s.ends.size() <= options.steps) s.ends.push_back(s.order.size());
  }
  return s;
}

Measured measureRegions(const Case& c, const RegionOptions& options) {
  const std::vector<Answer> answers = answersTo(c, {regionSequence(c, options)})[0];
  Curve curve = curveOf("score", "regions replaced", countUpTo(answers.size() - 1));
  for (const Answer& a : answers) curve.y.push_back(options.probability ? a.probability : a.logit);
  return {{{"aopc", curve.y.front() - meanOf(curve.y).mean}}, {curve}, {}};
}

// ---- negative-perturbation

Measured measureNegative(const Case& c, std::size_t step, std::size_t steps) {
  const std::vector<std::size_t> ends = evenEnds(c.map.count(), step, steps);
  const Sequence sequence{originalPicture(c), zeroPicture(c), increasingOrder(c.map.values), ends};
  Curve accuracy = curveOf("accuracy", "pixels set to zero", ends);
  Curve probability = curveOf("probability", "pixels set to zero", ends);
  const std::vector<Answer> answers = answersTo(c, {sequence})[0];
  for (const Answer& a : answers) {
    accuracy.y.push_back(a.correct ? 1 : 0);
    probability.y.push_back(a.probability);
  }
  return {{{"accuracy", meanOf(accuracy.y).mean}, {"probability", meanOf(probability.y).mean}},
          {accuracy, probability},
          {}};
}

}  // namespace

// f is the score before softmax unless the protocol says otherwise.
Protocol regionPerturbation(Parameters& p) {
  RegionOptions options;
  options.leastFirst = p.word("order", "morf", {"morf", "lerf"}) == "lerf";
  options.side = p.whole("region", 9, 1, 10000);
  options.steps = static_cast<std::size_t>(p.whole("steps", 100, 1, kMostSteps));
  options.fill = p.word("fill", "uniform", {"uniform", "mean", "blur"});
  options.probability = p.word("output", "logit", {"logit", "probability"}) == "probability";
  Protocol protocol;
  protocol.scores = {{"aopc", "mean fall of the target's score below that of the whole picture",
                      options.leastFirst ? Better::Lower : Better::Higher}};
  protocol.probability = options.probability;
  protocol.measure = [options](const Case& c) { return measureRegions(c, options); };
  return protocol;
}

Protocol negativePerturbation(Parameters& p) {
  const auto step = static_cast<std::size_t>(p.whole("step", 100, 1, 10000000));
  const auto steps = static_cast<std::size_t>(p.whole("steps", 40, 1, kMostSteps));
  Protocol protocol;
  protocol.scores = {{"accuracy", "share of steps at which the target is the highest class", Better::Higher},
                     {"probability", "mean probability of the target", Better::Higher}};
  protocol.probability = true;
  protocol.measure = [=](const Case& c) { return measureNegative(c, step, steps); };
  return protocol;
}

}  // namespace relprop::eval
