// Guided integrated gradients: from the baseline x′ to x, at each step moving first what has the least gradient, so
// that the way avoids what the network is confused by. Σ over moves (x_new − x_old) ⊙ ∇f.  Kapishnikov et al., CVPR
// 2021, algorithm 1 After step k of K the distance Σ|x − x_k| is 1 − k/K of what it was. In a step the `fraction` of
// elements with the smallest |∇f| moves as far as the anchor allows, then the next fraction, until the distance is
// reached; the last ones move in part. Anchor: x_k stays between the straight way's points at k/K − anchor and k/K +
// anchor; anchor = 1 leaves it free.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "explain/procedures/path.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Values = std::vector<double>;

constexpr double kArrived = 1e-9;  // of the whole distance

double distanceOf(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum;
}

// One way from base to end, and what has been gathered on it.
struct Way {
  Values base, end, at, map;

  Way(const std::vector<float>& from, const float* to)
      : base(from.begin(), from.end()), end(to, to + from.size()), at(base), map(from.size()) {}

  double straight(std::size_t i, double alpha) const { return base[i] + alpha * (end[i] - base[i]); }
  void move(std::size_t i, double to, double gradient) {
    map[i] += (to - at[i]) * gradient;
    at[i] = to;
  }
};

class GuidedPath : public Procedure {
 public:
  GuidedPath(int steps, double fraction, double anchor) : steps_(steps), fraction_(fraction), anchor_(anchor) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const std::vector<float> base = session.baseline(subject.input), baseScores = session.probe(base);
    std::vector<Attribution> out;
    for (std::size_t q = 0; q < subject.questions.size(); ++q) {
      Way way(base, subject.input);
      for (int k = 1; k <= steps_; ++k) step(way, gradientAt(session, subject, q, way.at), k);
      Facts facts = completeness(session, subject, subject.questions[q], way.map, baseScores);
      out.push_back({session.imageShape(), std::move(way.map), std::move(facts)});
    }
    return out;
  }

 private:
  // The way depends on the question, so each has walks of its own.
  static Values gradientAt(Session& session, const Subject& subject, std::size_t q, const Values& x) {
    Values gradient;
    const auto fill = [&](std::int64_t, float* to) {
      std::transform(x.begin(), x.end(), to, [](double v) { return static_cast<float>(v); });
    };
    session.walk(1, subject.questions, fill, [&](std::int64_t, const Session::Row& row) {
      const float* r = row.relevance(static_cast<std::int64_t>(q));
      gradient.assign(r, r + x.size());
    });
    return gradient;
  }

  void step(Way& way, const Values& gradient, int k) const {
    const double alpha = static_cast<double>(k) / steps_, whole = distanceOf(way.base, way.end);
    const double least = std::max(alpha - anchor_, 0.0), most = std::min(alpha + anchor_, 1.0);
    for (std::size_t i = 0; i < way.at.size(); ++i)  // what lags behind the anchor
      if (std::abs(way.at[i] - way.base[i]) < least * std::abs(way.end[i] - way.base[i]))
        way.move(i, way.straight(i, least), gradient[i]);
    double left = distanceOf(way.at, way.end) - whole * (1 - alpha);
    while (left > kArrived * whole) {
      const std::vector<std::size_t> chosen = calmest(way, gradient, most);
      if (chosen.empty()) break;
      left -= advance(way, gradient, chosen, most, left);
    }
  }

  // The elements that can still move and whose |gradient| is within the lowest fraction of those.
  std::vector<std::size_t> calmest(const Way& way, const Values& gradient, double most) const {
    std::vector<std::size_t> movable;
    Values sizes;
    for (std::size_t i = 0; i < way.at.size(); ++i)
      if (way.at[i] != way.straight(i, most)) movable.push_back(i), sizes.push_back(std::abs(gradient[i]));
    if (movable.empty()) return {};
    const auto rank = static_cast<std::size_t>(fraction_ * static_cast<double>(sizes.size() - 1));
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(rank), sizes.end());
    const double threshold = sizes[rank];
    std::erase_if(movable, [&](std::size_t i) { return std::abs(gradient[i]) > threshold; });
    return movable;
  }

  // Moves them to the anchor's far end, or in part where that would be more than is left; says how far that was.
  static double advance(Way& way, const Values& gradient, const std::vector<std::size_t>& chosen, double most,
                        double left) {
    double reach = 0;
    for (const std::size_t i : chosen) reach += std::abs(way.straight(i, most) - way.at[i]);
    const double share = reach > left ? left / reach : 1;
    for (const std::size_t i : chosen) {
      const double to = way.straight(i, most);
      way.move(i, share < 1 ? way.at[i] + share * (to - way.at[i]) : to, gradient[i]);
    }
    return share * reach;
  }

  int steps_;
  double fraction_, anchor_;
};

double shareParameter(Parameters& p, const char* key, float fallback, bool alsoZero) {
  const float value = p.number(key, fallback);
  if (value <= 1 && (alsoZero ? value >= 0 : value > 0)) return value;
  throw Error(ErrorCode::InvalidMethodParameter, fmt::format("method guided-ig, {}", key), fmt::format("{}", value),
              alsoZero ? "a number from 0 to 1" : "a number above 0, at most 1");
}

}  // namespace

Method guidedIntegratedGradients(Parameters& p) {
  Method m = gradientOfScore();
  const int steps = p.whole("steps", 200, 1, 4096);
  const double fraction = shareParameter(p, "fraction", 0.25f, false),
               anchor = shareParameter(p, "anchor", 0.02f, true);
  m.baseline = baselineOf(p, "zero");
  m.procedure = std::make_shared<GuidedPath>(steps, fraction, anchor);
  return m;
}

}  // namespace relprop
