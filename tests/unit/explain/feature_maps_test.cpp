// Tokens as feature maps: where they lie is followed through the graph, whatever order and layout they come in.
#include "explain/feature_maps.h"

#include "explain/walk/analysis.h"
#include "relprop/error.h"
#include "support/expect_error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kHigh = 3, kWide = 4, kPatches = kHigh * kWide, kDepth = 6;

ValueId shapedAs(Build& b, ValueId x, Shape shape) {
  const ValueId y = b.add(Op::Reshape, {x});
  b.graph.value(y).shape = std::move(shape), b.graph.value(y).hasShape = true;
  return y;
}

ValueId permuted(Build& b, ValueId x, Ints perm) {
  return b.add(Op::Transpose, {x}, {{"perm", std::move(perm)}});
}

ValueId sliced(Build& b, ValueId x, const Shape& in, std::size_t axis, std::int64_t from, std::int64_t to) {
  Ints axes, starts(in.size(), 0), ends = in, steps(in.size(), 1);
  for (std::size_t a = 0; a < in.size(); ++a) axes.push_back(static_cast<std::int64_t>(a));
  starts[axis] = from, ends[axis] = to;
  return b.add(Op::Slice, {x}, {{"axes", axes}, {"starts", starts}, {"ends", ends}, {"steps", steps}});
}

ValueId densely(Build& b, ValueId x, std::int64_t in, std::int64_t out) {
  return b.add(Op::Dense, {x, b.random({out, in}), b.random({out})});
}

ValueId normalised(Build& b, ValueId x) {
  return b.add(Op::LayerNormalization, {x, b.random({kDepth}, 0.5f, 1.5f), b.random({kDepth})},
               {{"axis", std::int64_t{2}}});
}

// Pictures 6×8 to 3×4 patches.
ValueId patches(Build& b) {
  const ValueId map =
      b.add(Op::Conv, {b.x(), b.random({kDepth, 3, 2, 2}), b.random({kDepth})}, {{"strides", Ints{2, 2}}});
  return permuted(b, shapedAs(b, map, {1, kDepth, kPatches}), {0, 2, 1});
}

// x + (softmax(q·kᵀ)·v)·W, tokens × width.
ValueId attended(Build& b, ValueId x, std::int64_t tokens) {
  const ValueId n = normalised(b, x);
  b.graph.nodes.back().name = "norm" + std::to_string(b.graph.nodes.size());
  const auto head = [&] {
    return permuted(b, shapedAs(b, densely(b, n, kDepth, kDepth), {1, tokens, 2, kDepth / 2}), {0, 2, 1, 3});
  };
  const ValueId q = head(), k = permuted(b, head(), {0, 1, 3, 2}), v = head();
  const ValueId weights = b.add(Op::Softmax, {b.add(Op::MatMul, {q, k})}, {{"axis", std::int64_t{3}}});
  const ValueId mixed = permuted(b, b.add(Op::MatMul, {weights, v}), {0, 2, 1, 3});
  return b.add(Op::Add, {densely(b, shapedAs(b, mixed, {1, tokens, kDepth}), kDepth, kDepth), x});
}

struct Transformer {
  Build build{{1, 3, 2 * kHigh, 2 * kWide}};
  ValueId tokens = kNoValue;
};

// before, behind: class and register tokens around the patches. `cls`: the head reads the first token alone.
Transformer transformer(std::int64_t before, std::int64_t behind, bool cls) {
  Transformer t;
  Build& b = t.build;
  std::vector<ValueId> all = {patches(b)};
  if (before > 0) all.insert(all.begin(), b.random({1, before, kDepth}));
  if (behind > 0) all.push_back(b.random({1, behind, kDepth}));
  const std::int64_t count = before + kPatches + behind;
  ValueId x = all.size() == 1 ? all[0] : b.add(Op::Concat, all, {{"axis", std::int64_t{1}}});
  x = b.add(Op::Add, {x, b.random({1, count, kDepth})});
  x = attended(b, attended(b, x, count), count);
  t.tokens = x = normalised(b, x);
  b.graph.nodes.back().name = "final";
  const ValueId read =
      cls ? shapedAs(b, sliced(b, x, {1, count, kDepth}, 1, 0, 1), {1, kDepth}) : shapedAs(b, x, {1, count * kDepth});
  const ValueId y = b.add(Op::Dense, {read, b.random({3, cls ? kDepth : count * kDepth})});
  b.graph.value(y).shape = {1, 3}, b.graph.value(y).hasShape = true;
  inferShapes(b.graph);
  return t;
}

std::string lastOf(const Graph& g) {
  const int node = FeatureMaps(g, g.outputs[0]).last();
  return node < 0 ? "" : g.nodes[static_cast<std::size_t>(node)].name;
}

// Element (channel, patch) of N×T×D tokens, after `before` others.
std::vector<std::int64_t> patchOrder(std::int64_t before) {
  std::vector<std::int64_t> order;
  for (std::int64_t c = 0; c < kDepth; ++c)
    for (std::int64_t t = 0; t < kPatches; ++t) order.push_back((before + t) * kDepth + c);
  return order;
}

TEST(FeatureMap, OfTokensLeavesOutWhatIsNoPatch) {
  for (const auto& [before, behind] : std::vector<std::pair<int, int>>{{0, 0}, {1, 0}, {2, 0}, {0, 1}, {1, 4}}) {
    const Transformer t = transformer(before, behind, false);
    const auto map = FeatureMaps(t.build.graph, t.build.graph.outputs[0]).of(t.tokens);
    ASSERT_TRUE(map) << before << " " << behind;
    EXPECT_EQ(map->shape, (Shape{kDepth, kHigh, kWide}));
    EXPECT_EQ(map->order, patchOrder(before));
    EXPECT_EQ(lastOf(t.build.graph), "final");
  }
}

// Behind the last attention the patches are there, but the class token alone is read.
TEST(FeatureMap, IsTakenWhereTheScoresReadIt) {
  const Transformer t = transformer(1, 0, true);
  const std::string last = lastOf(t.build.graph);
  EXPECT_EQ(last.substr(0, 4), "norm");
  FeatureMaps maps(t.build.graph, t.build.graph.outputs[0]);
  EXPECT_TRUE(maps.of(t.tokens));
  EXPECT_FALSE(maps.areRead(t.tokens));
  for (std::size_t i = static_cast<std::size_t>(maps.last()) + 1; i < t.build.graph.nodes.size(); ++i)
    EXPECT_NE(roleOf(t.build.graph, t.build.graph.nodes[i]) == Role::Normalisation &&
                  maps.areRead(t.build.graph.nodes[i].outputs[0]),
              true);
}

// Windows of 2×2 out of 4×4 positions, channels last, rolled by one, attended to and put back.
TEST(FeatureMap, FollowsWindowsAndRolls) {
  Build b({1, 3, 4, 4});
  const ValueId map = b.add(Op::Conv, {b.x(), b.random({kDepth, 3, 1, 1})});
  const ValueId last = permuted(b, map, {0, 2, 3, 1});
  const Shape s = {1, 4, 4, kDepth};
  const ValueId rolled =
      b.add(Op::Concat, {sliced(b, last, s, 1, 1, 4), sliced(b, last, s, 1, 0, 1)}, {{"axis", std::int64_t{1}}});
  const ValueId cut = permuted(b, shapedAs(b, rolled, {1, 2, 2, 2, 2, kDepth}), {0, 1, 3, 2, 4, 5});
  const ValueId windows = shapedAs(b, cut, {1, 4, 4, kDepth});
  const ValueId sum = b.add(Op::Add, {windows, b.random({1, 4, 4, kDepth})});
  inferShapes(b.graph);
  addHead(b);
  FeatureMaps maps(b.graph, b.graph.outputs[0]);
  const auto found = maps.of(sum);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->shape, (Shape{kDepth, 4, 4}));
  // The picture itself, by value: channel c of position (y, x) is 100c + 10y + x.
  for (std::int64_t c = 0; c < kDepth; ++c)
    for (std::int64_t y = 0; y < 4; ++y)
      for (std::int64_t x = 0; x < 4; ++x) {
        const std::int64_t row = (y + 3) % 4;  // after the roll
        const std::int64_t window = row / 2 * 2 + x / 2, within = row % 2 * 2 + x % 2;
        EXPECT_EQ(found->order[static_cast<std::size_t>((c * 4 + y) * 4 + x)], (window * 4 + within) * kDepth + c);
      }
}

// Four neighbours side by side, then one token of them: the coarser grid.
TEST(FeatureMap, OfMergedPatchesIsCoarser) {
  Build b({1, 3, 4, 4});
  const ValueId last = permuted(b, b.add(Op::Conv, {b.x(), b.random({kDepth, 3, 1, 1})}), {0, 2, 3, 1});
  const ValueId grouped = permuted(b, shapedAs(b, last, {1, 2, 2, 2, 2, kDepth}), {0, 1, 3, 2, 4, 5});
  const ValueId merged = densely(b, shapedAs(b, grouped, {1, 4, 4 * kDepth}), 4 * kDepth, 5);
  inferShapes(b.graph);
  addHead(b);
  const auto found = FeatureMaps(b.graph, b.graph.outputs[0]).of(merged);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shape, (Shape{5, 2, 2}));
}

// 1×1 convolutions behind what was moved about: four positions as channels of one, and one as four positions.
TEST(FeatureMap, OfAConvolutionBehindMovesIsLikeAny) {
  const auto behind = [](const Shape& input, const Shape& split, Ints perm, const Shape& joined) {
    Build b(input);
    const ValueId moved = shapedAs(b, permuted(b, shapedAs(b, b.x(), split), std::move(perm)), joined);
    const ValueId map = b.add(Op::Conv, {moved, b.random({5, joined[1], 1, 1})});
    inferShapes(b.graph);
    addHead(b);
    FeatureMaps maps(b.graph, b.graph.outputs[0]);
    EXPECT_EQ(b.graph.nodes[static_cast<std::size_t>(maps.last())].outputs[0], map);
    return maps.of(map);
  };
  const auto coarser = behind({1, 3, 4, 6}, {1, 3, 2, 2, 3, 2}, {0, 1, 3, 5, 2, 4}, {1, 12, 2, 3});
  ASSERT_TRUE(coarser);
  EXPECT_EQ(coarser->shape, (Shape{5, 2, 3}));
  EXPECT_TRUE(coarser->order.empty());
  const auto finer = behind({1, 12, 2, 3}, {1, 3, 2, 2, 2, 3}, {0, 1, 4, 2, 5, 3}, {1, 3, 4, 6});
  ASSERT_TRUE(finer);
  EXPECT_EQ(finer->shape, (Shape{5, 4, 6}));
  EXPECT_TRUE(finer->order.empty());
}

// A transformer of 1×1 convolutions: its tokens stay where they lie.
TEST(FeatureMap, OfTokensInARowOfAConvolutionIsThatOfThePatches) {
  Build b({1, 3, 2 * kHigh, 2 * kWide});
  const ValueId row = shapedAs(b, patches(b), {1, kPatches, kDepth});
  const ValueId columns = shapedAs(b, permuted(b, row, {0, 2, 1}), {1, kDepth, 1, kPatches});
  const ValueId map = b.add(Op::Conv, {columns, b.random({5, kDepth, 1, 1})});
  inferShapes(b.graph);
  addHead(b);
  const auto found = FeatureMaps(b.graph, b.graph.outputs[0]).of(map);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shape, (Shape{5, kHigh, kWide}));
}

// Tokens that are moved to and fro lie in two ways, whatever the number of moves; for each there is one list.
TEST(FeatureMap, TakesNoMoreMemoryForMoreMoves) {
  constexpr std::int64_t side = 512, list = kDepth * side * side * 8, enough = 8 * list;
  const auto behind = [](int moves, std::int64_t memory) {
    Build b({1, 3, side, side});
    ValueId x = shapedAs(b, b.add(Op::Conv, {b.x(), b.random({kDepth, 3, 1, 1})}), {1, kDepth, side * side});
    for (int i = 0; i < moves; ++i) x = permuted(b, x, {0, 2, 1});
    inferShapes(b.graph);
    addHead(b);
    return FeatureMaps(b.graph, b.graph.outputs[0], memory).of(x)->shape;
  };
  static_assert(list * 6 > 1 << 26, "less is not asked for");
  EXPECT_EQ(behind(12, enough), (Shape{kDepth, side, side}));
  EXPECT_EQ(behind(13, enough), (Shape{kDepth, side, side}));
  const Error e = expectError(ErrorCode::OutOfMemory, [&] { behind(2, list); });
  EXPECT_EQ(e.where().substr(0, 11), "places of '");
  EXPECT_EQ(e.hint(), "allow more with --memory, or take a method that needs no layer, such as gradient");
}

TEST(FeatureMap, IsNotMadeUp) {
  const Transformer t = transformer(1, 0, false);
  FeatureMaps maps(t.build.graph, t.build.graph.outputs[0]);
  for (const Node& n : t.build.graph.nodes)
    if (n.op == Op::Softmax || n.op == Op::MatMul) EXPECT_FALSE(maps.of(n.outputs[0])) << n.name;
}

// The batch in the last place: places are of one image, wherever its elements lie.
TEST(FeatureMap, IsNoneWhereTheFirstAxisIsNoBatch) {
  Build b({1, 2, 3, 4});
  const ValueId moved = permuted(b, b.add(Op::Relu, {b.x()}), {3, 2, 1, 0});
  const ValueId scores = b.add(Op::Relu, {moved});
  inferShapes(b.graph);
  FeatureMaps maps(b.graph, scores);
  EXPECT_FALSE(maps.of(moved));
  EXPECT_FALSE(maps.of(scores));
  EXPECT_TRUE(maps.of(b.x()));
}

// ---- maps
// A convolution instead of the tokens: the same numbers in the layout that maps are drawn from.
TEST(TokenCam, IsThatOfTheFeatureMap) {
  const auto net = [](bool tokens) {
    Build b({1, 3, 2 * kHigh, 2 * kWide});
    const ValueId map =
        b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({kDepth, 3, 2, 2})}, {{"strides", Ints{2, 2}}})});
    const std::vector<float> head = *b.graph.value(b.random({3, kDepth * kPatches})).constant->floats;
    std::vector<float> weights = head;
    ValueId read = shapedAs(b, map, {1, kDepth * kPatches});
    if (tokens) {
      const ValueId sequence = permuted(b, shapedAs(b, map, {1, kDepth, kPatches}), {0, 2, 1});
      const ValueId joined = b.add(Op::Concat, {b.random({1, 2, kDepth}), sequence}, {{"axis", std::int64_t{1}}});
      const ValueId sum = b.add(Op::Add, {joined, joined});
      b.graph.nodes.back().name = "tokens";
      read = shapedAs(b, sum, {1, kDepth * (kPatches + 2)});
      weights.assign(static_cast<std::size_t>(3 * kDepth * (kPatches + 2)), 0.5f);
      for (std::int64_t k = 0; k < 3; ++k)
        for (std::int64_t c = 0; c < kDepth; ++c)
          for (std::int64_t t = 0; t < kPatches; ++t)
            weights[static_cast<std::size_t>((k * (kPatches + 2) + 2 + t) * kDepth + c)] =
                head[static_cast<std::size_t>((k * kDepth + c) * kPatches + t)] / 2;
    }
    const auto features = static_cast<std::int64_t>(weights.size()) / 3;
    const ValueId y = b.add(Op::Dense, {read, b.floats({3, features}, weights)});
    b.graph.value(y).shape = {1, 3}, b.graph.value(y).hasShape = true;
    inferShapes(b.graph);
    return b.graph;
  };
  const Doubles image = input({1, 3, 2 * kHigh, 2 * kWide}, 4).data;
  for (const auto& backend : bothBackends())
    for (const std::string method : {"grad-cam", "layer-cam", "ablation-cam"}) {
      Doubles expected = explainImage(net(false), method, *backend, image, {classQuestion(1)})[0].map;
      Doubles got = explainImage(net(true), method, *backend, image, {classQuestion(1)})[0].map;
      if (method == "ablation-cam")  // its weights are shares of the score, which has the registers' as well
        for (Doubles* map : {&expected, &got}) {
          const double top = *std::max_element(map->begin(), map->end());
          for (double& v : *map) v /= top;
        }
      expectClose(got, expected, 1e-5, method + " on " + backend->name());  // twice A, half of the gradient
    }
}

TEST(TokenCam, RefusesLayersWithoutPlaces) {
  const Transformer t = transformer(1, 0, true);
  const auto backend = makeReferenceBackend();
  const auto failure = [&](const std::string& layer) {
    return failureOf(
        [&] { explainImage(t.build.graph, "grad-cam:layer=" + layer, *backend, Doubles(144), {classQuestion(1)}); });
  };
  const std::string good = "try layer=" + lastOf(t.build.graph);
  std::string softmax;
  for (const Node& n : t.build.graph.nodes)
    if (n.op == Op::Softmax) softmax = n.name;
  EXPECT_EQ(failure(softmax).code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(failure(softmax).hint(), good);
  EXPECT_EQ(failure("final").hint(), good);
  EXPECT_NE(std::string(failure("final").what()).find("class token"), std::string::npos);
}

TEST(FeatureMaps, FollowNetworksDeeperThanTheStack) {
  constexpr int kNodes = 200000;
  Build b({1, 2, 3, 4});
  ValueId x = b.x();
  for (int i = 0; i < kNodes; ++i) x = b.add(Op::Relu, {x});
  inferShapes(b.graph);
  EXPECT_TRUE(FeatureMaps(b.graph, x).of(x).has_value());
}

}  // namespace
}  // namespace relprop::test
