// Ablation-CAM against whole networks with a channel multiplied by 0.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/procedures/cam.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kLayerChannels = 4;

// conv → relu "before"; its conv "layer" → conv, and "before" added to that, so that the layer is passed by; → relu →
// dense. mask: a factor of each channel of the layer.
Graph passedByNet(std::int64_t rows, const std::vector<float>& mask = {}) {
  Build b({rows, 3, 6, 6});
  const Attributes same = {{"pads", Ints{1, 1, 1, 1}}};
  const ValueId before = b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({kLayerChannels, 3, 3, 3})}, same)});
  ValueId layer =
      b.add(Op::Conv, {before, b.random({kLayerChannels, kLayerChannels, 3, 3}), b.random({kLayerChannels})}, same);
  nameLast(b, "layer");
  if (!mask.empty()) layer = b.add(Op::Mul, {layer, b.floats({1, kLayerChannels, 1, 1}, mask)});
  const ValueId after =
      b.add(Op::Conv, {b.add(Op::Relu, {layer}), b.random({kLayerChannels, kLayerChannels, 3, 3})}, same);
  b.add(Op::Relu, {b.add(Op::Add, {after, before})});
  addHead(b);
  inferShapes(b.graph);
  return b.graph;
}

std::vector<float> scoresOfNet(const Graph& graph, Backend& backend, const Doubles& image) {
  CompileOptions options;
  options.forwardOnly = true;
  CompiledMethod c(graph, parseMethod("gradient"), backend, options);
  std::copy(image.begin(), image.end(), c.input());
  c.plan().run(Phase::Forward);
  return {c.scores(), c.scores() + c.scoreShape().count()};
}

Doubles activationOfLayer(const Graph& graph, Backend& backend, const Doubles& image, const std::string& layer) {
  CompiledMethod c(graph, parseMethod("eigen-cam:layer=" + layer), backend, {});
  std::copy(image.begin(), image.end(), c.input());
  c.plan().run(Phase::Forward);
  const std::vector<float> a = c.activation(0);
  return {a.begin(), a.end()};
}

double askedScore(const std::vector<float>& scores, const Question& q) {
  const double score = scores[static_cast<std::size_t>(q.index)];
  return q.contrast == Question::Contrast::None ? score : score - scores[static_cast<std::size_t>(q.against)];
}

Doubles ablatedMap(Backend& backend, const Doubles& image, const Question& q) {
  const Doubles a = activationOfLayer(passedByNet(1), backend, image, "layer");
  const double y = askedScore(scoresOfNet(passedByNet(1), backend, image), q);
  Doubles map(36);
  for (std::size_t k = 0; k < kLayerChannels; ++k) {
    std::vector<float> mask(kLayerChannels, 1.0f);
    mask[k] = 0;
    const double weight = (y - askedScore(scoresOfNet(passedByNet(1, mask), backend, image), q)) / std::abs(y);
    for (std::size_t i = 0; i < map.size(); ++i) map[i] += weight * a[k * map.size() + i];
  }
  for (double& v : map) v = std::max(v, 0.0);
  return map;
}

TEST(AblationCam, IsThatOfTheWholeNetworkWithoutTheChannel) {
  const Doubles image = input({1, 3, 6, 6}, 3).data;
  const std::vector<Question> questions = {classQuestion(1), rivalQuestion(2, 0), classQuestion(0)};
  for (const auto& backend : bothBackends())
    for (const std::int64_t rows : {1, 3, 7}) {
      const auto maps = explainImage(passedByNet(rows), "ablation-cam:layer=layer", *backend, image, questions);
      for (std::size_t q = 0; q < questions.size(); ++q) {
        const Doubles expected = ablatedMap(*backend, image, questions[q]);
        ASSERT_GT(std::accumulate(expected.begin(), expected.end(), 0.0), 0);
        expectClose(maps[q].map, expected, 1e-5, backend->name());
      }
    }
}

TEST(AblationCam, IsTheSameToTheBitInBatchesOfAnySize) {
  const Doubles image = input({1, 3, 6, 6}, 3).data;
  for (const auto& backend : bothBackends())
    EXPECT_EQ(explainImage(passedByNet(1), "ablation-cam", *backend, image, {classQuestion(1)})[0].map,
              explainImage(passedByNet(3), "ablation-cam", *backend, image, {classQuestion(1)})[0].map);
}

// A linear head, two channels of 2×2: y − y_k is what the head makes of channel k.
Graph linearHeadNet() {
  Build b({1, 2, 2, 2});
  b.add(Op::Relu, {b.x()});
  nameLast(b, "features");
  const std::vector<float> w = {0, 0, 0, 0, 0, 0, 0, 0, 1, -2, 3, 0.5f, -1, 4, 2, -3, -1, 2, -3, -0.5f, 1, -4, -2, 3};
  b.add(Op::Dense, {reshaped(b, {1, 8}), b.floats({3, 8}, w)});
  inferShapes(b.graph);
  return b.graph;
}

TEST(AblationCam, ByHand) {
  const auto backend = makeReferenceBackend();
  // Activations 1 2 3 4 and 5 0 0.5 7: the channels make 8 and −25 of class 1, −8 and 25 of class 2.
  const Doubles image = {1, 2, 3, 4, 5, -6, 0.5, 7};
  const auto maps = explainImage(linearHeadNet(), "ablation-cam:layer=features", *backend, image,
                                 {classQuestion(1), classQuestion(2), classQuestion(0)});
  expectClose(maps[0].map, {0, 16 / 17.0, 11.5 / 17, 0}, 1e-6);  // y = −17: what the score falls without counts up
  expectClose(maps[1].map, {117 / 17.0, 0, 0, 143 / 17.0}, 1e-6);
  EXPECT_EQ(maps[2].map, Doubles(4)) << "a score of 0 that no channel moves";
}

TEST(AblationCam, RunsNothingForChannelsOfZeros) {
  const auto backend = makeReferenceBackend();
  std::vector<std::int64_t> totals;
  const auto map = [&](const Doubles& image) {
    totals.clear();
    return explainImage(linearHeadNet(), "ablation-cam:layer=features", *backend, image, {classQuestion(1)}, {},
                        [&](std::int64_t, std::int64_t total) { totals.push_back(total); })[0]
        .map;
  };
  EXPECT_EQ(map(Doubles(8, -1)), Doubles(4));
  EXPECT_EQ(totals, (std::vector<std::int64_t>{1}));
  map({1, 1, 1, 1, -1, -1, -1, -1});
  EXPECT_EQ(totals, (std::vector<std::int64_t>{1, 1}));
}

}  // namespace
}  // namespace relprop::test
