// What is promised of attributions as such.
//   completeness  |Σ R − (f(x) − f(x'))| / |f(x) − f(x')|, x' a picture without anything     [Sundararajan 2017], axiom
//   robustness    max over y of ‖H(y) − H(x)‖ / ‖H(x)‖, every value of y within `radius` times its channel's range of
//                 x's, drawn evenly                                                   [Yeh 2019], definition 2.3
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/random.h"
#include "eval/sequence.h"
#include "eval/statistics.h"
#include "eval/substitutes.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

Measured measureCompleteness(const Case& c, bool black) {
  const auto [whole, without] = answersBesides(c, black ? blackPicture(c) : zeroPicture(c));
  const double change = whole.logit - without.logit;
  if (change == 0) return Measured::skip("the baseline has the picture's score");
  const double sum = std::accumulate(c.relevance.begin(), c.relevance.end(), 0.0);  // of the map as it is judged
  return {{{"gap", std::abs(sum - change) / std::abs(change)}}, {}, {}};
}

void moveWithin(const Case& c, double radius, Random& random, float* input) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(elementCount(c.inputShape)); ++i) {
    const std::size_t channel = i / c.map.count();
    const double reach = radius * (static_cast<double>(c.high.at(channel)) - c.low.at(channel));
    input[i] = static_cast<float>(c.input[i] + reach * (2 * random.uniform() - 1));
  }
}

Measured measureRobustness(const Case& c, int samples, double radius) {
  if (isZero(c.map)) return Measured::skip(kZeroMap);
  const std::vector<Plane> maps = c.explain(samples, [&](std::int64_t k, float* input) {
    Random random(c.seedOf(fmt::format("robustness {}", k)));
    moveWithin(c, radius, random, input);
  });
  std::vector<double> changes;
  for (const Plane& map : maps)
    changes.push_back(distance(map.values.data(), c.map.values.data(), c.map.count()) / norm(c.map));
  return {{{"largest", *std::max_element(changes.begin(), changes.end())}, {"mean", meanOf(changes).mean}}, {}, {}};
}

}  // namespace

Protocol completeness(Parameters& p) {
  const bool black = p.word("baseline", "zero", {"zero", "black"}) == "black";
  Protocol protocol;
  protocol.scores = {
      {"gap", "what relevance lacks of the score's change from the baseline, as a share", Better::Lower}};
  protocol.measure = [black](const Case& c) { return measureCompleteness(c, black); };
  return protocol;
}

Protocol robustness(Parameters& p) {
  const int samples = p.whole("samples", 10, 1, 10000);
  const float radius = p.number("radius", 0.02f);
  if (!(radius > 0 && radius <= 1))
    throw Error(ErrorCode::InvalidMetricParameter, "metric robustness, radius", fmt::format("{}", radius),
                "a number above 0, at most 1");
  Protocol protocol;
  protocol.scores = {{"largest", "largest change of the map, as a share of it", Better::Lower},
                     {"mean", "mean change of the map, as a share of it", Better::Lower}};
  protocol.measure = [=](const Case& c) { return measureRobustness(c, samples, radius); };
  return protocol;
}

}  // namespace relprop::eval
