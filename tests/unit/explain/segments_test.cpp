// LIME and Kernel SHAP: against Shapley values by their definition, the condition of a minimum, and linear networks.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "core/superpixels.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kPictureSide = 8, kPlane = kPictureSide * kPictureSide;

BaselineFacts fromMinusOneToOne(std::size_t channels = 3) {
  return {InputBounds{std::vector<float>(channels, -1), std::vector<float>(channels, 1)}, {}};
}

// Quadrants of four colours, and a little noise.
Doubles quadrants() {
  Doubles image = input({1, 3, kPictureSide, kPictureSide}, 5, -0.05, 0.05).data;
  for (std::int64_t c = 0; c < 3; ++c)
    for (std::int64_t y = 0; y < kPictureSide; ++y)
      for (std::int64_t x = 0; x < kPictureSide; ++x)
        image[static_cast<std::size_t>((c * kPictureSide + y) * kPictureSide + x)] +=
            (y < 4 ? 0.5 : -0.5) * (c == 0 ? 1 : 0.4) + (x < 4 ? 0.3 : -0.3) * (c == 2 ? 1 : -0.4);
  return image;
}

Regions regionsOf(const Doubles& image, int count) {
  std::vector<std::uint8_t> rgb;
  for (std::size_t i = 0; i < kPlane; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      rgb.push_back(static_cast<std::uint8_t>(std::lround((image[c * kPlane + i] + 1) / 2 * 255)));
  return superpixels(rgb, kPictureSide, kPictureSide, count);
}

Graph convNet(std::int64_t rows) {
  Build b({rows, 3, kPictureSide, kPictureSide});
  b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3}), b.random({4})}, {{"pads", Ints{1, 1, 1, 1}}})});
  addHead(b);
  inferShapes(b.graph);
  return b.graph;
}

// What the network says of the picture where the segments whose bits are set are shown, others covered.
class Game {
 public:
  Game(const Doubles& image, Doubles cover, Regions segments, Backend& backend)
      : image_(image),
        cover_(std::move(cover)),
        segments_(std::move(segments)),
        network_(convNet(1), parseMethod("gradient"), backend, {}) {}
  std::size_t players() const { return segments_.size(); }
  const Regions& segments() const { return segments_; }
  double score(std::size_t bits, std::int64_t k) { return scores(bits)[static_cast<std::size_t>(k)]; }
  double probability(std::size_t bits, std::int64_t k) {
    double sum = 0;
    for (const double score : scores(bits)) sum += std::exp(score);
    return std::exp(score(bits, k)) / sum;
  }

 private:
  Doubles scores(std::size_t bits) {
    std::copy(image_.begin(), image_.end(), network_.input());
    for (std::size_t s = 0; s < segments_.size(); ++s)
      for (const std::uint32_t i : segments_[s])
        for (std::size_t c = 0; c < 3 && (bits >> s & 1) == 0; ++c)
          network_.input()[c * kPlane + i] = static_cast<float>(cover_[c * kPlane + i]);
    network_.plan().run(Phase::Forward);
    return {network_.scores(), network_.scores() + 3};
  }

  Doubles image_, cover_;
  Regions segments_;
  CompiledMethod network_;
};

// By the definition: what each player adds when it comes, mean over all orders of coming.
Doubles shapleyValues(Game& game, std::int64_t k) {
  std::vector<double> v;
  for (std::size_t bits = 0; bits < std::size_t{1} << game.players(); ++bits) v.push_back(game.score(bits, k));
  std::vector<std::size_t> order(game.players());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Doubles added(game.players());
  double orders = 0;
  do {
    std::size_t bits = 0;
    for (const std::size_t s : order) added[s] += v[bits | std::size_t{1} << s] - v[bits], bits |= std::size_t{1} << s;
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  for (double& a : added) a /= orders;
  return added;
}

TEST(KernelShap, OverEveryCoalitionIsTheShapleyValue) {
  const Doubles image = quadrants();
  for (const auto& backend : bothBackends())
    for (const std::int64_t rows : {1, 5}) {
      Game game(image, Doubles(image.size()), regionsOf(image, 5), *backend);
      ASSERT_GE(game.players(), 4u);
      ASSERT_LE(game.players(), 7u);
      const auto maps = explainImage(convNet(rows), "kernel-shap:segments=5,samples=200", *backend, image,
                                     {classQuestion(1), classQuestion(2)}, fromMinusOneToOne());
      for (std::size_t q = 0; q < 2; ++q) {
        const Doubles expected = shapleyValues(game, static_cast<std::int64_t>(q) + 1);
        for (std::size_t s = 0; s < game.players(); ++s)
          for (const std::uint32_t i : game.segments()[s])
            EXPECT_NEAR(maps[q].map[i] * static_cast<double>(game.segments()[s].size()), expected[s], 1e-5);
        EXPECT_EQ(factOf(maps[q], "coalitions"), std::pow(2.0, game.players()) - 2);
      }
    }
}

TEST(KernelShap, SumsToWhatTheCoverTakesWhateverIsDrawn) {
  const Doubles image = quadrants();
  const auto backend = makeReferenceBackend();
  Doubles mean(image.size());
  for (std::size_t c = 0; c < 3; ++c)
    std::fill_n(mean.begin() + static_cast<std::ptrdiff_t>(c * kPlane), kPlane,
                std::accumulate(image.begin() + static_cast<std::ptrdiff_t>(c * kPlane),
                                image.begin() + static_cast<std::ptrdiff_t>((c + 1) * kPlane), 0.0) /
                    kPlane);
  Game whole(image, mean, {std::vector<std::uint32_t>()}, *backend);
  std::vector<std::uint32_t> all(kPlane);
  std::iota(all.begin(), all.end(), 0u);
  Game covered(image, mean, {all}, *backend);
  const Attribution a = explainImage(convNet(1), "kernel-shap:segments=16,samples=60,fill=mean", *backend, image,
                                     {classQuestion(1)}, fromMinusOneToOne())[0];
  EXPECT_NEAR(sum(a.map), whole.score(1, 1) - covered.score(0, 1), 1e-6);
  EXPECT_NEAR(factOf(a, "f(x) - f(covered)"), sum(a.map), 1e-6);
  EXPECT_EQ(factOf(a, "coalitions"), 60);
}

TEST(KernelShap, OfFewSamplesComesNearTheShapleyValue) {
  const Doubles image = quadrants();
  const auto backend = makeReferenceBackend();
  Game game(image, Doubles(image.size()), regionsOf(image, 10), *backend);
  ASSERT_GE(game.players(), 7u);
  const auto map = [&](const std::string& keys) {
    return explainImage(convNet(16), "kernel-shap:segments=10," + keys, *backend, image, {classQuestion(1)},
                        fromMinusOneToOne())[0]
        .map;
  };
  const std::string every = "samples=100000";
  const Doubles exact = map(every);
  const auto error = [&](const std::string& keys) {
    const Doubles got = map(keys);
    double square = 0, all = 0;
    for (std::size_t i = 0; i < got.size(); ++i) square += std::pow(got[i] - exact[i], 2), all += exact[i] * exact[i];
    return std::sqrt(square / all);
  };
  const std::string most = std::to_string((1 << game.players()) - 3);  // one too few for every coalition
  EXPECT_LT(error("samples=" + most), 0.1);
  EXPECT_GT(error("samples=" + most), 0);
  EXPECT_NE(map("samples=60,rng=1"), map("samples=60,rng=2"));
  EXPECT_EQ(map("samples=60,rng=1"), map("samples=60,rng=1"));
}

// At the minimum the objective has no slope: Σ π·(f − model)·z = λ·w for each segment, and Σ π·(f − model) = 0.
TEST(Lime, IsAtTheMinimum) {
  const Doubles image = quadrants();
  constexpr int kSamples = 40;
  const double width = 0.3, ridge = 0.5;
  for (const auto& backend : bothBackends()) {
    Game game(image, Doubles(image.size()), regionsOf(image, 8), *backend);
    const std::size_t players = game.players();
    const auto maps = explainImage(convNet(7), "lime:segments=8,samples=40,fill=zero,width=0.3,ridge=0.5,rng=3",
                                   *backend, image, {classQuestion(1)}, fromMinusOneToOne());
    std::vector<std::size_t> bits = {(std::size_t{1} << players) - 1};
    for (int k = 1; k < kSamples; ++k) {
      RandomNumbers random(3, k);
      bits.push_back(0);
      for (std::size_t s = 0; s < players; ++s) bits.back() |= random.uniform() < 0.5 ? std::size_t{1} << s : 0;
    }
    Doubles w, pi, residual;
    for (const auto& segment : game.segments()) w.push_back(maps[0].map[segment[0]]);
    double sumOfPi = 0, offset = 0;
    for (const std::size_t z : bits) {
      double model = 0;
      for (std::size_t s = 0; s < players; ++s) model += (z >> s & 1) != 0 ? w[s] : 0;
      const double d = 1 - std::sqrt(static_cast<double>(std::popcount(z)) / static_cast<double>(players));
      pi.push_back(std::exp(-d * d / (width * width)));
      residual.push_back(game.probability(z, 1) - model);
      sumOfPi += pi.back(), offset += pi.back() * residual.back();
    }
    for (std::size_t s = 0; s < players; ++s) {
      double slope = -ridge * w[s];
      for (std::size_t k = 0; k < bits.size(); ++k)
        if ((bits[k] >> s & 1) != 0) slope += pi[k] * (residual[k] - offset / sumOfPi);
      EXPECT_NEAR(slope, 0, 1e-6) << s;
    }
  }
}

// A linear network is its own linear model: each segment has what its pixels bring, however few coalitions are drawn.
TEST(Segments, OfALinearNetworkHaveWhatTheirPixelsBring) {
  Build b({4, 3, kPictureSide, kPictureSide});
  addHead(b);
  inferShapes(b.graph);
  const std::vector<float>& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  const Doubles image = quadrants();
  const auto backend = makeReferenceBackend();
  const Regions segments = regionsOf(image, 16);
  for (const std::string method :
       {"kernel-shap:segments=16,samples=60", "lime:segments=16,samples=60,ridge=0,fill=zero,value=score"}) {
    const Doubles map = explainImage(b.graph, method, *backend, image, {classQuestion(1)}, fromMinusOneToOne())[0].map;
    for (const auto& segment : segments) {
      double expected = 0, got = 0;
      for (const std::uint32_t i : segment) {
        for (std::size_t c = 0; c < 3; ++c) expected += image[c * kPlane + i] * w[3 * kPlane + c * kPlane + i];
        got += method[0] == 'k' ? map[i] : map[i] / static_cast<double>(segment.size());
      }
      EXPECT_NEAR(got, expected, 1e-5) << method;
    }
  }
}

const std::vector<std::string>& bothSegmentMethods() {
  static const std::vector<std::string> both = {"lime:segments=9,samples=50", "kernel-shap:segments=9,samples=50"};
  return both;
}

TEST(Segments, GiveTheSameBitsInBatchesOfAnySize) {
  const Doubles image = quadrants();
  for (const auto& backend : bothBackends())
    for (const std::string& method : bothSegmentMethods())
      EXPECT_EQ(explainImage(convNet(1), method, *backend, image, {classQuestion(1)}, fromMinusOneToOne())[0].map,
                explainImage(convNet(6), method, *backend, image, {classQuestion(1)}, fromMinusOneToOne())[0].map)
          << method;
}

TEST(Segments, OfAConstantPictureThatCoversItselfAreWorthNothing) {
  const auto backend = makeReferenceBackend();
  for (const std::string& method : bothSegmentMethods())
    for (const char* fill : {"segment", "mean"}) {
      const auto maps = explainImage(convNet(4), method + ",fill=" + fill, *backend, Doubles(3 * kPlane, 0.25),
                                     {classQuestion(1)}, fromMinusOneToOne());
      for (const double v : maps[0].map) EXPECT_NEAR(v, 0, 1e-6) << method;
    }
}

// Not its rounding, which a map would show at full strength.
TEST(Segments, OfAConstantScoreAreZeroToTheBit) {
  for (const auto& backend : bothBackends())
    for (const std::string& method : bothSegmentMethods()) {
      const Attribution a = explainImage(convNet(4), method + ",fill=segment", *backend, Doubles(3 * kPlane, 0.25),
                                         {classQuestion(1)}, fromMinusOneToOne())[0];
      for (const double v : a.map) ASSERT_EQ(v, 0) << method;
      if (method.starts_with("lime")) EXPECT_EQ(factOf(a, "R2 of the linear model"), 1);
      EXPECT_STREQ(a.whyZero, "covering a segment changes nothing; try another fill=");
    }
}

// A score that overflows where a segment is covered is no constant one.
TEST(Segments, OfAScoreThatOverflowsAreNotNothing) {
  const auto backend = makeReferenceBackend();
  BaselineFacts facts = fromMinusOneToOne();
  for (float& low : facts.bounds->low) low = -3e38f;
  for (const std::string& method : bothSegmentMethods()) {
    const Attribution a = explainImage(convNet(4), method + ",fill=black,value=score", *backend, quadrants(),
                                       {classQuestion(1)}, facts)[0];
    EXPECT_TRUE(std::any_of(a.map.begin(), a.map.end(), [](double v) { return v != 0; })) << method;
  }
}

TEST(Segments, MayBeOne) {
  const Doubles image = quadrants();
  const auto backend = makeReferenceBackend();
  std::vector<std::uint32_t> all(kPlane);
  std::iota(all.begin(), all.end(), 0u);
  Game game(image, Doubles(image.size()), {all}, *backend);
  const Doubles map =
      explainImage(convNet(2), "kernel-shap:segments=1", *backend, image, {classQuestion(1)}, fromMinusOneToOne())[0]
          .map;
  for (const double v : map) EXPECT_NEAR(v, (game.score(1, 1) - game.score(0, 1)) / kPlane, 1e-7);
}

// Colours are shares of the picture's own range where nobody says what a pixel can be; one channel is grey.
TEST(Segments, NeedNoPixelRangeAndNoColours) {
  Build b({2, 1, kPictureSide, kPictureSide});
  addHead(b);
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  const Doubles image = quadrants(), grey(image.begin(), image.begin() + kPlane);
  const auto a = explainImage(b.graph, "kernel-shap:segments=4", *backend, grey, {classQuestion(1)});
  EXPECT_GE(factOf(a[0], "segments"), 2);
  EXPECT_NE(explainImage(b.graph, "kernel-shap:segments=4,fill=blur", *backend, grey, {classQuestion(1)})[0].map,
            a[0].map);
}

TEST(Segments, SayWhatIsWrong) {
  for (const char* text : {"lime:segments=0", "lime:segments=1001", "lime:samples=1", "lime:compactness=0",
                           "lime:fill=white", "lime:value=logit", "lime:width=0", "lime:ridge=-1", "lime:baseline=zero",
                           "kernel-shap:width=1", "kernel-shap:samples=2.5", "kernel-shap:rng=-1"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
  const auto backend = makeReferenceBackend();
  const auto failure = [&](const std::string& method, const BaselineFacts& facts) {
    return failureOf([&] { explainImage(convNet(1), method, *backend, quadrants(), {classQuestion(1)}, facts); });
  };
  EXPECT_EQ(failure("lime:fill=black", {}).code(), ErrorCode::NotSupportedByMethod);
  const Error few = failure("lime:segments=16,samples=4,ridge=0", fromMinusOneToOne());
  EXPECT_EQ(few.code(), ErrorCode::InvalidMethodParameter);
  EXPECT_EQ(few.where(), "method lime, samples");
  EXPECT_EQ(few.got(), "4");
  EXPECT_EQ(few.hint(), "take more samples=, fewer segments=, or ridge= above 0");
  const Error fewToo = failure("kernel-shap:segments=16,samples=4", fromMinusOneToOne());
  EXPECT_EQ(fewToo.code(), ErrorCode::InvalidMethodParameter);
  EXPECT_EQ(fewToo.hint(), "take more samples= or fewer segments=");
}

}  // namespace
}  // namespace relprop::test
