// Gradients along the straight way from a baseline x′ to the image x.
//   integrated-gradients  (x − x′) ⊙ ∫₀¹ ∇f(x′ + α(x − x′)) dα.  [IG] Sundararajan et al., ICML 2017, eq. 1
//   taylor                (x − x̃) ⊙ ∇f(x̃) at a root x̃.           [DTD] Montavon et al., 2017, section 3
//   blur-ig               Σ_k ½(∇f(x_k) + ∇f(x_{k+1})) ⊙ (x_{k+1} − x_k) over pictures that are blurred ever less, the
//   last one
//                         is x.                                   Xu et al., CVPR 2020, eq. 7, by the trapezoid rule
//   gradient-shap         mean of (x̂ − x′) ⊙ ∇f(x′ + α(x̂ − x′)) over noisy copies x̂ and random α.  Lundberg & Lee 2017
#include "explain/procedures/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "explain/procedures/blur.h"
#include "explain/procedures/cam.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

std::vector<PathPoint> trapezoid(int n) {
  if (n == 1) return {{0.5, 1}};
  std::vector<PathPoint> points;
  for (int k = 0; k < n; ++k)
    points.push_back({static_cast<double>(k) / (n - 1), (k == 0 || k == n - 1 ? 0.5 : 1.0) / (n - 1)});
  return points;
}

std::vector<PathPoint> rightRiemann(int n) {
  std::vector<PathPoint> points;
  for (int k = 1; k <= n; ++k) points.push_back({static_cast<double>(k) / n, 1.0 / n});
  return points;
}

class PathGradients : public Procedure {
 public:
  explicit PathGradients(std::vector<PathPoint> points) : points_(std::move(points)) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    return pathGradients(session, subject, session.baseline(subject.input), points_);
  }

 private:
  std::vector<PathPoint> points_;
};

class BlurPath : public Procedure {
 public:
  BlurPath(int steps, double sigma) : steps_(steps), sigma_(sigma) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const Shape& image = session.imageShape();
    planeOf(session);
    const auto n = static_cast<std::size_t>(session.imageFloats());
    std::vector<Attribution> out(subject.questions.size());
    for (Attribution& a : out) a = {image, std::vector<double>(n), {}};
    std::vector<std::vector<float>> pictures(static_cast<std::size_t>(steps_) + 1), before(out.size());
    const auto fill = [&](std::int64_t k, float* to) {
      std::vector<float>& picture = pictures[static_cast<std::size_t>(k)];
      picture = blurred(subject.input, image, sigmaOf(k));
      std::copy(picture.begin(), picture.end(), to);
    };
    session.walk(steps_ + 1, subject.questions, fill, [&](std::int64_t k, const Session::Row& row) {
      for (std::size_t c = 0; c < out.size(); ++c) {
        const float* g = row.relevance(static_cast<std::int64_t>(c));
        if (k > 0) addStep(pictures, static_cast<std::size_t>(k), before[c], g, out[c].map);
        before[c].assign(g, g + n);
      }
      if (k > 0) pictures[static_cast<std::size_t>(k) - 1] = {};
    });
    const std::vector<float> farthest = session.probe(blurred(subject.input, image, sigmaOf(0)));
    for (std::size_t c = 0; c < out.size(); ++c)
      out[c].facts = completeness(session, subject, subject.questions[c], out[c].map, farthest);
    return out;
  }

 private:
  double sigmaOf(std::int64_t k) const { return sigma_ * static_cast<double>(steps_ - k) / steps_; }

  static void addStep(const std::vector<std::vector<float>>& pictures, std::size_t k, const std::vector<float>& before,
                      const float* g, std::vector<double>& map) {
    for (std::size_t i = 0; i < map.size(); ++i)
      map[i] +=
          0.5 * (static_cast<double>(g[i]) + before[i]) * (static_cast<double>(pictures[k][i]) - pictures[k - 1][i]);
  }

  int steps_;
  double sigma_;
};

class GradientShap : public Procedure {
 public:
  GradientShap(int samples, float noise, unsigned seed) : samples_(samples), noise_(noise), seed_(seed) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const auto n = static_cast<std::size_t>(session.imageFloats());
    const std::vector<float> base = session.baseline(subject.input);
    return meanOverWays(session, subject, samples_, [&](std::int64_t k) {
      NoiseSource source(subject.input, n, noise_, seed_, k);
      RandomWay w{base, std::vector<float>(n), source.uniform()};
      source.fill(w.way.data());
      for (std::size_t i = 0; i < n; ++i) w.way[i] -= base[i];
      return w;
    });
  }

 private:
  int samples_;
  float noise_;
  unsigned seed_;
};

std::vector<PathPoint> pointsOf(const std::string& rule, int steps) {
  return rule == "gauss-legendre" ? gaussLegendre(steps) : rule == "trapezoid" ? trapezoid(steps) : rightRiemann(steps);
}

}  // namespace

Facts completeness(Session& session, const Subject& subject, const Question& q, const std::vector<double>& map,
                   const std::vector<float>& baselineScores) {
  double sum = 0;
  for (double v : map) sum += v;
  const double change =
      valueOf(q, session.scoreShape(), subject.scores) - valueOf(q, session.scoreShape(), baselineScores.data());
  return {{"f(x) - f(baseline)", change}, {"completeness gap", sum - change}};
}

std::vector<Attribution> meanOverWays(Session& session, const Subject& subject, int samples,
                                      const std::function<RandomWay(std::int64_t)>& wayOf) {
  const auto n = static_cast<std::size_t>(session.imageFloats());
  std::vector<Attribution> out(subject.questions.size());
  for (Attribution& a : out) a = {session.imageShape(), std::vector<double>(n), {}};
  std::vector<std::vector<float>> ways(static_cast<std::size_t>(samples));  // of samples under way
  const auto fill = [&](std::int64_t k, float* to) {
    RandomWay w = wayOf(k);
    for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<float>(w.from[i] + w.alpha * w.way[i]);
    ways[static_cast<std::size_t>(k)] = std::move(w.way);
  };
  session.walk(samples, subject.questions, fill, [&](std::int64_t k, const Session::Row& row) {
    const std::vector<float> way = std::exchange(ways[static_cast<std::size_t>(k)], {});
    for (std::size_t q = 0; q < out.size(); ++q) {
      const float* g = row.relevance(static_cast<std::int64_t>(q));
      for (std::size_t i = 0; i < n; ++i) out[q].map[i] += static_cast<double>(way[i]) * g[i] / samples;
    }
  });
  return out;
}

// Roots of the Legendre polynomial by Newton's method.
std::vector<PathPoint> gaussLegendre(int n) {
  std::vector<PathPoint> points;
  for (int i = 1; i <= n; ++i) {
    double x = std::cos(M_PI * (i - 0.25) / (n + 0.5)), slope = 1;
    for (int round = 0; round < 100; ++round) {
      double p = 1, before = 0;
      for (int k = 1; k <= n; ++k) {
        const double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
        before = p, p = next;
      }
      slope = n * (x * p - before) / (x * x - 1);
      const double step = p / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    points.push_back({(1 - x) / 2, 1 / ((1 - x * x) * slope * slope)});
  }
  return points;
}

std::vector<Attribution> pathGradients(Session& session, const Subject& subject, const std::vector<float>& base,
                                       const std::vector<PathPoint>& points) {
  const std::int64_t n = session.imageFloats();
  std::vector<Attribution> out(subject.questions.size());
  for (Attribution& a : out) a = {session.imageShape(), std::vector<double>(static_cast<std::size_t>(n)), {}};
  const auto fill = [&](std::int64_t k, float* to) {
    const double alpha = points[static_cast<std::size_t>(k)].alpha;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      to[i] = base[at] + static_cast<float>(alpha) * (subject.input[i] - base[at]);
    }
  };
  session.walk(static_cast<std::int64_t>(points.size()), subject.questions, fill,
               [&](std::int64_t k, const Session::Row& row) {
                 for (std::size_t c = 0; c < out.size(); ++c)
                   addScaled(row.relevance(static_cast<std::int64_t>(c)), points[static_cast<std::size_t>(k)].weight,
                             out[c].map);
               });
  const std::vector<float> baseScores = session.probe(base);
  for (std::size_t c = 0; c < out.size(); ++c) {
    for (std::size_t i = 0; i < base.size(); ++i) out[c].map[i] *= static_cast<double>(subject.input[i]) - base[i];
    out[c].facts = completeness(session, subject, subject.questions[c], out[c].map, baseScores);
  }
  return out;
}

Method integratedGradients(Parameters& p) {
  Method m = gradientOfScore();
  const int steps = p.whole("steps", 50, 1, 4096);  // nodes of the Legendre rule cost steps²
  const std::string rule = p.word("rule", "gauss-legendre", {"gauss-legendre", "trapezoid", "right"});
  m.baseline = baselineOf(p, "zero");
  m.procedure = std::make_shared<PathGradients>(pointsOf(rule, steps));
  return m;
}

Method blurIntegratedGradients(Parameters& p) {
  Method m = gradientOfScore();
  const int steps = p.whole("steps", 50, 1, 4096);
  const float sigma = p.number("sigma", 50);
  if (!(sigma > 0 && sigma <= 1000))
    throw Error(ErrorCode::InvalidMethodParameter, "method blur-ig, sigma", fmt::format("{}", sigma),
                "a number above 0, at most 1000");
  m.procedure = std::make_shared<BlurPath>(steps, sigma);
  return m;
}

Method taylor(Parameters& p) {
  Method m = gradientOfScore();
  m.baseline = baselineOf(p, "zero");
  m.procedure = std::make_shared<PathGradients>(std::vector<PathPoint>{{0, 1}});
  return m;
}

Method gradientShap(Parameters& p) {
  Method m = gradientOfScore();
  m.baseline = baselineOf(p, "zero");
  const int samples = p.whole("samples", 20, 1, 100000);
  const float noise = noiseOf(p, 0.1f);
  m.procedure = std::make_shared<GradientShap>(samples, noise, rngOf(p));
  return m;
}

}  // namespace relprop
