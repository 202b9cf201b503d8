// Expected gradients against single gradients at the points that the seed says, and XRAI against its definition with
// sets.
#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "core/superpixels.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kEdge = 12, kArea = kEdge * kEdge;

Graph smallNet(std::int64_t rows) {
  Build b({rows, 3, kEdge, kEdge});
  b.add(Op::Sigmoid, {b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3}), b.random({4})})});
  addHead(b);
  inferShapes(b.graph);
  return b.graph;
}

Doubles gradientAt(const Doubles& x, Backend& backend) {
  return explainImage(smallNet(1), "gradient", backend, x, {classQuestion(1)})[0].map;
}

BaselineFacts pixelBounds() {
  return {InputBounds{{-1, -0.5f, -2}, {1, 0.5f, 1}}, {}};
}

Doubles pictureOf(unsigned seed) {
  return input({1, 3, kEdge, kEdge}, seed, -0.5, 0.5).data;
}

// ---- expected-gradients
TEST(ExpectedGradients, AreTheMeanOverPicturesAndPointsBetween) {
  const Doubles x = pictureOf(1);
  BaselineFacts facts;
  for (const unsigned seed : {2u, 3u, 4u}) {
    const Doubles other = pictureOf(seed);
    facts.pictures.emplace_back(other.begin(), other.end());
  }
  constexpr int kSamples = 7;
  for (const auto& backend : bothBackends()) {
    Doubles expected(x.size());
    for (int k = 0; k < kSamples; ++k) {
      const double alpha = RandomNumbers(5, k).uniform();
      const std::vector<float>& from = facts.pictures[static_cast<std::size_t>(k % 3)];
      Doubles at;
      for (std::size_t i = 0; i < x.size(); ++i) at.push_back(from[i] + alpha * (x[i] - from[i]));
      const Doubles g = gradientAt(at, *backend);
      for (std::size_t i = 0; i < x.size(); ++i) expected[i] += (x[i] - from[i]) * g[i] / kSamples;
    }
    for (const std::int64_t rows : {1, 4}) {
      const auto maps = explainImage(smallNet(rows), "expected-gradients:samples=7,rng=5", *backend, x,
                                     {classQuestion(0), classQuestion(1)}, facts);
      expectClose(maps[1].map, expected, 1e-5, backend->name());
      EXPECT_EQ(factOf(maps[1], "baselines"), 3);
    }
  }
}

// The sum over pixels is the mean of f(x) − f(x′), here over noise in the range of a pixel: of a linear net that is
// known.
TEST(ExpectedGradients, WithoutPicturesCompareWithNoise) {
  Build b({8, 3, 4, 4});
  addHead(b);
  inferShapes(b.graph);
  const std::vector<float>& w = *b.graph.value(b.graph.nodes.back().inputs[1]).constant->floats;
  const Doubles x = input({1, 3, 4, 4}, 6, -0.5, 0.5).data;
  const auto backend = makeReferenceBackend();
  const Doubles map =
      explainImage(b.graph, "expected-gradients:samples=4000", *backend, x, {classQuestion(1)}, pixelBounds())[0].map;
  const Doubles middle = {0, 0, -0.5}, range = {2, 1, 3};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double deviation = range[i / 16] / std::sqrt(12.0 * 4000) * std::abs(w[48 + i]);
    EXPECT_NEAR(map[i], (x[i] - middle[i / 16]) * w[48 + i], 5 * deviation) << i;
  }
}

TEST(ExpectedGradients, OfAPictureThatIsTheBaselineAreNothing) {
  const Doubles x = pictureOf(1);
  BaselineFacts facts;
  facts.pictures.emplace_back(x.begin(), x.end());
  EXPECT_EQ(explainImage(smallNet(1), "expected-gradients:samples=3", *makeReferenceBackend(), x, {classQuestion(1)},
                         facts)[0]
                .map,
            Doubles(x.size()));
}

TEST(ExpectedGradients, SayWhatTheyNeed) {
  for (const char* text : {"expected-gradients:samples=0", "expected-gradients:baselines=",
                           "expected-gradients:noise=11", "expected-gradients:baseline=zero"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
  const Error e = failureOf([&] {
    explainImage(smallNet(1), "expected-gradients", *makeReferenceBackend(), pictureOf(1), {classQuestion(1)});
  });
  EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(e.where(), "baselines=uniform");
  EXPECT_EQ(e.hint(), "give the preprocessing (--preprocess), or pictures with baselines=");
}

// ---- xrai
// A pixel's attribution, channels summed: half of what integrated gradients say from black, and half of white's.
Doubles blackAndWhite(const Doubles& x, Backend& backend) {
  Doubles sums(kArea);
  for (const bool white : {false, true}) {
    BaselineFacts facts = pixelBounds();
    for (std::size_t i = 0; i < x.size(); ++i)
      facts.picture.push_back((white ? facts.bounds->high : facts.bounds->low)[i / kArea]);
    const Doubles map = explainImage(smallNet(1), "integrated-gradients:steps=8,baseline=b.npy", backend, x,
                                     {classQuestion(1)}, facts)[0]
                            .map;
    for (std::size_t i = 0; i < map.size(); ++i) sums[i % kArea] += map[i] / 2;
  }
  return sums;
}

// Of the authors' program, which brings every picture to 224×224 pixels of −1 to 1.
Regions paperRegions(const std::vector<std::uint8_t>& rgb, int scale) {
  const double of = std::array{50, 100, 150, 250, 500, 1200}[static_cast<std::size_t>(scale)], share = kArea / 50176.0;
  return mergedRegions(rgb, kEdge, kEdge, of / 255 * 127.5 * share, std::max(1, int(150 * share + 0.5)));
}

std::vector<std::set<std::uint32_t>> overlappingSegments(const Doubles& x, bool slic, int scales, double radius) {
  const InputBounds bounds = *pixelBounds().bounds;
  std::vector<std::uint8_t> rgb;
  for (std::size_t i = 0; i < kArea; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      rgb.push_back(static_cast<std::uint8_t>(
          std::lround((x[c * kArea + i] - bounds.low[c]) / (bounds.high[c] - bounds.low[c]) * 255)));
  std::vector<std::set<std::uint32_t>> all;
  for (int scale = 0; scale < scales; ++scale)
    for (const auto& region : slic ? superpixels(rgb, kEdge, kEdge, 8 << scale) : paperRegions(rgb, scale)) {
      all.emplace_back();
      for (std::uint32_t i = 0; i < kArea; ++i)
        for (const std::uint32_t j : region)
          if (std::hypot(double(i / kEdge) - double(j / kEdge), double(i % kEdge) - double(j % kEdge)) <= radius)
            all.back().insert(i);
    }
  return all;
}

TEST(Xrai, TakesTheSegmentThatBringsMostAgainAndAgain) {
  const Doubles x = pictureOf(9);
  for (const auto& backend : bothBackends())
    for (const auto& [slic, radius, least] :
         {std::tuple{true, 0, 1u}, {true, 2, 1u}, {true, 2, 12u}, {false, 2, 12u}}) {
      const Doubles a = blackAndWhite(x, *backend);
      std::vector<std::set<std::uint32_t>> segments = overlappingSegments(x, slic, 3, radius);
      const double count = static_cast<double>(segments.size());
      std::set<std::uint32_t> rest;
      for (std::uint32_t i = 0; i < kArea; ++i) rest.insert(i);
      Doubles expected(kArea);
      while (!rest.empty()) {
        std::erase_if(segments, [&](const auto& s) { return s.size() < least; });
        if (segments.empty()) segments.push_back(rest);
        const auto density = [&](const std::set<std::uint32_t>& s) {
          double total = 0;
          for (const std::uint32_t i : s) total += a[i];
          return total / static_cast<double>(s.size());
        };
        const auto best = std::max_element(segments.begin(), segments.end(),
                                           [&](const auto& s, const auto& t) { return density(s) < density(t); });
        const std::set<std::uint32_t> chosen = *best;
        for (const std::uint32_t i : chosen) expected[i] = density(chosen);
        for (const std::uint32_t i : chosen) {
          rest.erase(i);
          for (auto& s : segments) s.erase(i);
        }
      }
      const std::string text = "xrai:steps=8,scales=3,dilate=" + std::to_string(radius) +
                               ",least=" + std::to_string(least) + (slic ? ",regions=slic" : "");
      const auto maps = explainImage(smallNet(5), text, *backend, x, {classQuestion(1)}, pixelBounds());
      EXPECT_EQ(maps[0].shape, (Shape{1, kEdge, kEdge}));
      EXPECT_EQ(factOf(maps[0], "segments"), count);
      expectClose(maps[0].map, expected, 1e-5, backend->name());
    }
}

TEST(Xrai, IsZeroWhereNothingMatters) {
  Build b({4, 3, kEdge, kEdge});
  const ValueId flat = reshaped(b, {4, 3 * kArea});
  b.add(Op::Dense, {flat, b.floats({2, 3 * kArea}, std::vector<float>(2 * 3 * kArea))});
  inferShapes(b.graph);
  for (const Doubles& x : {pictureOf(2), Doubles(3 * kArea, 0.1)})
    EXPECT_EQ(
        explainImage(b.graph, "xrai:steps=3", *makeReferenceBackend(), x, {classQuestion(1)}, pixelBounds())[0].map,
        Doubles(kArea));
}

TEST(Xrai, SaysWhatItNeeds) {
  for (const char* text : {"xrai:steps=0", "xrai:scales=0", "xrai:scales=7", "xrai:regions=slic,scales=9",
                           "xrai:regions=grid", "xrai:dilate=-1", "xrai:least=0", "xrai:baseline=zero"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
  const Error e =
      failureOf([&] { explainImage(smallNet(1), "xrai", *makeReferenceBackend(), pictureOf(1), {classQuestion(1)}); });
  EXPECT_EQ(e.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(e.got(), "no pixel range");
}

}  // namespace
}  // namespace relprop::test
