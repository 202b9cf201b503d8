// Methods that walk many inputs made from one image: the path from a baseline and noisy copies, against direct
// evaluation in double precision.
#include <algorithm>
#include <cmath>
#include <set>

#include "explain/finish.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"
#include "unit/explain/twins.h"

namespace relprop::test {
namespace path_test {

constexpr std::int64_t kRows = 3;  // a batch that the numbers of inputs are no multiple of

const Node& nodeNamed(const Graph& g, const std::string& name) {
  return *std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == name; });
}

// dense → activation → dense, with its scores and gradient written out.
struct TwoLayers {
  static constexpr std::size_t inputs = 6;
  Graph graph;
  Layer first, head;
  Op op;

  explicit TwoLayers(Op activation = Op::Sigmoid) : op(activation) {
    Build b({kRows, inputs});
    b.add(Op::Dense, {b.x(), b.random({5, inputs}), b.random({5})});
    nameLast(b, "first");
    b.add(activation, {b.graph.outputs[0]});
    inferShapes(b.graph);
    addHead(b);
    graph = b.graph;
    first = layerOf(graph, nodeNamed(graph, "first"));
    head = layerOf(graph, nodeNamed(graph, "head"));
  }

  static double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
  double slope(double z) const { return op == Op::Relu ? (z > 0 ? 1 : 0) : sigmoid(z) * (1 - sigmoid(z)); }
  double value(double z) const { return op == Op::Relu ? std::max(z, 0.0) : sigmoid(z); }

  Doubles scores(const Doubles& x) const {
    Doubles h = outputsOf(first, x);
    for (double& v : h) v = value(v);
    return outputsOf(head, h);
  }
  Doubles gradient(const Doubles& x, const Doubles& seed) const {
    Doubles r = twin("gradient", head, {}, seed);
    const Doubles z = outputsOf(first, x);
    for (std::size_t j = 0; j < r.size(); ++j) r[j] *= slope(z[j]);
    return twin("gradient", first, {}, r);
  }
  double score(const Doubles& x, const Doubles& seed) const {
    const Doubles s = scores(x);
    return seed[0] * s[0] + seed[1] * s[1] + seed[2] * s[2];
  }
};

const Doubles kImage = {0.5, -1.25, 2, 0.75, -0.5, 1.5};
const Doubles kTarget = {0, 0, 1}, kContrast = {0, 1, -1};
std::vector<Question> questions() {
  return {classQuestion(2), rivalQuestion(1, 2)};
}

struct Point {
  double alpha, weight;
};

// (x − x′) ⊙ Σ_k w_k ∇f(x′ + α_k (x − x′))
Doubles pathTwin(const TwoLayers& net, const Doubles& x, const Doubles& base, const Doubles& seed,
                 const std::vector<Point>& points) {
  Doubles out(x.size());
  for (const Point& p : points) {
    Doubles at = base;
    for (std::size_t i = 0; i < x.size(); ++i) at[i] += p.alpha * (x[i] - base[i]);
    const Doubles g = net.gradient(at, seed);
    for (std::size_t i = 0; i < x.size(); ++i) out[i] += p.weight * g[i] * (x[i] - base[i]);
  }
  return out;
}

BaselineFacts picture(const Doubles& base) {
  return {{}, {base.begin(), base.end()}};
}

// ---- integrated gradients
struct RuleCase {
  const char* method;
  std::vector<Point> points;
};

std::vector<RuleCase> ruleCases() {
  const double a = std::sqrt(0.6) / 2, b = std::sqrt(1.0 / 3) / 2;
  return {{"rule=gauss-legendre,steps=1", {{0.5, 1}}},
          {"rule=gauss-legendre,steps=2", {{0.5 - b, 0.5}, {0.5 + b, 0.5}}},
          {"rule=gauss-legendre,steps=3", {{0.5 - a, 5.0 / 18}, {0.5, 8.0 / 18}, {0.5 + a, 5.0 / 18}}},
          {"rule=trapezoid,steps=5", {{0, 0.125}, {0.25, 0.25}, {0.5, 0.25}, {0.75, 0.25}, {1, 0.125}}},
          {"rule=right,steps=4", {{0.25, 0.25}, {0.5, 0.25}, {0.75, 0.25}, {1, 0.25}}}};
}

TEST(IntegratedGradients, EachRuleIsItsSum) {
  const TwoLayers net;
  const Doubles base = {-0.5, 0.25, 1, 0, 0.125, -2};
  for (const RuleCase& c : ruleCases())
    for (const auto& backend : bothBackends()) {
      const auto maps = explainImage(net.graph, std::string("integrated-gradients:baseline=b.npy,") + c.method,
                                     *backend, kImage, questions(), picture(base));
      expectClose(maps[0].map, pathTwin(net, kImage, base, kTarget, c.points), 1e-6, c.method);
      expectClose(maps[1].map, pathTwin(net, kImage, base, kContrast, c.points), 1e-6, c.method);
    }
}

TEST(IntegratedGradients, ReportsItsGap) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  const auto maps = explainImage(net.graph, "integrated-gradients:rule=right,steps=2", *backend, kImage, questions());
  const Doubles zero(kImage.size());
  for (std::size_t q = 0; q < 2; ++q) {
    const Doubles& seed = q == 0 ? kTarget : kContrast;
    const double change = net.score(kImage, seed) - net.score(zero, seed);
    EXPECT_NEAR(factOf(maps[q], "f(x) - f(baseline)"), change, 1e-6);
    EXPECT_NEAR(factOf(maps[q], "completeness gap"), sum(maps[q].map) - change, 1e-6);
    EXPECT_GT(std::abs(factOf(maps[q], "completeness gap")), 1e-3) << "two steps are too few";
  }
}

TEST(IntegratedGradients, GapClosesOnASmoothNet) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  for (const Attribution& a : explainImage(net.graph, "integrated-gradients:steps=20", *backend, kImage, questions()))
    EXPECT_NEAR(factOf(a, "completeness gap"), 0, 1e-6);
}

TEST(IntegratedGradients, GapShrinksWithStepsOnReluNets) {
  const TwoLayers net(Op::Relu);
  const auto backend = makeReferenceBackend();
  const Doubles base = {-1, 2, -2, 1, 1, -1};
  for (const char* rule : {"gauss-legendre", "trapezoid", "right"}) {
    const auto gap = [&](int steps) {
      const std::string text =
          std::string("integrated-gradients:baseline=b.npy,rule=") + rule + ",steps=" + std::to_string(steps);
      return std::abs(factOf(explainImage(net.graph, text, *backend, kImage, {classQuestion(2)}, picture(base))[0],
                             "completeness gap"));
    };
    EXPECT_GT(gap(3), 1e-2) << rule;
    EXPECT_LT(gap(3000), 2e-3) << rule;
  }
}

// f is of degree 4 along the path, its gradient of degree 3: two Gauss–Legendre points are exact, one is not.
TEST(IntegratedGradients, GaussLegendreIsExactOnPolynomials) {
  Build b({kRows, 4});
  const ValueId h = b.add(Op::Dense, {b.x(), b.random({5, 4}), b.random({5})});
  const ValueId square = b.add(Op::Mul, {h, h});
  b.add(Op::Mul, {square, square});
  inferShapes(b.graph);
  addHead(b);
  const auto backend = makeReferenceBackend();
  const auto gap = [&](const char* steps) {
    const auto maps = explainImage(b.graph, std::string("integrated-gradients:steps=") + steps, *backend,
                                   {0.5, -1, 0.75, 1}, {classQuestion(1)});
    return std::abs(factOf(maps[0], "completeness gap") / factOf(maps[0], "f(x) - f(baseline)"));
  };
  EXPECT_GT(gap("1"), 1e-2);
  EXPECT_LT(gap("2"), 2e-6);
  EXPECT_LT(gap("7"), 2e-6);
}

TEST(IntegratedGradients, WeightsSumToOneForAnyNumberOfSteps) {
  Build b({kRows, 4});
  addHead(b);  // linear: the map is (x − x′)·w times the sum of the weights
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const std::string& method) {
    return explainImage(b.graph, method, *backend, {0.5, -1, 0.75, 1}, {classQuestion(1)})[0].map;
  };
  const Doubles expected = mapOf("taylor");
  for (const char* rule : {"gauss-legendre", "trapezoid", "right"})
    for (const char* steps : {"1", "2", "5", "50", "333"})
      expectClose(mapOf(std::string("integrated-gradients:rule=") + rule + ",steps=" + steps), expected, 1e-6,
                  std::string(rule) + " " + steps);
}

TEST(IntegratedGradients, BaselinesOfEveryKind) {
  Build b({kRows, 2, 1, 2});
  addHead(b, 1);
  const auto backend = makeReferenceBackend();
  const auto& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  const Doubles x = {1, 3, -2, 0.5};
  const auto expectBaseline = [&](const std::string& key, const Doubles& base, const BaselineFacts& facts) {
    Doubles expected;
    for (std::size_t i = 0; i < 4; ++i) expected.push_back((x[i] - base[i]) * static_cast<double>(w[i]));
    const auto maps =
        explainImage(b.graph, "integrated-gradients:baseline=" + key, *backend, x, {classQuestion(0)}, facts);
    expectClose(maps[0].map, expected, 1e-6, key);
  };
  expectBaseline("zero", {0, 0, 0, 0}, {});
  expectBaseline("mean", {2, 2, -0.75, -0.75}, {});
  expectBaseline("black", {-1, -1, -2, -2}, {InputBounds{{-1, -2}, {1, 1}}, {}});
  expectBaseline("f.npy", {4, 3, 2, 1}, picture({4, 3, 2, 1}));
  EXPECT_EQ(codeOf([&] { expectBaseline("black", Doubles(4), {}); }), ErrorCode::NotSupportedByMethod);
}

// ---- Taylor and sensitivity
// A linear head on the picture itself: the gradient is the same everywhere, so whatever the steps the map is
// w ⊙ (x − the most blurred picture), blurred here as the definition has it, in two dimensions at once.
// Where the gradient is the same everywhere every way gives w ⊙ (x − x′).
TEST(GuidedIg, IsIntegratedGradientsOnALinearNet) {
  Build b({3, 6});
  std::vector<float> weights;
  for (int i = 0; i < 18; ++i) weights.push_back(static_cast<float>(std::cos(1.3 * i)));
  b.add(Op::Dense, {b.x(), b.floats({3, 6}, weights)});
  inferShapes(b.graph);
  for (const auto& backend : bothBackends())
    for (const char* method : {"guided-ig:steps=1", "guided-ig:steps=7,fraction=0.5,anchor=1", "guided-ig"}) {
      const auto maps = explainImage(b.graph, method, *backend, kImage, {classQuestion(1)});
      for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(maps[0].map[i], weights[6 + i] * kImage[i], 1e-5) << method;
    }
}

// anchor=0 leaves the straight way alone: the left Riemann sum of integrated gradients.
TEST(GuidedIg, WithoutFreedomIsALeftSum) {
  const TwoLayers net;
  std::vector<Point> points;
  for (int k = 0; k < 5; ++k) points.push_back({k / 5.0, 1 / 5.0});
  for (const auto& backend : bothBackends()) {
    const auto maps = explainImage(net.graph, "guided-ig:steps=5,anchor=0", *backend, kImage, questions());
    const Doubles one = pathTwin(net, kImage, Doubles(6), kTarget, points),
                  other = pathTwin(net, kImage, Doubles(6), kContrast, points);
    expectClose(maps[0].map, one, 1e-5);
    expectClose(maps[1].map, other, 1e-5);
  }
}

// One step of two, free: of the elements by |gradient| at the baseline the calmest go to the end until half of the
// distance is behind; each move counts by the gradient there.
TEST(GuidedIg, MovesWhatTheScoreDependsOnLeastFirst) {
  const TwoLayers net;
  const Doubles start(6), slopes = net.gradient(start, kTarget);
  std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5};
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return std::abs(slopes[a]) < std::abs(slopes[b]); });
  double whole = 0;
  for (const double v : kImage) whole += std::abs(v);
  Doubles at(6), expected(6);
  double left = whole / 2;
  for (const std::size_t i : order) {
    const double share = std::min(1.0, left / std::abs(kImage[i]));
    at[i] = share * kImage[i], left -= share * std::abs(kImage[i]);
    expected[i] = at[i] * slopes[i];
  }
  const Doubles later = net.gradient(at, kTarget);
  for (std::size_t i = 0; i < 6; ++i) expected[i] += (kImage[i] - at[i]) * later[i];
  for (const auto& backend : bothBackends())
    expectClose(
        explainImage(net.graph, "guided-ig:steps=2,fraction=0.01,anchor=1", *backend, kImage, questions())[0].map,
        expected, 1e-5);
}

TEST(GuidedIg, ReportsItsGap) {
  const TwoLayers net;
  const Doubles base = {-0.5, 0.25, 1, 0, 0.125, -2};
  for (const auto& backend : bothBackends()) {
    const auto maps =
        explainImage(net.graph, "guided-ig:steps=3,baseline=b.npy", *backend, kImage, questions(), picture(base));
    for (std::size_t q = 0; q < 2; ++q) {
      const Doubles& seed = q == 0 ? kTarget : kContrast;
      const double change = net.score(kImage, seed) - net.score(base, seed);
      EXPECT_NEAR(factOf(maps[q], "f(x) - f(baseline)"), change, 1e-6);
      EXPECT_NEAR(factOf(maps[q], "completeness gap"), sum(maps[q].map) - change, 1e-6);
    }
  }
}

TEST(GuidedIg, RefusesWhatIsNoShare) {
  for (const char* bad : {"fraction=0", "fraction=1.5", "anchor=-0.1", "anchor=2", "fraction=nan"})
    EXPECT_EQ(codeOf([&] { parseMethod(std::string("guided-ig:") + bad); }), ErrorCode::InvalidMethodParameter) << bad;
}

TEST(BlurIg, OfALinearNetIsItsWeightsTimesWhatBlurringTookAway) {
  const double sigma = 1.5;
  const int radius = 6;
  Build b({3, 2, 4, 5});
  std::vector<float> weights;
  for (int i = 0; i < 120; ++i) weights.push_back(static_cast<float>(std::cos(1.3 * i)));
  b.add(Op::Dense, {reshaped(b, {3, 40}), b.floats({3, 40}, weights)});
  inferShapes(b.graph);
  Doubles x;
  for (int i = 0; i < 40; ++i) x.push_back(std::sin(0.7 * i));
  double total = 0;
  for (int i = -radius; i <= radius; ++i)
    for (int j = -radius; j <= radius; ++j) total += std::exp(-(i * i + j * j) / (2 * sigma * sigma));
  Doubles expected;
  for (int c = 0; c < 2; ++c)
    for (int y = 0; y < 4; ++y)
      for (int u = 0; u < 5; ++u) {
        double mean = 0;
        for (int v = 0; v < 4; ++v)
          for (int t = 0; t < 5; ++t)
            mean += std::exp(-((v - y) * (v - y) + (t - u) * (t - u)) / (2 * sigma * sigma)) / total *
                    x[static_cast<std::size_t>(c * 20 + v * 5 + t)];
        const auto at = static_cast<std::size_t>(c * 20 + y * 5 + u);
        expected.push_back(weights[40 + at] * (x[at] - mean));
      }
  for (const auto& backend : bothBackends())
    for (const char* method : {"blur-ig:sigma=1.5,steps=7", "blur-ig:sigma=1.5,steps=1"}) {
      const auto maps = explainImage(b.graph, method, *backend, x, {classQuestion(1)});
      expectClose(maps[0].map, expected, 1e-5);
      EXPECT_NEAR(maps[0].facts.at(1).second, 0, 1e-5);  // its gap
    }
}

TEST(BlurIg, RefusesWhatIsNoBlurAndNoPicture) {
  for (const char* bad : {"0", "-1", "2000", "nan"})
    EXPECT_EQ(codeOf([&] { parseMethod(std::string("blur-ig:sigma=") + bad); }), ErrorCode::InvalidMethodParameter)
        << bad;
  const TwoLayers net;
  EXPECT_EQ(codeOf([&] { explainImage(net.graph, "blur-ig", *makeReferenceBackend(), kImage, questions()); }),
            ErrorCode::NotSupportedByMethod);
}

TEST(Taylor, IsTheGradientAtTheRootTimesTheDifference) {
  const TwoLayers net;
  const Doubles root = {-0.5, 0.25, 1, 0, 0.125, -2};
  for (const auto& backend : bothBackends()) {
    const auto maps = explainImage(net.graph, "taylor:baseline=root.npy", *backend, kImage, questions(), picture(root));
    expectClose(maps[0].map, pathTwin(net, kImage, root, kTarget, {{0, 1}}), 1e-6);
    expectClose(maps[1].map, pathTwin(net, kImage, root, kContrast, {{0, 1}}), 1e-6);
  }
}

TEST(Sensitivity, IsTheSquareOfTheGradient) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  const Array x{{kRows, 6}, input({kRows, 6}).data};
  const Method m = parseMethod("sensitivity");
  const Doubles raw = explain(net.graph, m, *backend, x, {0, 0, 1, 1, 0, 0, 0, 1, 0}).relevance;
  std::vector<float> map(raw.begin(), raw.begin() + 6);
  Shape shape = {6, 1, 1};
  finishMap(m.finish, shape, map);
  Doubles expected = net.gradient({x.data.begin(), x.data.begin() + 6}, kTarget);
  for (double& v : expected) v *= v;
  expectClose({map.begin(), map.end()}, expected, 1e-6);
}

// ---- noise
std::vector<Doubles> noisyCopies(const Doubles& x, float noise, unsigned seed, int samples) {
  std::vector<Doubles> all;
  const std::vector<float> image(x.begin(), x.end());
  std::vector<float> copy(x.size());
  for (int k = 0; k < samples; ++k) {
    NoiseSource(image.data(), image.size(), noise, seed, k).fill(copy.data());
    all.emplace_back(copy.begin(), copy.end());
  }
  return all;
}

TEST(NoiseSource, IsNormalWithAShareOfTheRangeAsDeviation) {
  std::vector<float> x(100001, 2.0f), copy(x.size());
  x.back() = 6;
  NoiseSource(x.data(), x.size(), 0.1f, 3, 0).fill(copy.data());
  double mean = 0, square = 0, fourth = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = (static_cast<double>(copy[i]) - x[i]) / 0.4;
    mean += d, square += d * d, fourth += d * d * d * d;
  }
  const auto n = static_cast<double>(x.size());
  EXPECT_NEAR(mean / n, 0, 0.015);
  EXPECT_NEAR(square / n, 1, 0.02);
  EXPECT_NEAR(fourth / n, 3, 0.15);
}

TEST(NoiseSource, SamplesAndSeedsDiffer) {
  const Doubles x = {0, 1, 2, 3, 4, 5};
  const auto one = noisyCopies(x, 0.1f, 0, 3), other = noisyCopies(x, 0.1f, 1, 3);
  EXPECT_NE(one[0], one[1]);
  EXPECT_NE(one[1], one[2]);
  for (std::size_t a = 0; a < 3; ++a)
    for (const Doubles& b : other) EXPECT_NE(one[a], b);
  EXPECT_EQ(noisyCopies(x, 0.1f, 1, 3), other);
}

TEST(SmoothGrad, MeanAndVarianceOfTheGradientsOfItsCopies) {
  const TwoLayers net;
  const auto copies = noisyCopies(kImage, 0.3f, 5, 7);
  Doubles mean(6), variance(6);
  for (const Doubles& x : copies) {
    const Doubles g = net.gradient(x, kTarget);
    for (std::size_t i = 0; i < 6; ++i) mean[i] += g[i] / 7;
  }
  for (const Doubles& x : copies) {
    const Doubles g = net.gradient(x, kTarget);
    for (std::size_t i = 0; i < 6; ++i) variance[i] += std::pow(g[i] - mean[i], 2) / 7;
  }
  for (const auto& backend : bothBackends()) {
    const auto mapOf = [&](const std::string& method) {
      return explainImage(net.graph, method, *backend, kImage, questions())[0].map;
    };
    expectClose(mapOf("smoothgrad:samples=7,noise=0.3,rng=5"), mean, 1e-6);
    expectClose(mapOf("gradient:samples=7,noise=0.3,rng=5"), mean, 1e-6);
    expectClose(mapOf("vargrad:samples=7,noise=0.3,rng=5"), variance, 1e-5);
  }
}

TEST(SmoothGrad, IsTheGradientOnALinearNetAndHasNoVariance) {
  Build b({kRows, 6});
  addHead(b);
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const char* method) {
    return explainImage(b.graph, method, *backend, kImage, {classQuestion(1)})[0].map;
  };
  const auto& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  expectClose(mapOf("smoothgrad"), {w.begin() + 6, w.begin() + 12}, 1e-6);
  for (double v : mapOf("vargrad")) EXPECT_NEAR(v, 0, 1e-14);
}

TEST(Noise, SameSeedSameBits) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  for (const std::string method : {"smoothgrad", "vargrad", "gradient-shap", "lrp-zplus:noise=0.1",
                                   "integrated-gradients:steps=3,noise=0.1", "rap:noise=0.2"}) {
    const auto mapOf = [&](const std::string& rng) {
      const std::string glue = method.find(':') == std::string::npos ? ":" : ",";
      return explainImage(net.graph, method + glue + "rng=" + rng, *backend, kImage, questions())[0].map;
    };
    EXPECT_EQ(mapOf("4"), mapOf("4")) << method;
    EXPECT_NE(mapOf("4"), mapOf("5")) << method;
  }
}

// The mean of squares, not the square of the mean.
TEST(Noise, AveragesFinishedMaps) {
  const TwoLayers net;
  Doubles expected(6);
  for (const Doubles& x : noisyCopies(kImage, 0.5f, 1, 4)) {
    const Doubles g = net.gradient(x, kTarget);
    for (std::size_t i = 0; i < 6; ++i) expected[i] += g[i] * g[i] / 4;
  }
  const auto backend = makeReferenceBackend();
  const std::string text = "sensitivity:noise=0.5,samples=4,rng=1";
  expectClose(explainImage(net.graph, text, *backend, kImage, questions())[0].map, expected, 1e-6);
  EXPECT_TRUE(parseMethod(text).finish.empty()) << "done once, in the copies";
  EXPECT_EQ(parseMethod(text + ",normalize=on").finish.size(), 1u);
}

// Maps may be smaller than the image: relevance summed over channels.
TEST(Noise, AveragesPlanes) {
  Build b({2, 3, 4, 4});
  b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({5, 3, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}})});
  addHead(b);
  const auto backend = makeReferenceBackend();
  const auto maps =
      explainImage(b.graph, "lrp-resnet:noise=0.1,samples=5", *backend, input({3, 4, 4}).data, {classQuestion(1)});
  EXPECT_EQ(maps[0].shape, (Shape{1, 4, 4}));
  EXPECT_EQ(maps[0].map.size(), 16u);
  EXPECT_GT(std::set<double>(maps[0].map.begin(), maps[0].map.end()).size(), 8u) << "means of maps of 8 levels each";
}

// A procedure of its own is run on every copy.
TEST(Noise, AroundAProcedureIsTheMeanOfItsMaps) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  Doubles expected(6);
  for (const Doubles& x : noisyCopies(kImage, 0.2f, 1, 4)) {
    const Doubles one = pathTwin(net, x, Doubles(6), kTarget, {{0.5, 1}});
    for (std::size_t i = 0; i < 6; ++i) expected[i] += one[i] / 4;
  }
  const auto maps =
      explainImage(net.graph, "integrated-gradients:steps=1,noise=0.2,samples=4,rng=1", *backend, kImage, questions());
  expectClose(maps[0].map, expected, 1e-6);
}

// ---- gradient-shap
TEST(GradientShap, WithoutNoiseIsExactOnALinearNet) {
  Build b({kRows, 6});
  addHead(b);
  const auto backend = makeReferenceBackend();
  const Doubles base = {-0.5, 0.25, 1, 0, 0.125, -2};
  const auto& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  Doubles expected;
  for (std::size_t i = 0; i < 6; ++i) expected.push_back((kImage[i] - base[i]) * static_cast<double>(w[6 + i]));
  const auto maps = explainImage(b.graph, "gradient-shap:noise=0,baseline=b.npy", *backend, kImage, {classQuestion(1)},
                                 picture(base));
  expectClose(maps[0].map, expected, 1e-6);
}

// Without noise it is integrated gradients with random points: close for many.
TEST(GradientShap, TendsToTheIntegral) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const char* method) {
    return explainImage(net.graph, method, *backend, kImage, {classQuestion(2)})[0].map;
  };
  const Doubles few = mapOf("gradient-shap:noise=0,samples=10"), many = mapOf("gradient-shap:noise=0,samples=20000"),
                exact = mapOf("integrated-gradients");
  expectClose(many, exact, 0.01);
  double worst = 0;
  for (std::size_t i = 0; i < 6; ++i) worst = std::max(worst, std::abs(few[i] - exact[i]));
  EXPECT_GT(worst, 1e-3) << "ten random points are not the integral";
}

// E[(x̂ − x′)·w] = (x − x′)·w; the mean of n copies is off by noise·range·|w|/√n.
TEST(GradientShap, NoiseAveragesOut) {
  Build b({kRows, 6});
  addHead(b);
  const auto backend = makeReferenceBackend();
  const auto& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  const auto map =
      explainImage(b.graph, "gradient-shap:noise=0.2,samples=4000", *backend, kImage, {classQuestion(1)})[0].map;
  const double deviation = 0.2 * 3.25 / std::sqrt(4000.0);
  for (std::size_t i = 0; i < 6; ++i) {
    const double weight = static_cast<double>(w[6 + i]);
    EXPECT_NEAR(map[i], kImage[i] * weight, 4 * deviation * std::abs(weight));
    EXPECT_NE(map[i], kImage[i] * weight);
  }
}

// ---- what all of them do
TEST(Procedures, TellHowFarTheyAre) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  std::vector<std::int64_t> done;
  explainImage(net.graph, "integrated-gradients:steps=7", *backend, kImage, questions(), {},
               [&](std::int64_t at, std::int64_t total) {
                 EXPECT_EQ(total, 7);
                 done.push_back(at);
               });
  EXPECT_EQ(done, (std::vector<std::int64_t>{3, 6, 7}));
}

TEST(Procedures, StopWhenTheyAreTold) {
  const TwoLayers net;
  const auto backend = makeReferenceBackend();
  int batches = 0;
  const auto stop = [&](std::int64_t, std::int64_t) {
    if (++batches == 2) throw Error(ErrorCode::Cancelled, "explain", "stopped");
  };
  EXPECT_EQ(codeOf([&] { explainImage(net.graph, "smoothgrad", *backend, kImage, questions(), {}, stop); }),
            ErrorCode::Cancelled);
  EXPECT_EQ(batches, 2);
}

}  // namespace path_test
}  // namespace relprop::test
