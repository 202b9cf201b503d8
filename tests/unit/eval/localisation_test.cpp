// outside-inside, pointing-game, relevance-mass and relevance-rank.
#include <cmath>

#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

const std::vector<std::string> kOnRegions = {"outside-inside", "pointing-game", "relevance-mass", "relevance-rank"};

Measured onBoxes(const std::string& protocol, Plane map, const std::string& boxes) {
  const Truth truth{maskOf(map.height, boxes), {}};
  Case c = caseOf(std::move(map));
  c.truth = &truth;
  return measured(protocol, c);
}

TEST(OutsideInside, ByHand) {
  // Inside 4 and −2, outside 1 and −3: means of H⁺ are 2 and ½, of H⁻ 1 and 1½.
  const Measured m = onBoxes("outside-inside", {2, 2, {4, -2, 1, -3}}, "oo..");
  EXPECT_DOUBLE_EQ(score(m, "all"), (0.5 + 1) / (2 + 1.5));
  EXPECT_DOUBLE_EQ(score(m, "pos"), 0.5 / 2);
  EXPECT_EQ(m.scores.front().name, "all") << "the headline comes first";
}

// The same by collecting both sides in lists.
TEST(OutsideInside, IsItsDefinitionOnRandomMaps) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const Plane map{9, 7, randomValues(63, seed)};
    const Truth truth{maskOf(9, std::string(63, '.')), {}};
    Truth drawn = truth;
    std::vector<double> in[2], out[2];  // H⁺, H⁻
    for (std::size_t i = 0; i < 63; ++i) {
      const bool inside = (i * seed) % 5 < 2;
      drawn.boxes->values[i] = inside ? Mask::kObject : Mask::kBackground;
      const double h = map.values[i];
      auto& side = inside ? in : out;
      side[0].push_back(h > 0 ? h : 0), side[1].push_back(h < 0 ? -h : 0);
    }
    const auto mean = [](const std::vector<double>& v) {
      double sum = 0;
      for (const double x : v) sum += x;
      return sum / static_cast<double>(v.size());
    };
    Case c = caseOf(map);
    c.truth = &drawn;
    if (in[0].empty() || out[0].empty()) continue;
    const Measured m = measured("outside-inside", c);
    EXPECT_NEAR(score(m, "all"), (mean(out[0]) + mean(in[1])) / (mean(in[0]) + mean(out[1])), 1e-12);
    EXPECT_NEAR(score(m, "pos"), mean(out[0]) / mean(in[0]), 1e-12);
  }
}

TEST(OutsideInside, IsOneForAConstantMap) {
  const Measured m = onBoxes("outside-inside", {1, 3, {2, 2, 2}}, "o..");
  EXPECT_DOUBLE_EQ(score(m, "all"), 1);
  EXPECT_DOUBLE_EQ(score(m, "pos"), 1);
}

TEST(OutsideInside, IsZeroWhenEverySignIsOnItsSide) {
  const Measured m = onBoxes("outside-inside", {1, 4, {3, 1, -1, 0}}, "oo..");
  EXPECT_EQ(score(m, "all"), 0);
  EXPECT_EQ(score(m, "pos"), 0);
}

TEST(OutsideInside, DoesNotDependOnTheScaleOfTheMap) {
  for (const float scale : {1e-30f, 1e30f}) {
    const Measured m = onBoxes("outside-inside", {2, 2, {4 * scale, -2 * scale, scale, -3 * scale}}, "oo..");
    EXPECT_NEAR(score(m, "all"), 1.5 / 3.5, 1e-6);
  }
}

TEST(OutsideInside, SkipsWhatHasNoRatio) {
  EXPECT_EQ(onBoxes("outside-inside", {1, 2, {0, 0}}, "o.").skipped, "the map is zero");
  EXPECT_THAT(onBoxes("outside-inside", {1, 2, {-1, 1}}, "o.").skipped, testing::StartsWith("the ratio is infinite"));
  EXPECT_THAT(onBoxes("outside-inside", {1, 2, {0, 1}}, "o.").skipped, testing::StartsWith("the ratio is infinite"));
  // Only `all` is defined: nothing positive lies inside.
  const Measured m = onBoxes("outside-inside", {1, 4, {-1, 0, 3, -4}}, "oo..");
  EXPECT_EQ(scoreNames(m), (std::vector<std::string>{"all"}));
  EXPECT_DOUBLE_EQ(score(m, "all"), (1.5 + 0.5) / (0 + 2));
}

TEST(OutsideInside, SkipsARegionOfAllOrNothing) {
  EXPECT_EQ(onBoxes("outside-inside", {1, 2, {1, 2}}, "oo").skipped, "the region covers all of the view");
  EXPECT_EQ(onBoxes("outside-inside", {1, 2, {1, 2}}, "..").skipped, "the region covers nothing of the view");
  EXPECT_EQ(onBoxes("outside-inside", {1, 1, {1}}, "o").skipped, "the region covers all of the view") << "one pixel";
}

TEST(Regions, ThatAreMissingAreNamed) {
  const Truth nothing, boxes{maskOf(1, "o."), {}}, mask{{}, maskOf(1, "o.")};
  Case c = caseOf({1, 2, {2, 1}});
  for (const std::string& name : kOnRegions) {
    EXPECT_EQ(measured(name, c).skipped, "neither boxes nor a mask");
    c.truth = &nothing;
    EXPECT_EQ(measured(name, c).skipped, "neither boxes nor a mask");
    c.truth = &mask;
    EXPECT_EQ(measured(name + ":region=boxes", c).skipped, "no boxes");
    EXPECT_EQ(measured(name, c).skipped, "");
    Truth unfit;
    unfit.lack = "annotated at 16×8, the picture has 8×6";
    c.truth = &unfit;
    EXPECT_EQ(measured(name + ":region=boxes", c).skipped, unfit.lack);
    c.truth = &boxes;
    EXPECT_EQ(measured(name + ":region=mask", c).skipped, "no mask");
    EXPECT_EQ(measured(name, c).skipped, "");
    c.truth = nullptr;
  }
}

TEST(Regions, AreBoxesWhereBothAreKnown) {
  const Truth both{maskOf(1, "o."), maskOf(1, ".o")};
  Case c = caseOf({1, 2, {3, 1}});
  c.truth = &both;
  EXPECT_DOUBLE_EQ(score(measured("relevance-mass", c), "mass"), 0.75);
  EXPECT_DOUBLE_EQ(score(measured("relevance-mass:region=boxes", c), "mass"), 0.75);
  EXPECT_DOUBLE_EQ(score(measured("relevance-mass:region=mask", c), "mass"), 0.25);
}

TEST(Regions, OfAnotherSizeAreADefect) {
  const Truth truth{maskOf(1, "o.."), {}};
  Case c = caseOf({1, 2, {1, 1}});
  c.truth = &truth;
  for (const std::string& name : kOnRegions) {
    const Error e = failureOf([&] { measured(name, c); });
    EXPECT_EQ(e.code(), ErrorCode::ShapeMismatch);
    EXPECT_EQ(e.got(), "truth of 1×3");
  }
}

// What lies on void pixels changes nothing.
TEST(Regions, LeaveOutVoidPixels) {
  for (const std::string& name : {"outside-inside", "pointing-game:tolerance=0", "relevance-mass", "relevance-rank"}) {
    const Measured without = onBoxes(name, {1, 4, {2, -1, 3, 1}}, "oo..");
    for (const float onVoid : {-9.0f, 0.0f, 9.0f})
      EXPECT_EQ(onBoxes(name, {1, 6, {2, onVoid, -1, 3, 1, onVoid}}, "o?o..?").scores.front().value,
                without.scores.front().value)
          << name << ", " << onVoid;
  }
}

TEST(PointingGame, HitsOrMisses) {
  EXPECT_EQ(score(onBoxes("pointing-game:tolerance=0", {1, 3, {1, 5, 2}}, ".o."), "hit"), 1);
  EXPECT_EQ(score(onBoxes("pointing-game:tolerance=0", {1, 3, {1, 5, 2}}, "o.o"), "hit"), 0);
  EXPECT_EQ(score(onBoxes("pointing-game:tolerance=0", {1, 3, {-1, -5, -2}}, "o.."), "hit"), 1) << "all are negative";
  EXPECT_EQ(onBoxes("pointing-game", {1, 1, {5}}, "o").skipped, "the map is constant") << "one pixel";
}

TEST(PointingGame, TakesTheFirstOfSeveralMaxima) {
  EXPECT_EQ(score(onBoxes("pointing-game:tolerance=0", {1, 3, {5, 1, 5}}, "o.."), "hit"), 1);
  EXPECT_EQ(score(onBoxes("pointing-game:tolerance=0", {1, 3, {5, 1, 5}}, "..o"), "hit"), 0);
}

// Every distance in a picture of 40×40, against the circle's equation.
TEST(PointingGame, ToleratesADistanceInPixels) {
  Plane map{40, 40, std::vector<float>(1600)};
  map.values[20 * 40 + 20] = 1;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 40; ++x) {
      std::string box(1600, '.');
      box[static_cast<std::size_t>(y * 40 + x)] = 'o';
      const bool near = std::hypot(x - 20, y - 20) <= 15;
      ASSERT_EQ(score(onBoxes("pointing-game", map, box), "hit"), near) << x << ", " << y;
    }
}

TEST(PointingGame, SkipsAnEmptyRegionAndAZeroMap) {
  EXPECT_EQ(onBoxes("pointing-game", {1, 2, {1, 2}}, "..").skipped, "the region covers nothing of the view");
  EXPECT_EQ(onBoxes("pointing-game", {1, 2, {0, 0}}, "o.").skipped, "the map is zero");
  EXPECT_EQ(onBoxes("pointing-game", {1, 2, {3, 3}}, "o.").skipped, "the map is constant") << "and points nowhere";
}

TEST(RelevanceMass, IsTheShareOfPositiveRelevance) {
  EXPECT_DOUBLE_EQ(score(onBoxes("relevance-mass", {1, 4, {3, -9, 1, -9}}, "oo.."), "mass"), 0.75);
  EXPECT_EQ(score(onBoxes("relevance-mass", {1, 2, {3, 1}}, "oo"), "mass"), 1);
  EXPECT_EQ(score(onBoxes("relevance-mass", {1, 2, {-3, 1}}, "o."), "mass"), 0);
  EXPECT_EQ(onBoxes("relevance-mass", {1, 2, {-3, 0}}, "o.").skipped, "the map has no positive relevance");
  EXPECT_EQ(onBoxes("relevance-mass", {1, 2, {3, 1}}, "..").skipped, "the region covers nothing of the view");
}

TEST(RelevanceRank, LooksAtAsManyPixelsAsTheRegionHas) {
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 4, {9, 1, 8, 2}}, "oo.."), "rank"), 0.5);
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 4, {9, 7, 8, 2}}, "ooo."), "rank"), 1);
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 4, {9, 7, 8, 2}}, "...o"), "rank"), 0);
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 2, {-1, -2}}, "oo"), "rank"), 1);
  EXPECT_EQ(onBoxes("relevance-rank", {1, 2, {0, 0}}, "o.").skipped, "the map is zero");
}

TEST(RelevanceRank, BreaksTiesByIndex) {
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 4, {1, 1, 1, 0}}, "o..o"), "rank"), 0.5);
  EXPECT_EQ(onBoxes("relevance-rank", {1, 4, {1, 1, 1, 1}}, "o..o").skipped, "the map is constant");
  EXPECT_EQ(score(onBoxes("relevance-rank", {1, 4, {1, 1, 1, 0}}, "..oo"), "rank"), 0);
}

TEST(Protocols, OfLocalisationAreComplete) {
  EXPECT_EQ(completeProtocol("outside-inside"), "outside-inside@1:region=any");
  EXPECT_EQ(completeProtocol("pointing-game:region=mask"), "pointing-game@1:tolerance=15,region=mask");
  EXPECT_EQ(eval::parseProtocol("relevance-mass:region=boxes").region, eval::Protocol::Region::Boxes);
  for (const char* bad : {"outside-inside:region=both", "pointing-game:tolerance=-1", "pointing-game:tolerance=1.5",
                          "relevance-rank:tolerance=0", "relevance-mass@2"})
    EXPECT_EQ(codeOf([&] { completeProtocol(bad); }), ErrorCode::InvalidMetricParameter) << bad;
  EXPECT_EQ(failureOf([] { completeProtocol("outside-inside:region=both"); }).where(), "metric outside-inside, region");
}

}  // namespace
}  // namespace relprop::test
