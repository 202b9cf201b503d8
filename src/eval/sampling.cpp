// Faithfulness and stability by random samples. Each sample has random numbers of its own, so that every method meets
// the same ones in whatever order the samples are computed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "eval/metric_list.h"
#include "eval/plane.h"
#include "eval/random.h"
#include "eval/statistics.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

constexpr const char* kLogit = "logit";
constexpr const char* kProbability = "probability";
constexpr const char* kDefaultFill = "zero";  // by default, as what follows
constexpr float kDefaultSigma = 0.05f;        // of infidelity
constexpr int kDefaultSide = 10;

std::size_t channelsOf(const Case& c) {
  return static_cast<std::size_t>(c.inputShape.at(0));
}
std::size_t imageFloats(const Case& c) {
  return channelsOf(c) * c.map.count();
}

Random randomOf(const Case& c, const char* metric, std::int64_t sample) {
  return Random(c.seedOf(fmt::format("{} {}", metric, sample)));
}

double outputOf(const Case& c, const std::string& output, const float* scores) {
  const Answer answer = c.answer(scores);
  return output == kLogit ? answer.logit : answer.probability;
}

using Change = std::function<void(std::int64_t k, float* input)>;  // alters the k-th copy of the picture

// f(x) − f(copy) for each copy. Throws NumericFailure.
std::vector<double> dropsOf(const Case& c, const std::string& output, std::int64_t copies, const Change& change) {
  std::vector<double> scores(static_cast<std::size_t>(copies) + 1);  // the picture as it is comes first
  const Fill fill = [&](std::int64_t k, float* to) {
    std::copy_n(c.input, imageFloats(c), to);
    if (k > 0) change(k - 1, to);
  };
  c.forward(copies + 1, fill, [&](std::int64_t k, const float* said) {
    scores[static_cast<std::size_t>(k)] = outputOf(c, output, said);
    if (!std::isfinite(scores[static_cast<std::size_t>(k)]))
      throw Error(ErrorCode::NumericFailure, c.picture, "a score that is not finite", "",
                  k == 0 ? "" : "a changed copy of the picture gave it");
  });
  std::vector<double> drops;
  for (std::size_t k = 1; k < scores.size(); ++k) drops.push_back(scores[0] - scores[k]);
  return drops;
}

std::string outputParameter(Parameters& p) {
  return p.word("output", kLogit, {kLogit, kProbability});
}
std::string fillParameter(Parameters& p) {
  return p.word("fill", kDefaultFill, {kDefaultFill, "black"});
}

float sigmaParameter(Parameters& p, const char* metric, float fallback) {
  const float sigma = p.number("sigma", fallback);
  if (!(sigma > 0 && sigma <= 10))
    throw Error(ErrorCode::InvalidMetricParameter, fmt::format("metric {}, sigma", metric), fmt::format("{}", sigma),
                "a number above 0, at most 10");
  return sigma;
}

float fillOf(const Case& c, const std::string& fill, std::size_t channel) {
  return fill == "black" ? c.black.at(channel) : 0.0f;
}

void removePixel(const Case& c, const std::string& fill, std::size_t pixel, float* input) {
  for (std::size_t channel = 0; channel < channelsOf(c); ++channel)
    input[channel * c.map.count() + pixel] = fillOf(c, fill, channel);
}

// Normal noise whose deviation is a share of each channel's range.
void addNoise(const Case& c, float sigma, Random& random, float* input) {
  for (std::size_t channel = 0; channel < channelsOf(c); ++channel) {
    const double deviation = static_cast<double>(sigma) * (c.high.at(channel) - c.low.at(channel));
    float* at = input + channel * c.map.count();
    for (std::size_t i = 0; i < c.map.count(); ++i) at[i] = static_cast<float>(at[i] + deviation * random.normal());
  }
}

// ---- sensitivity-n, [Ancona 2018]

// The first n of a random order (Fisher and Yates, broken off after n).
std::vector<std::uint32_t> subset(std::size_t count, std::size_t n, Random random) {
  std::vector<std::uint32_t> pixels(count);
  std::iota(pixels.begin(), pixels.end(), 0u);
  for (std::size_t i = 0; i < n; ++i) std::swap(pixels[i], pixels[i + random.below(count - i)]);
  pixels.resize(n);
  return pixels;
}

// From 1 to 80 % of the pixels in equal ratios, without repetition.
std::vector<std::size_t> subsetSizes(std::size_t count, int steps) {
  const double largest = std::max(1.0, std::floor(0.8 * static_cast<double>(count)));
  std::set<std::size_t> sizes;
  for (int k = 0; k < steps; ++k)
    sizes.insert(static_cast<std::size_t>(std::lround(std::pow(largest, steps > 1 ? 1.0 * k / (steps - 1) : 1.0))));
  return {sizes.begin(), sizes.end()};
}

struct SensitivityN {
  std::string fill, output;
  int steps = 0, samples = 0;

  Measured operator()(const Case& c) const;
  Measured correlationsOf(const std::vector<std::size_t>& sizes, const std::vector<double>& sums,
                          const std::vector<double>& drops) const;
};

Measured SensitivityN::operator()(const Case& c) const {
  if (isConstant(c.map.values)) return Measured::skip("the map is constant: every subset has the same sum");
  const std::vector<std::size_t> sizes = subsetSizes(c.map.count(), steps);
  std::vector<double> sums(sizes.size() * static_cast<std::size_t>(samples));
  const Change change = [&](std::int64_t k, float* input) {
    const std::size_t n = sizes[static_cast<std::size_t>(k / samples)];
    double sum = 0;
    for (const std::uint32_t pixel : subset(c.map.count(), n, randomOf(c, "sensitivity-n", k))) {
      sum += c.map.values[pixel];
      removePixel(c, fill, pixel, input);
    }
    sums[static_cast<std::size_t>(k)] = sum;
  };
  const std::vector<double> drops = dropsOf(c, output, static_cast<std::int64_t>(sums.size()), change);
  return correlationsOf(sizes, sums, drops);
}

// Sizes at which either side is constant have no correlation; the mean is over the others.
Measured SensitivityN::correlationsOf(const std::vector<std::size_t>& sizes, const std::vector<double>& sums,
                                      const std::vector<double>& drops) const {
  Curve curve{"correlation", "pixels removed", {}, {}};
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const auto part = [&, from = static_cast<std::ptrdiff_t>(k) * samples](const std::vector<double>& all) {
      return std::vector<double>(all.begin() + from, all.begin() + from + samples);
    };
    if (isConstant(part(sums)) || isConstant(part(drops))) continue;
    curve.x.push_back(static_cast<double>(sizes[k]));
    curve.y.push_back(correlation(part(sums), part(drops)));
  }
  if (curve.y.empty()) return Measured::skip("at every number of pixels all samples have equal sums or equal drops");
  const double mean = meanOf(curve.y).mean;
  return {{{"correlation", mean}}, {std::move(curve)}, {}};
}

// ---- infidelity, [Yeh 2019] definition 2.1

// Relevance of one value of the input; a map of one plane is spread evenly over the channels.
double relevanceOf(const Case& c, std::size_t channel, std::size_t pixel) {
  const bool whole = c.relevanceShape.at(0) == c.inputShape.at(0);
  if (whole) return c.relevance[channel * c.map.count() + pixel];
  return c.map.values[pixel] / static_cast<double>(channelsOf(c));
}

// Iᵀ R where I is what was taken away.
double predictedDrop(const Case& c, const float* input) {
  double sum = 0;
  for (std::size_t channel = 0; channel < channelsOf(c); ++channel)
    for (std::size_t i = 0; i < c.map.count(); ++i) {
      const std::size_t at = channel * c.map.count() + i;
      sum += (static_cast<double>(c.input[at]) - input[at]) * relevanceOf(c, channel, i);
    }
  return sum;
}

struct Infidelity {
  std::string perturbation, fill, output;
  float sigma = 0;
  int side = 0, samples = 0;
  bool scale = false;

  Measured operator()(const Case& c) const;
  double removeSquare(const Case& c, Random& random, float* input) const;
  double error(const std::vector<double>& predicted, const std::vector<double>& drops) const;
};

// Returns the relevance inside, which is what a map of contributions predicts.
double Infidelity::removeSquare(const Case& c, Random& random, float* input) const {
  const int height = std::min(side, c.map.height), width = std::min(side, c.map.width);
  const auto top = random.below(static_cast<std::size_t>(c.map.height - height + 1)),
             left = random.below(static_cast<std::size_t>(c.map.width - width + 1));
  double inside = 0;
  for (int k = 0; k < height * width; ++k) {
    const std::size_t y = top + static_cast<std::size_t>(k / width), x = left + static_cast<std::size_t>(k % width);
    const std::size_t pixel = y * static_cast<std::size_t>(c.map.width) + x;
    inside += c.map.values[pixel];
    removePixel(c, fill, pixel, input);
  }
  return inside;
}

// Keys that the perturbation does not read. The complete text names them too, so that they may say what they are by
// default; anything else would be another protocol with the same numbers.
void refuseUnread(const Infidelity& s) {
  const auto refuse = [&](const char* key, const char* readers) {
    throw Error(ErrorCode::InvalidMetricParameter, fmt::format("metric infidelity, {}", key),
                fmt::format("given with perturbation={}, which does not read it", s.perturbation), readers,
                "leave it out");
  };
  if (s.perturbation != "gaussian" && s.sigma != kDefaultSigma) refuse("sigma", "perturbation=gaussian");
  if (s.perturbation == "gaussian" && s.side != kDefaultSide) refuse("side", "perturbation=square or removal");
  if (s.perturbation == "gaussian" && s.fill != kDefaultFill) refuse("fill", "perturbation=square or removal");
}

// Mean of (β·predicted − drop)²; β is 1 or the factor that makes it least.
double Infidelity::error(const std::vector<double>& predicted, const std::vector<double>& drops) const {
  const double square = std::inner_product(predicted.begin(), predicted.end(), predicted.begin(), 0.0);
  const double mixed = std::inner_product(predicted.begin(), predicted.end(), drops.begin(), 0.0);
  const double beta = !scale ? 1 : square > 0 ? mixed / square : 0;
  double sum = 0;
  for (std::size_t k = 0; k < drops.size(); ++k) sum += std::pow(beta * predicted[k] - drops[k], 2);
  return sum / static_cast<double>(drops.size());
}

Measured Infidelity::operator()(const Case& c) const {
  std::vector<double> predicted(static_cast<std::size_t>(samples));
  const Change change = [&](std::int64_t k, float* input) {
    Random random = randomOf(c, "infidelity", k);
    double inside = 0;
    if (perturbation == "gaussian")
      addNoise(c, sigma, random, input);
    else
      inside = removeSquare(c, random, input);
    predicted[static_cast<std::size_t>(k)] = perturbation == "removal" ? inside : predictedDrop(c, input);
  };
  const std::vector<double> drops = dropsOf(c, output, samples, change);
  return {{{"infidelity", error(predicted, drops)}}, {}, {}};
}

// ---- continuity, [Montavon 2018] section 7.1

struct Continuity {
  int samples = 0;
  float sigma = 0;
  bool relative = false;

  Measured operator()(const Case& c) const;
};

Measured Continuity::operator()(const Case& c) const {
  if (relative && isZero(c.map)) return Measured::skip(kZeroMap);
  std::vector<double> moved(static_cast<std::size_t>(samples));
  const std::vector<Plane> maps = c.explain(samples, [&](std::int64_t k, float* input) {
    std::copy_n(c.input, imageFloats(c), input);
    Random random = randomOf(c, "continuity", k);
    addNoise(c, sigma, random, input);
    moved[static_cast<std::size_t>(k)] = distance(input, c.input, imageFloats(c));
  });
  double worst = 0;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    if (moved[k] == 0) return Measured::skip("the noise is too small to change the picture");
    worst = std::max(worst, distance(maps[k].values.data(), c.map.values.data(), c.map.count()) / moved[k]);
  }
  return {{{"largest", relative ? worst / norm(c.map) : worst}}, {}, {}};
}

}  // namespace

Protocol sensitivityN(Parameters& p) {
  SensitivityN s;
  s.steps = p.whole("steps", 10, 1, 1000);
  s.samples = p.whole("samples", 100, 2, 100000);
  s.fill = fillParameter(p), s.output = outputParameter(p);
  Protocol protocol;
  protocol.scores = {{"correlation", "mean correlation over the numbers of pixels", Better::Higher}};
  protocol.probability = s.output == kProbability;
  protocol.measure = s;
  return protocol;
}

Protocol infidelity(Parameters& p) {
  Infidelity s;
  s.perturbation = p.word("perturbation", "gaussian", {"gaussian", "square", "removal"});
  s.sigma = sigmaParameter(p, "infidelity", kDefaultSigma);
  s.side = p.whole("side", kDefaultSide, 1, 10000);
  s.fill = fillParameter(p);
  refuseUnread(s);
  s.samples = p.whole("samples", 200, 1, 100000);
  s.scale = p.word("scale", "on", {"on", "off"}) == "on";
  s.output = outputParameter(p);
  Protocol protocol;
  protocol.scores = {{"infidelity", "mean squared error of the predicted drop", Better::Lower}};
  protocol.probability = s.output == kProbability;
  protocol.measure = s;
  return protocol;
}

Protocol continuity(Parameters& p) {
  Continuity s;
  s.samples = p.whole("samples", 10, 1, 100000);
  s.sigma = sigmaParameter(p, "continuity", 0.02f);
  s.relative = p.word("relative", "off", {"on", "off"}) == "on";
  Protocol protocol;
  protocol.scores = {{"largest", "largest change of the map over the change of the picture", Better::Lower}};
  protocol.measure = s;
  return protocol;
}

}  // namespace relprop::eval
