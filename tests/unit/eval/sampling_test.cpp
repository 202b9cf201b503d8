// sensitivity-n, infidelity and continuity. A linear network's drop of the logit is known for every change of its
// input.
#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

const Shape kShape = {3, 4, 5};
constexpr std::size_t kPixels = 20, kFloats = 60;

double infidelity(const std::string& parameters, const Case& c) {
  return score(measured("infidelity:" + parameters, c), "infidelity");
}

std::vector<float> times(float factor, std::vector<float> values) {
  for (float& v : values) v *= factor;
  return values;
}

double drop(const LinearNet& net, const std::vector<float>& changed) {
  return static_cast<double>(net.logit(net.input)) - net.logit(changed);
}

// The pixels where a copy differs from the picture.
std::vector<std::size_t> changedPixels(const LinearNet& net, const std::vector<float>& copy) {
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < kPixels; ++i)
    if (copy[i] != net.input[i] || copy[i + kPixels] != net.input[i + kPixels]) changed.push_back(i);
  return changed;
}

// Sums in one pass, unlike the two passes of the metric.
double pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sa += a[i], sb += b[i], saa += a[i] * a[i], sbb += b[i] * b[i], sab += a[i] * b[i];
  return (n * sab - sa * sb) / std::sqrt((n * saa - sa * sa) * (n * sbb - sb * sb));
}

TEST(SensitivityN, IsOneForTheContributionsOfALinearNetwork) {
  const LinearNet net = linearNet(kFloats, 1);
  const Measured m = measured("sensitivity-n", net.caseWith(kShape, net.contributions()));
  EXPECT_NEAR(score(m, "correlation"), 1, 1e-5);
  for (const double r : m.curves.at(0).y) EXPECT_NEAR(r, 1, 1e-5);
  EXPECT_NEAR(score(measured("sensitivity-n", net.caseWith(kShape, times(-2, net.contributions()))), "correlation"), -1,
              1e-5);
}

TEST(SensitivityN, ComparesWithTheChosenFill) {
  const LinearNet net = linearNet(kFloats, 2);
  std::vector<float> toBlack = net.weights;  // w·(x − black), black is −2
  for (std::size_t i = 0; i < kFloats; ++i) toBlack[i] *= net.input[i] + 2;
  const Case c = net.caseWith(kShape, toBlack);
  EXPECT_NEAR(score(measured("sensitivity-n:fill=black", c), "correlation"), 1, 1e-5);
  EXPECT_LT(score(measured("sensitivity-n:fill=zero", c), "correlation"), 0.99);
}

TEST(SensitivityN, TakesSizesInEqualRatiosUpToFourFifths) {
  const LinearNet net = linearNet(3 * 1250, 3);
  const Measured m = measured("sensitivity-n:steps=4,samples=5", net.caseWith({3, 25, 50}, net.contributions()));
  EXPECT_EQ(m.curves.at(0).x, (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_EQ(m.curves.at(0).abscissa, "pixels removed");
  ASSERT_EQ(net.seen.size(), 21u);
  EXPECT_EQ(net.seen[0], net.input) << "the picture itself is the first";
}

// Everything again from the pictures that the network saw: which pixels were gone, what the map says of them, and what
// the score lost.
TEST(SensitivityN, IsItsDefinitionForAnyMap) {
  for (const std::string output : {"logit", "probability"}) {
    const LinearNet net = linearNet(kFloats, 4);
    const Case c = net.caseWith(kShape, randomValues(kFloats, 5));
    const Measured m = measured("sensitivity-n:steps=3,samples=40,output=" + output, c);
    const std::vector<double> sizes = {1, 4, 16};
    ASSERT_EQ(m.curves.at(0).x, sizes);
    const auto f = [&](const std::vector<float>& x) {
      const double logit = net.logit(x);
      return output == "logit" ? logit : std::exp(logit) / (std::exp(logit) + 1);
    };
    double mean = 0;
    for (std::size_t s = 0; s < 3; ++s) {
      std::vector<double> sums, drops;
      for (std::size_t k = 1 + 40 * s; k < 41 + 40 * s; ++k) {
        const std::vector<std::size_t> gone = changedPixels(net, net.seen[k]);
        EXPECT_EQ(static_cast<double>(gone.size()), sizes[s]);
        double sum = 0;
        for (const std::size_t i : gone) sum += c.map.values[i];
        sums.push_back(sum), drops.push_back(f(net.input) - f(net.seen[k]));
      }
      EXPECT_NEAR(m.curves[0].y[s], pearson(sums, drops), 1e-9);
      mean += m.curves[0].y[s] / 3;
    }
    EXPECT_NEAR(score(m, "correlation"), mean, 1e-12);
  }
}

TEST(SensitivityN, DrawsEveryPixelAlike) {
  const LinearNet net = linearNet(kFloats, 6);
  measured("sensitivity-n:steps=1,samples=4000", net.caseWith(kShape, net.contributions()));
  std::vector<int> gone(kPixels);
  for (std::size_t k = 1; k < net.seen.size(); ++k)
    for (const std::size_t i : changedPixels(net, net.seen[k])) ++gone[i];
  for (const int count : gone) EXPECT_NEAR(count, 4000 * 0.8, 150);  // deviation 25
}

TEST(SensitivityN, SkipsWhatDoesNotVary) {
  const LinearNet net = linearNet(kFloats, 7);
  EXPECT_THAT(measured("sensitivity-n", net.caseWith(kShape, std::vector<float>(kFloats, 0.1f))).skipped,
              testing::StartsWith("the map is constant"));
  EXPECT_THAT(measured("sensitivity-n", net.caseWith(kShape, std::vector<float>(kFloats))).skipped,
              testing::StartsWith("the map is constant"));
  LinearNet blind = net;
  blind.weights.assign(kFloats, 0);
  EXPECT_THAT(measured("sensitivity-n", blind.caseWith(kShape, net.contributions())).skipped,
              testing::StartsWith("at every number of pixels"));
  const LinearNet one = linearNet(3, 8);
  EXPECT_THAT(measured("sensitivity-n", one.caseWith({3, 1, 1}, one.contributions())).skipped,
              testing::StartsWith("the map is constant"))
      << "one pixel";
}

// A single pixel carries all: most subsets of one pixel miss it, and with few samples all do.
TEST(SensitivityN, LeavesOutSizesWithoutACorrelation) {
  LinearNet net = linearNet(3 * 900, 9);
  std::vector<float> relevance(3 * 900);
  relevance[7] = 1;
  const Measured m = measured("sensitivity-n:samples=20", net.caseWith({3, 30, 30}, relevance));
  ASSERT_FALSE(m.curves.empty()) << m.skipped;
  EXPECT_GT(m.curves[0].x.front(), 1);
  EXPECT_LT(m.curves[0].x.size(), 10u);
}

// Φ = w predicts every drop of a linear network exactly.
TEST(Infidelity, IsZeroForTheGradientOfALinearNetwork) {
  const LinearNet net = linearNet(kFloats, 10);
  const Case c = net.caseWith(kShape, net.weights);
  for (const std::string scale : {"on", "off"})
    for (const std::string perturbation : {"gaussian", "square,side=2"})
      EXPECT_NEAR(infidelity("perturbation=" + perturbation + ",scale=" + scale, c), 0, 1e-9);
}

TEST(Infidelity, ReadsContributionsWhenSquaresAreRemoved) {
  const LinearNet net = linearNet(kFloats, 11);
  const Case c = net.caseWith(kShape, net.contributions());
  EXPECT_NEAR(infidelity("perturbation=removal,side=2,scale=off", c), 0, 1e-9);
  EXPECT_GT(infidelity("perturbation=square,side=2,scale=off", c), 1e-3);
}

TEST(Infidelity, ScalesTheMapAsItFitsBest) {
  const LinearNet net = linearNet(kFloats, 12);
  EXPECT_NEAR(infidelity("scale=on", net.caseWith(kShape, times(5, net.weights))), 0, 1e-9);
  const Case half = net.caseWith(kShape, times(0.5f, net.weights)), zero = net.caseWith(kShape, times(0, net.weights));
  // Without: the error is (½ w·I)², a quarter of what a map of zeros misses.
  const double missed = infidelity("scale=off", zero);
  EXPECT_GT(missed, 1e-4);
  EXPECT_NEAR(infidelity("scale=off", half), missed / 4, 1e-6 * missed);
  EXPECT_EQ(infidelity("scale=on", zero), missed) << "a map of zeros stays one";
}

TEST(Infidelity, IsItsDefinitionForAnyMap) {
  const LinearNet net = linearNet(kFloats, 13);
  const Case c = net.caseWith(kShape, randomValues(kFloats, 14));
  for (const std::string perturbation : {"gaussian", "square,side=3", "removal,side=3"}) {
    const double off = infidelity("samples=30,scale=off,perturbation=" + perturbation, c);
    double error = 0;
    for (std::size_t k = 1; k <= 30; ++k) {
      double predicted = 0;
      for (std::size_t i = 0; i < kFloats; ++i) {
        const double taken = static_cast<double>(net.input[i]) - net.seen[k][i];
        predicted += c.relevance[i] * (perturbation.starts_with("removal") ? taken != 0 : taken);
      }
      error += std::pow(predicted - drop(net, net.seen[k]), 2) / 30;
    }
    EXPECT_NEAR(off, error, 1e-5 * error) << perturbation;
    EXPECT_LE(infidelity("samples=30,scale=on,perturbation=" + perturbation, c), off);
  }
}

// They would be other protocols with the same numbers.
TEST(Infidelity, RefusesKeysThatThePerturbationDoesNotRead) {
  for (const auto& [perturbation, key, value] : {std::tuple{"removal", "sigma", "0.5"},
                                                 {"square", "sigma", "0.5"},
                                                 {"gaussian", "side", "4"},
                                                 {"gaussian", "fill", "black"}}) {
    const std::string text = std::string("infidelity:perturbation=") + perturbation + "," + key + "=" + value;
    const Error e = failureOf([&] { completeProtocol(text); });
    EXPECT_EQ(e.code(), ErrorCode::InvalidMetricParameter) << text;
    EXPECT_EQ(e.where(), std::string("metric infidelity, ") + key);
    EXPECT_EQ(e.got(), std::string("given with perturbation=") + perturbation + ", which does not read it");
  }
  for (const char* read : {"perturbation=gaussian,sigma=0.5", "perturbation=square,side=4,fill=black",
                           "perturbation=removal,side=4,fill=black"})
    EXPECT_NE(completeProtocol(std::string("infidelity:") + read), completeProtocol("infidelity")) << read;
  for (const char* perturbation : {"gaussian", "square", "removal"}) {
    const std::string complete = completeProtocol(std::string("infidelity:perturbation=") + perturbation);
    EXPECT_EQ(completeProtocol(complete), complete) << "stores have all keys";
  }
}

TEST(Infidelity, SpreadsAMapOfOnePlaneOverChannels) {
  const LinearNet net = linearNet(kFloats, 15);
  const std::vector<float> plane = randomValues(kPixels, 16);
  std::vector<float> spread;
  for (int channel = 0; channel < 3; ++channel)
    for (const float v : plane) spread.push_back(v / 3);
  Case c = net.caseWith(kShape, spread);
  const double expected = infidelity("scale=off", c);
  c.relevanceShape = {1, 4, 5}, c.relevance = plane, c.map.values = plane;
  EXPECT_NEAR(infidelity("scale=off", c), expected, 1e-6 * expected);
}

TEST(Infidelity, DrawsNoiseAsWideAsAskedFor) {
  const LinearNet net = linearNet(kFloats, 17);
  Case c = net.caseWith(kShape, net.weights);
  c.low = {-2, 0, 1}, c.high = {2, 1, 1};  // widths 4, 1 and 0
  infidelity("sigma=0.25,samples=2000", c);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    double mean = 0, square = 0;
    for (std::size_t k = 1; k <= 2000; ++k)
      for (std::size_t i = channel * kPixels; i < (channel + 1) * kPixels; ++i) {
        const double d = net.seen[k][i] - net.input[i];
        mean += d / 40000, square += d * d / 40000;
      }
    const double deviation = 0.25 * (c.high[channel] - c.low[channel]);
    EXPECT_NEAR(mean, 0, 0.02 * deviation);
    EXPECT_NEAR(std::sqrt(square), deviation, 0.01 * deviation);
  }
}

TEST(Infidelity, RemovesWholeSquaresInsideThePicture) {
  const LinearNet net = linearNet(kFloats, 18);
  const Case c = net.caseWith(kShape, net.weights);
  for (const auto& [side, area] : {std::pair{1, 1u}, {3, 9u}, {4, 16u}, {5, 20u}, {100, 20u}}) {
    infidelity("perturbation=square,fill=black,samples=50,side=" + std::to_string(side), c);
    std::set<std::vector<std::size_t>> places;
    for (std::size_t k = 1; k <= 50; ++k) {
      const std::vector<std::size_t> gone = changedPixels(net, net.seen[k]);
      EXPECT_EQ(gone.size(), area);
      for (const std::size_t i : gone)
        for (std::size_t channel = 0; channel < 3; ++channel) EXPECT_EQ(net.seen[k][channel * kPixels + i], -2);
      EXPECT_EQ(gone.back() % 5 - gone.front() % 5 + 1, std::min<std::size_t>(5, static_cast<std::size_t>(side)));
      places.insert(gone);
    }
    if (side == 3) EXPECT_EQ(places.size(), 6u) << "2 × 3 places, all of them come up";
  }
}

TEST(Samples, DoNotDependOnOrderOrMap) {
  for (const std::string protocol : {"sensitivity-n", "infidelity", "infidelity:perturbation=removal,side=2"}) {
    const LinearNet net = linearNet(kFloats, 19);
    LinearNet backwards = net;
    backwards.backwards = true;
    const std::vector<float> map = randomValues(kFloats, 20), other = randomValues(kFloats, 21);
    const double there = measured(protocol, net.caseWith(kShape, map)).scores.at(0).value;
    EXPECT_EQ(measured(protocol, backwards.caseWith(kShape, map)).scores.at(0).value, there);
    EXPECT_EQ(backwards.seen, net.seen);
    measured(protocol, backwards.caseWith(kShape, other));
    EXPECT_EQ(backwards.seen, net.seen) << "methods meet the same samples";
    Case elsewhere = net.caseWith(kShape, map);
    elsewhere.picture = "another";
    measured(protocol, elsewhere);
    EXPECT_NE(backwards.seen, net.seen) << "pictures do not";
  }
}

TEST(Samples, WithAScoreThatIsNotFiniteAreReported) {
  LinearNet net = linearNet(kFloats, 22);
  const Case c = net.caseWith(kShape, net.contributions());
  net.weights[0] = std::nanf("");
  for (const char* protocol : {"sensitivity-n", "infidelity", "infidelity:output=probability"}) {
    const Error e = failureOf([&] { measured(protocol, c); });
    EXPECT_EQ(e.code(), ErrorCode::NumericFailure);
    EXPECT_EQ(e.where(), "picture");
  }
}

// H(x) = a ⊙ x, explained one picture after the other.
Case withExplainer(const LinearNet& net, const std::vector<float>& a, std::vector<std::vector<float>>* seen = nullptr) {
  const auto mapOf = [a](const std::vector<float>& x) {
    std::vector<float> map(x);
    for (std::size_t i = 0; i < x.size(); ++i) map[i] *= a[i];
    return eval::planeOf(Tensor({1, 4, 5}, map));
  };
  Case c = net.caseWith({1, 4, 5}, mapOf(net.input).values);
  c.explain = [=, size = net.input.size()](std::int64_t count, const Fill& fill) {
    std::vector<Plane> maps;
    for (std::int64_t k = 0; k < count; ++k) {
      std::vector<float> x(size);
      fill(k, x.data());
      maps.push_back(mapOf(x));
      if (seen) seen->push_back(x);
    }
    return maps;
  };
  return c;
}

TEST(Continuity, IsTheSlopeOfALinearExplanation) {
  const LinearNet net = linearNet(kPixels, 23);
  for (const float slope : {-3.0f, 0.0f, 0.5f}) {
    const Case c = withExplainer(net, std::vector<float>(kPixels, slope));
    EXPECT_NEAR(score(measured("continuity", c), "largest"), std::abs(slope), 1e-5);
  }
}

TEST(Continuity, IsTheLargestRatioOfItsSamples) {
  const LinearNet net = linearNet(kPixels, 24);
  const std::vector<float> a = randomValues(kPixels, 25);
  std::vector<std::vector<float>> seen;
  const Case c = withExplainer(net, a, &seen);
  const double got = score(measured("continuity:samples=7,sigma=0.1", c), "largest");
  ASSERT_EQ(seen.size(), 7u);
  double largest = 0, size = 0, deviation = 0;
  for (const std::vector<float>& x : seen) {
    double moved = 0, changed = 0;
    for (std::size_t i = 0; i < kPixels; ++i) {
      const double d = static_cast<double>(x[i]) - net.input[i];
      moved += d * d, changed += std::pow(static_cast<double>(a[i] * x[i]) - a[i] * net.input[i], 2);
    }
    largest = std::max(largest, std::sqrt(changed / moved));
    deviation += moved / (7 * kPixels);
  }
  for (const float h : c.map.values) size += static_cast<double>(h) * h;
  EXPECT_NEAR(got, largest, 1e-5 * largest);
  EXPECT_NEAR(std::sqrt(deviation), 0.1 * 4, 0.06) << "the range is 4 wide";
  EXPECT_NEAR(score(measured("continuity:samples=7,sigma=0.1,relative=on", c), "largest"), got / std::sqrt(size), 1e-5);
}

TEST(Continuity, GrowsWithTheNumberOfSamples) {
  const LinearNet net = linearNet(kPixels, 26);
  const Case c = withExplainer(net, randomValues(kPixels, 27));
  double last = 0;
  for (const char* samples : {"1", "5", "50"}) {
    const double now = score(measured(std::string("continuity:samples=") + samples, c), "largest");
    EXPECT_GE(now, last) << "the first samples are the same";
    last = now;
  }
}

TEST(Continuity, SkipsWhatHasNoRatio) {
  const LinearNet net = linearNet(kPixels, 28);
  Case c = withExplainer(net, std::vector<float>(kPixels, 0));
  EXPECT_EQ(score(measured("continuity", c), "largest"), 0) << "a map that is always zero";
  EXPECT_EQ(measured("continuity:relative=on", c).skipped, "the map is zero");
  c.high = c.low;
  EXPECT_EQ(measured("continuity", c).skipped, "the noise is too small to change the picture");
}

TEST(Protocols, OfSamplingAreComplete) {
  EXPECT_EQ(completeProtocol("sensitivity-n"), "sensitivity-n@1:steps=10,samples=100,fill=zero,output=logit");
  EXPECT_EQ(completeProtocol("infidelity:scale=off"),
            "infidelity@1:perturbation=gaussian,sigma=0.05,side=10,fill=zero,samples=200,scale=off,output=logit");
  EXPECT_EQ(completeProtocol("continuity"), "continuity@1:samples=10,sigma=0.02,relative=off");
  for (const char* bad : {"sensitivity-n:samples=1", "sensitivity-n:steps=0", "sensitivity-n:fill=blur",
                          "sensitivity-n:output=loss", "infidelity:sigma=0", "infidelity:sigma=-1", "infidelity:side=0",
                          "infidelity:perturbation=noise", "continuity:sigma=11", "continuity:samples=0"})
    EXPECT_EQ(codeOf([&] { completeProtocol(bad); }), ErrorCode::InvalidMetricParameter) << bad;
  const Error e = failureOf([] { completeProtocol("continuity:sigma=0"); });
  EXPECT_EQ(e.where(), "metric continuity, sigma");
  EXPECT_EQ(e.expected(), "a number above 0, at most 10");
}

}  // namespace
}  // namespace relprop::test
