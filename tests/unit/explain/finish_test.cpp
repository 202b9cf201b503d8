// What is done with a finished map.
#include "explain/finish.h"

#include <algorithm>
#include <cmath>

#include "explain/methods/method_list.h"
#include "unit/explain/support.h"

namespace relprop::test {
namespace {

using Kind = Finish::Kind;
using Map = std::vector<float>;

Map finished(const std::vector<Finish>& steps, Map map, Shape* shape = nullptr) {
  Shape own = {1, 1, static_cast<std::int64_t>(map.size())};
  finishMap(steps, shape ? *shape : own, map);
  return map;
}

// The definition: the largest of `levels` edges from min to max that is not above the value.
Map quantiseTwin(const Map& map, int levels) {
  const double low = *std::min_element(map.begin(), map.end()), high = *std::max_element(map.begin(), map.end());
  Map out;
  for (float v : map) {
    float best = static_cast<float>(low);
    for (int k = 0; k < levels; ++k) {
      const auto edge = static_cast<float>(k + 1 == levels ? high : low + (high - low) * k / (levels - 1));
      if (edge <= v) best = edge;
    }
    out.push_back(best);
  }
  return out;
}

TEST(Quantise, ByHand) {
  // Edges 0, 2, 4, 6, 8.
  EXPECT_EQ(finished({{Kind::Quantise, 5}}, {0, 1.9f, 2, 3.99f, 4, 5, 7.99f, 8}), (Map{0, 0, 2, 2, 4, 4, 6, 8}));
  EXPECT_EQ(finished({{Kind::Quantise, 2}}, {-3, 5, 4.9f, 0}), (Map{-3, 5, -3, -3})) << "only the maximum stays up";
  EXPECT_EQ(finished({{Kind::Quantise, 5}}, {-8, -7.5f, -4, -1, 0}), (Map{-8, -8, -4, -2, 0}));
}

TEST(Quantise, ValuesOnEdgesStay) {
  for (const int levels : {2, 3, 7, 8, 10, 256}) {
    Map map;
    for (int k = 0; k < levels; ++k) map.push_back(static_cast<float>(-0.3 + 1.1 * k / (levels - 1)));
    const double low = map.front(), high = map.back();
    Map edges;
    for (int k = 0; k < levels; ++k) edges.push_back(static_cast<float>(low + (high - low) * k / (levels - 1)));
    EXPECT_EQ(finished({{Kind::Quantise, levels}}, edges), edges) << levels;
    Map below = edges;
    for (int k = 1; k < levels - 1; ++k)
      below[static_cast<std::size_t>(k)] = std::nextafter(edges[static_cast<std::size_t>(k)], -9.0f);
    const Map got = finished({{Kind::Quantise, levels}}, below);
    for (std::size_t k = 1; k + 1 < got.size(); ++k) EXPECT_EQ(got[k], edges[k - 1]) << levels << " levels, edge " << k;
  }
}

TEST(Quantise, IsItsDefinitionOnRandomMaps) {
  for (unsigned seed = 1; seed <= 20; ++seed)
    for (const int levels : {2, 8, 13, 255}) {
      const Array x = input({500}, seed, -std::pow(10.0, seed % 5), 1);
      const Map map(x.data.begin(), x.data.end()), got = finished({{Kind::Quantise, levels}}, map);
      EXPECT_EQ(got, quantiseTwin(map, levels)) << seed << ", " << levels;
    }
}

TEST(Quantise, LeavesAConstantMapAlone) {
  EXPECT_EQ(finished({{Kind::Quantise, 8}}, {0.3f, 0.3f, 0.3f}), (Map{0.3f, 0.3f, 0.3f}));
  EXPECT_EQ(finished({{Kind::Quantise, 8}}, {0, 0}), (Map{0, 0}));
}

TEST(Sums, AreOverChannels) {
  Shape shape = {3, 1, 2};
  EXPECT_EQ(finished({{Kind::SumChannels}}, {1, 2, 10, 20, -100, 200}, &shape), (Map{-89, 222}));
  EXPECT_EQ(shape, (Shape{1, 1, 2}));
}

TEST(Sums, KeepWhatCancels) {
  Shape shape = {3, 1, 1};
  EXPECT_EQ(finished({{Kind::SumChannels}}, {1e8f, 1, -1e8f}, &shape), Map{1}) << "floats would lose the 1";
}

TEST(Signs, EachKeepsItsOwn) {
  const Map map = {-2, 0, 3};
  EXPECT_EQ(finished({{Kind::Absolute}}, map), (Map{2, 0, 3}));
  EXPECT_EQ(finished({{Kind::Positive}}, map), (Map{0, 0, 3}));
  EXPECT_EQ(finished({{Kind::Negative}}, map), (Map{-2, 0, 0}));
  EXPECT_EQ(finished({{Kind::Square}}, map), (Map{4, 0, 9}));
}

TEST(Normalise, MakesTheLargestMagnitudeOne) {
  EXPECT_EQ(finished({{Kind::Normalise}}, {-4, 1, 2}), (Map{-1, 0.25f, 0.5f}));
  EXPECT_EQ(finished({{Kind::Normalise}}, {0, 0}), (Map{0, 0}));
}

TEST(FinishOfMethods, RunsInTheOrderOfTheText) {
  Shape shape = {2, 1, 2};
  // Sums −1 and 4, magnitudes 1 and 4, scaled.
  EXPECT_EQ(finished(parseMethod("lrp-resnet:quantize=2,sign=abs,normalize=on").finish, {-2, 1, 1, 3}, &shape),
            (Map{0.25f, 1}));
  EXPECT_EQ(finished(parseMethod("sensitivity:normalize=on").finish, {1, -2}), (Map{0.25f, 1}));
  EXPECT_EQ(finished(parseMethod("rap:sign=negative").finish, {1, -2}), (Map{0, -2}));
  EXPECT_EQ(finished(parseMethod("rap:sign=positive").finish, {1, -2}), (Map{1, 0}));
  EXPECT_TRUE(parseMethod("rap").finish.empty());
  EXPECT_TRUE(parseMethod("rap:normalize=off").finish.empty());
}

}  // namespace
}  // namespace relprop::test
