// Noisy copies of the image: x + σ·(max x − min x)·N(0, 1).
//   smoothgrad  mean of the gradients.      Smilkov et al. 2017
//   vargrad     variance of the gradients.  Adebayo et al. 2018
// and noise=… on any method: the mean of its maps.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/number.h"
#include "explain/finish.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {

NoiseSource::NoiseSource(const float* input, std::size_t count, float noise, unsigned seed, std::int64_t sample)
    : input_(input), count_(count), random_(seed, sample) {
  const auto [low, high] = std::minmax_element(input, input + count);
  deviation_ = noise * (*high - *low);
}

// Written out because the standard leaves the algorithm behind its distributions open: the same seed has to give the
// same map everywhere.
double RandomNumbers::uniform() {
  return (engine_() + 0.5) / 4294967296.0;
}

void NoiseSource::fill(float* to) {
  for (std::size_t i = 0; i < count_; i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * M_PI * uniform();
    to[i] = static_cast<float>(input_[i] + deviation_ * radius * std::cos(angle));
    if (i + 1 < count_) to[i + 1] = static_cast<float>(input_[i + 1] + deviation_ * radius * std::sin(angle));
  }
}

void addScaled(const float* values, double factor, std::vector<double>& into) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] += factor * static_cast<double>(values[i]);
}

namespace {

// Mean or variance of the maps of single walks; the copies are rows of one batch. `finish`: what is done with each map.
class NoisyWalks : public Procedure {
 public:
  NoisyWalks(int samples, float noise, unsigned seed, bool variance, std::vector<Finish> finish = {})
      : samples_(samples), noise_(noise), seed_(seed), variance_(variance), finish_(std::move(finish)) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const auto n = static_cast<std::size_t>(session.imageFloats());
    std::vector<Attribution> mean(subject.questions.size());
    std::vector<std::vector<double>> square(mean.size());
    const auto fill = [&](std::int64_t k, float* to) { NoiseSource(subject.input, n, noise_, seed_, k).fill(to); };
    session.walk(samples_, subject.questions, fill, [&](std::int64_t k, const Session::Row& row) {
      for (std::size_t c = 0; c < mean.size(); ++c) {
        const float* r = row.relevance(static_cast<std::int64_t>(c));
        mean[c].shape = session.imageShape();
        std::vector<float> map(r, r + n);
        finishMap(finish_, mean[c].shape, map);
        add(map, k, mean[c].map, square[c]);
      }
    });
    for (std::size_t c = 0; variance_ && c < mean.size(); ++c) {
      for (double& v : square[c]) v /= samples_;
      mean[c].map = std::move(square[c]);
    }
    return mean;
  }

 private:
  // Welford's recurrence: the variance without the difference of two large numbers.
  static void add(const std::vector<float>& map, std::int64_t k, std::vector<double>& mean,
                  std::vector<double>& square) {
    mean.resize(map.size()), square.resize(map.size());
    for (std::size_t i = 0; i < map.size(); ++i) {
      const double d = map[i] - mean[i];
      mean[i] += d / static_cast<double>(k + 1);
      square[i] += d * (map[i] - mean[i]);
    }
  }

  int samples_;
  float noise_;
  unsigned seed_;
  bool variance_;
  std::vector<Finish> finish_;
};

// The mean over copies of a method that does more than one walk.
class NoisyProcedure : public Procedure {
 public:
  NoisyProcedure(std::shared_ptr<const Procedure> inner, int samples, float noise, unsigned seed)
      : inner_(std::move(inner)), samples_(samples), noise_(noise), seed_(seed) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const auto n = static_cast<std::size_t>(session.imageFloats());
    std::vector<Attribution> total;
    std::vector<float> copy(n);
    for (int k = 0; k < samples_; ++k) {
      NoiseSource(subject.input, n, noise_, seed_, k).fill(copy.data());
      const std::vector<float> scores = session.probe(copy);
      std::vector<Attribution> one = inner_->explain(session, {copy.data(), scores.data(), subject.questions});
      if (total.empty()) {
        total = std::move(one);
        continue;
      }
      for (std::size_t c = 0; c < total.size(); ++c)
        std::transform(one[c].map.begin(), one[c].map.end(), total[c].map.begin(), total[c].map.begin(), std::plus<>());
    }
    for (Attribution& a : total) {
      for (double& v : a.map) v /= samples_;
      a.facts.clear();  // they spoke of the first copy alone
    }
    return total;
  }

 private:
  std::shared_ptr<const Procedure> inner_;
  int samples_;
  float noise_;
  unsigned seed_;
};

Method noisyGradient(Parameters& p, bool variance) {
  Method m = gradientOfScore();
  const int samples = p.whole("samples", 20, 1, 100000);
  const float noise = noiseOf(p, 0.1f);
  m.procedure = std::make_shared<NoisyWalks>(samples, noise, rngOf(p), variance);
  return m;
}

float parsedNoise(const std::string& text) {
  const std::optional<float> value = numberIn<float>(text);
  if (!value || !(*value >= 0 && *value <= 10))
    throw Error(ErrorCode::InvalidMethodParameter, "method, noise", "'" + text + "'", "a number from 0 to 10");
  return *value;
}

// A key that counts only beside noise=. Where it is a key of the method's own it cannot mean two things.
int besideNoise(Parameters& p, bool noise, const std::string& key, int fallback, int low, int high,
                const std::string& meaning) {
  if (p.hasAsked(key) || p.optional(key, meaning).empty()) return fallback;
  if (!noise)
    throw Error(ErrorCode::InvalidMethodParameter, "method, " + key,
                "given without noise=", "a method that averages over copies", "add noise=0.1");
  return p.whole(key, fallback, low, high);
}

}  // namespace

float noiseOf(Parameters& p, float fallback) {
  return parsedNoise(p.text("noise", fmt::format("{}", fallback), "share of the image's range, 0 to 10"));
}

unsigned rngOf(Parameters& p) {
  return static_cast<unsigned>(p.whole("rng", 0, 0, 1 << 24));
}

Method smoothGrad(Parameters& p) {
  return noisyGradient(p, false);
}

Method varGrad(Parameters& p) {
  return noisyGradient(p, true);
}

void applyNoise(Method& m, Parameters& p) {
  if (p.hasAsked("noise")) return;
  const std::string noise = p.optional("noise", "share of the image's range; the mean over noisy copies");
  const bool given = !noise.empty();
  const int samples = besideNoise(p, given, "samples", 20, 1, 100000, "copies for noise=, 20 if not given");
  const auto seed = static_cast<unsigned>(besideNoise(p, given, "rng", 0, 0, 1 << 24, "seed of the copies' noise"));
  if (!given) return;
  const float sigma = parsedNoise(noise);
  if (m.procedure->walksOnce())
    m.procedure = std::make_shared<NoisyWalks>(samples, sigma, seed, false, std::exchange(m.finish, {}));
  else
    m.procedure = std::make_shared<NoisyProcedure>(m.procedure, samples, sigma, seed);
  m.conserves = false;
}

}  // namespace relprop
