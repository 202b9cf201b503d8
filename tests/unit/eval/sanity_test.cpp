// conservation and randomisation, with rank correlation and structural similarity.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/ssim.h"
#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

Case conserving(double seed, double sum, std::vector<double> shares = {}) {
  Case c = caseOf({1, 1, {static_cast<float>(sum)}});
  c.seed = seed, c.sum = sum;
  for (const double s : shares) c.layers.push_back({"node", s});
  return c;
}

TEST(Conservation, IsTheShareThatIsLostOrGained) {
  EXPECT_DOUBLE_EQ(score(measured("conservation", conserving(8, 6)), "input"), 0.25);
  EXPECT_DOUBLE_EQ(score(measured("conservation", conserving(8, 10)), "input"), 0.25);
  EXPECT_DOUBLE_EQ(score(measured("conservation", conserving(-8, -6)), "input"), 0.25) << "a negative logit";
  EXPECT_DOUBLE_EQ(score(measured("conservation", conserving(8, -8)), "input"), 2);
  EXPECT_EQ(score(measured("conservation", conserving(8, 8)), "input"), 0);
}

TEST(Conservation, KeepsWhatEveryNodeLost) {
  const Measured m = measured("conservation", conserving(2, 2, {1, 1.5, 0.25, 1}));
  EXPECT_EQ(score(m, "input"), 0) << "losses on the way may cancel";
  EXPECT_DOUBLE_EQ(score(m, "worst-layer"), 0.75);
  ASSERT_EQ(m.curves.size(), 1u);
  EXPECT_EQ(m.curves[0].x, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(m.curves[0].y, (std::vector<double>{1, 1.5, 0.25, 1}));
}

TEST(Conservation, WithoutLayersHasOneScore) {
  const Measured m = measured("conservation", conserving(2, 1));
  EXPECT_EQ(scoreNames(m), std::vector<std::string>{"input"});
  EXPECT_TRUE(m.curves.empty());
  EXPECT_TRUE(eval::parseProtocol("conservation").layers);
}

TEST(Conservation, NeedsRelevanceToBeginWith) {
  EXPECT_EQ(measured("conservation", conserving(0, 1, {0.5})).skipped, "no relevance was put in");
}

Case randomised(Plane map, const std::vector<Plane>& stages) {
  Case c = caseOf(std::move(map));
  for (const Plane& stage : stages)
    c.randomised.push_back({"layer" + std::to_string(c.randomised.size()), stage,
                            static_cast<double>(c.randomised.size() + 1) / static_cast<double>(stages.size())});
  return c;
}

double spearman(std::vector<float> a, std::vector<float> b) {
  const int n = static_cast<int>(a.size());
  return score(measured("randomisation", randomised({1, n, std::move(a)}, {{1, n, std::move(b)}})), "spearman");
}

TEST(Spearman, OfOrders) {
  EXPECT_NEAR(spearman({1, 2, 3, 4}, {10, 20, 30, 1000}), 1, 1e-12);
  EXPECT_NEAR(spearman({1, 2, 3, 4}, {9, 5, 2, 1}), -1, 1e-12);
  EXPECT_NEAR(spearman({1, -2, 3, -4}, {-1, 2, 3, 4}), 1, 1e-12) << "signs do not count";
  // Ranks 1.5 1.5 3 4 and 1 2 3.5 3.5: the products of deviations sum to 4, the squares to 4.5 and 4.5.
  EXPECT_NEAR(spearman({1, 1, 2, 3}, {1, 2, 3, 3}), 4 / 4.5, 1e-12);
}

// Without ties: 1 − 6 Σ d² / (n (n² − 1)).
TEST(Spearman, IsTheTextbooksFormula) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    const std::vector<float> a = randomValues(50, seed, 0, 1), b = randomValues(50, seed + 100, 0, 1);
    double squares = 0;
    for (std::size_t i = 0; i < 50; ++i) {
      int ra = 0, rb = 0;
      for (std::size_t k = 0; k < 50; ++k) ra += a[k] < a[i], rb += b[k] < b[i];
      squares += (ra - rb) * (ra - rb);
    }
    EXPECT_NEAR(spearman(a, b), 1 - 6 * squares / (50.0 * (2500 - 1)), 1e-12);
  }
}

// Every window by itself with weights in two dimensions.
double ssimTwin(const Plane& a, const Plane& b) {
  const int wh = std::min(11, a.height), ww = std::min(11, a.width);
  const auto top = [](const Plane& p) {
    float t = 0;
    for (const float h : p.values) t = std::max(t, std::abs(h));
    return static_cast<double>(t);
  };
  double total = 0, places = 0;
  for (int y = 0; y + wh <= a.height; ++y)
    for (int x = 0; x + ww <= a.width; ++x, ++places) {
      std::vector<double> weight, va, vb;
      for (int j = 0; j < wh; ++j)
        for (int i = 0; i < ww; ++i) {
          const double dy = j - (wh - 1) / 2.0, dx = i - (ww - 1) / 2.0;
          weight.push_back(std::exp(-(dx * dx + dy * dy) / 4.5));
          const auto at = static_cast<std::size_t>((y + j) * a.width + x + i);
          va.push_back(a.values[at] / top(a)), vb.push_back(b.values[at] / top(b));
        }
      const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
      double ma = 0, mb = 0, saa = 0, sbb = 0, sab = 0;
      for (std::size_t k = 0; k < weight.size(); ++k) ma += weight[k] / sum * va[k], mb += weight[k] / sum * vb[k];
      for (std::size_t k = 0; k < weight.size(); ++k) {
        const double w = weight[k] / sum;
        saa += w * (va[k] - ma) * (va[k] - ma), sbb += w * (vb[k] - mb) * (vb[k] - mb);
        sab += w * (va[k] - ma) * (vb[k] - mb);
      }
      total += (2 * ma * mb + 1e-4) * (2 * sab + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (saa + sbb + 9e-4));
    }
  return total / places;
}

TEST(Ssim, IsItsDefinition) {
  unsigned seed = 0;
  for (const auto& [height, width] : {std::pair{20, 15}, {11, 11}, {12, 40}, {7, 30}, {4, 3}, {1, 9}, {2, 1}}) {
    const auto count = static_cast<std::size_t>(height * width);
    const Plane a{height, width, randomValues(count, ++seed, 0, 3)},
        b{height, width, randomValues(count, ++seed, 0, 9)};
    EXPECT_NEAR(eval::structuralSimilarity(a, b), ssimTwin(a, b), 1e-10) << height << "×" << width;
  }
}

TEST(Ssim, IsOneForTheSameMapAtAnyScale) {
  Plane a{16, 16, randomValues(256, 1, 0, 1)}, b = a;
  for (float& v : b.values) v *= 512;
  EXPECT_NEAR(eval::structuralSimilarity(a, b), 1, 1e-12);
  const Plane c{16, 16, randomValues(256, 2, 0, 1)};
  EXPECT_DOUBLE_EQ(eval::structuralSimilarity(a, c), eval::structuralSimilarity(c, a));
  EXPECT_LT(eval::structuralSimilarity(a, c), 0.5);
}

// One more network re-drawn at each stage.
TEST(Randomisation, ReportsTheLastStageAndTheMeanOfAll) {
  const Plane map{1, 4, {1, 2, 3, 4}}, same{1, 4, {-10, 20, 30, 40}}, reversed{1, 4, {4, 3, 2, 1}};
  const Measured m = measured("randomisation", randomised(map, {same, reversed}));
  EXPECT_NEAR(score(m, "spearman"), -1, 1e-12);
  EXPECT_NEAR(score(m, "mean-spearman"), 0, 1e-12);
  EXPECT_NEAR(score(m, "ssim"), ssimTwin(map, reversed), 1e-12);
  EXPECT_NEAR(score(m, "mean-ssim"), (1 + ssimTwin(map, reversed)) / 2, 1e-6);
  EXPECT_EQ(m.scores.front().name, "spearman") << "the headline comes first";
  ASSERT_EQ(m.curves.size(), 2u);
  for (const Curve& curve : m.curves) EXPECT_EQ(curve.x, (std::vector<double>{0.5, 1}));
  EXPECT_NEAR(m.curves[0].y[0], 1, 1e-12);
  EXPECT_NEAR(m.curves[0].y[1], -1, 1e-12);
  EXPECT_NEAR(m.curves[1].y[0], 1, 1e-6);
}

// Of four layers in three stages one, three and four are re-drawn.
TEST(Randomisation, ItsCurveIsOverTheShareOfLayersThatAreRedrawn) {
  const Plane map{1, 4, {1, 2, 3, 4}}, other{1, 4, {4, 3, 2, 1}};
  Case c = caseOf(map);
  c.randomised = {{"a", map, 0.25}, {"c", map, 0.75}, {"d", other, 1}};
  for (const Curve& curve : measured("randomisation", c).curves)
    EXPECT_EQ(curve.x, (std::vector<double>{0.25, 0.75, 1}));
}

TEST(Randomisation, SkipsWhatHasNoRanks) {
  const Plane map{1, 3, {1, 2, 3}}, flat{1, 3, {2, -2, 2}}, zero{1, 3, {0, 0, 0}};
  EXPECT_EQ(measured("randomisation", randomised(flat, {map})).skipped, "the magnitude of the map is constant");
  EXPECT_EQ(measured("randomisation", randomised(zero, {map})).skipped, "the magnitude of the map is constant");
  EXPECT_EQ(measured("randomisation", randomised(map, {map, zero})).skipped,
            "the magnitude of the map is constant once layer1 is re-drawn");
  EXPECT_EQ(measured("randomisation", randomised(map, {})).skipped, "the network has no layer to re-draw");
  EXPECT_EQ(measured("randomisation", randomised({1, 1, {3}}, {{1, 1, {4}}})).skipped,
            "the magnitude of the map is constant")
      << "one pixel";
}

// ---- over noisy copies
// A network whose map is its input.
Case echoing(const std::vector<float>& input) {
  Case c = caseOf({1, static_cast<int>(input.size()), input});
  c.input = input.data();
  c.explain = [&input](std::int64_t count, const Fill& fill) {
    std::vector<Plane> maps;
    for (std::int64_t k = 0; k < count; ++k) {
      Plane map{1, static_cast<int>(input.size()), std::vector<float>(input.size())};
      fill(k, map.values.data());
      maps.push_back(std::move(map));
    }
    return maps;
  };
  return c;
}

TEST(SmoothedRandomisation, ComparesMeansOverTheSameCopies) {
  const std::vector<float> input = randomValues(40, 3, 0, 1);
  Case c = echoing(input);
  const std::vector<Plane> copies = [&] {
    std::vector<Plane> seen;
    (void)eval::meanOfCopies(c, {7, 0.5},
                             [&](std::int64_t count, const Fill& fill) { return seen = c.explain(count, fill); });
    return seen;
  }();
  ASSERT_EQ(copies.size(), 7u);
  EXPECT_NE(copies[0].values, copies[1].values);
  std::vector<float> mean(40);
  for (std::size_t i = 0; i < 40; ++i) {
    double sum = 0;
    for (const Plane& copy : copies) sum += copy.values[i];
    mean[i] = static_cast<float>(sum / 7);
  }
  const Plane stage{1, 40, randomValues(40, 4)};
  c.randomised = {{"last", stage}};
  const double smoothed = score(measured("randomisation:samples=7,noise=0.5", c), "spearman");
  EXPECT_NEAR(smoothed, spearman(mean, stage.values), 1e-9);
  EXPECT_GT(std::abs(smoothed - score(measured("randomisation", c), "spearman")), 1e-3);
}

// x + noise·(max − min)·N(0, 1): the spread of many copies is that.
TEST(SmoothedRandomisation, CopiesHaveTheNoiseThatIsAskedFor) {
  const std::vector<float> input = {-1, 3};  // a range of 4
  const Case c = echoing(input);
  double sum = 0, squares = 0;
  (void)eval::meanOfCopies(c, {20000, 0.25}, [&](std::int64_t count, const Fill& fill) {
    std::vector<Plane> maps = c.explain(count, fill);
    for (const Plane& map : maps) sum += map.values[0] + 1, squares += std::pow(map.values[0] + 1.0, 2);
    return maps;
  });
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.05);
}

TEST(SmoothedRandomisation, OfAPictureOfOneColourIsThatOfThePicture) {
  const std::vector<float> input(4, 2);
  Case c = echoing(input);
  c.randomised = {{"last", {1, 4, {1, 2, 3, 4}}}};
  EXPECT_EQ(measured("randomisation:samples=3", c).skipped, "the magnitude of the map is constant");
}

// ---- entropy
// Every pixel's bin by itself, from the definition.
double entropyTwin(const std::vector<float>& map, int bins) {
  double low = 1e30, high = 0;
  for (const float h : map)
    low = std::min(low, std::abs(static_cast<double>(h))), high = std::max(high, std::abs(static_cast<double>(h)));
  double entropy = 0;
  for (int b = 0; b < bins; ++b) {
    const double from = low + (high - low) * b / bins, to = low + (high - low) * (b + 1) / bins;
    double count = 0;
    for (const float h : map) {
      const double v = std::abs(static_cast<double>(h));
      count += v >= from && (v < to || b + 1 == bins);
    }
    const double p = count / static_cast<double>(map.size());
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

TEST(EfficientRandomisation, IsTheRiseOfEntropy) {
  const Plane sparse{1, 8, {0, 0, 0, 0, 0, 0, 0, -1}}, even{1, 8, {0, 1, 2, 3, 4, 5, 6, 7}};
  const Measured m = measured("efficient-randomisation:bins=8", randomised(sparse, {even}));
  const double own = -(7.0 / 8 * std::log(7.0 / 8) + 1.0 / 8 * std::log(1.0 / 8)), random = std::log(8);
  EXPECT_NEAR(score(m, "entropy"), own, 1e-12);
  EXPECT_NEAR(score(m, "random-entropy"), random, 1e-12);
  EXPECT_NEAR(score(m, "rise"), (random - own) / own, 1e-12);
  EXPECT_EQ(m.scores.front().name, "rise") << "the headline comes first";
  EXPECT_LT(score(measured("efficient-randomisation:bins=8", randomised(even, {sparse})), "rise"), 0);
  EXPECT_EQ(score(measured("efficient-randomisation", randomised(even, {even})), "rise"), 0);
}

TEST(EfficientRandomisation, CountsEveryPixelOnce) {
  for (unsigned seed = 1; seed < 6; ++seed)
    for (const int bins : {2, 7, 100}) {
      const std::vector<float> a = randomValues(300, seed), b = randomValues(300, seed + 50, 0, 5);
      const Measured m = measured("efficient-randomisation:bins=" + std::to_string(bins),
                                  randomised({10, 30, a}, {{10, 30, randomValues(300, 99)}, {10, 30, b}}));
      EXPECT_NEAR(score(m, "entropy"), entropyTwin(a, bins), 1e-9);
      EXPECT_NEAR(score(m, "random-entropy"), entropyTwin(b, bins), 1e-9) << "of the last stage";
    }
}

TEST(EfficientRandomisation, NeedsAMapThatIsNotConstant) {
  const Plane map{1, 3, {1, 2, 3}}, flat{1, 3, {2, -2, 2}}, zero{1, 3, {0, 0, 0}};
  for (const Plane& constant : {flat, zero})
    EXPECT_EQ(measured("efficient-randomisation", randomised(constant, {map})).skipped,
              "the magnitude of the map is constant");
  EXPECT_EQ(score(measured("efficient-randomisation", randomised(map, {zero})), "rise"), -1) << "all is lost";
  EXPECT_EQ(measured("efficient-randomisation", randomised(map, {})).skipped, "the network has no layer to re-draw");
}

// 0 … 100 in 50 bins: two values each, and a third in the last.
TEST(Sanity, ValuesOnTheEdgeOfABinAreInTheBinAbove) {
  Plane map{1, 101, std::vector<float>(101)};
  std::iota(map.values.begin(), map.values.end(), 0.0f);
  const auto part = [](double p) { return -p * std::log(p); };
  EXPECT_NEAR(score(measured("efficient-randomisation:bins=50", randomised(map, {map})), "entropy"),
              49 * part(2.0 / 101) + part(3.0 / 101), 1e-12);
}

TEST(Protocols, OfSanityAreComplete) {
  EXPECT_EQ(completeProtocol("efficient-randomisation"), "efficient-randomisation@1:bins=100");
  EXPECT_EQ(eval::parseProtocol("efficient-randomisation").randomisedLayers, 1);
  EXPECT_EQ(completeProtocol("randomisation:samples=50"), "randomisation@1:layers=5,samples=50");
  EXPECT_EQ(completeProtocol("randomisation:samples=50,noise=0.2"), "randomisation@1:layers=5,samples=50,noise=0.2");
  EXPECT_EQ(eval::parseProtocol("randomisation:samples=50").copies.samples, 50);
  for (const char* bad : {"randomisation:samples=-1", "randomisation:samples=x", "randomisation:noise=0.2",
                          "randomisation:samples=5,noise=0", "randomisation:samples=5,noise=11",
                          "efficient-randomisation:bins=1", "efficient-randomisation:layers=5"})
    EXPECT_EQ(codeOf([&] { completeProtocol(bad); }), ErrorCode::InvalidMetricParameter) << bad;

  EXPECT_EQ(completeProtocol("conservation"), "conservation@1");
  EXPECT_EQ(completeProtocol("randomisation"), "randomisation@1:layers=5");
  EXPECT_EQ(completeProtocol("randomisation:layers=all"), "randomisation@1:layers=all");
  EXPECT_EQ(eval::parseProtocol("randomisation").randomisedLayers, 5);
  EXPECT_EQ(eval::parseProtocol("randomisation:layers=all").randomisedLayers, -1);
  for (const char* bad : {"0", "-1", "1.5", "some"})
    EXPECT_EQ(codeOf([&] { completeProtocol(std::string("randomisation:layers=") + bad); }),
              ErrorCode::InvalidMetricParameter)
        << bad;
}

}  // namespace
}  // namespace relprop::test
