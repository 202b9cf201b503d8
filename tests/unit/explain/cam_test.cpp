// Class activation maps, occlusion and RISE against what torch makes of the same network (tools/cam/record.py).
#include "explain/procedures/cam.h"

#include "relprop/error.h"
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

struct RecordedMap {
  const char* method;
  std::size_t question;
  Doubles map;
};
const std::vector<RecordedMap>& recordedMaps() {
  static const std::vector<RecordedMap> all = {
#define RECORDED_MAPS
#include "unit/explain/cam_maps.inc"
#undef RECORDED_MAPS
  };
  return all;
}

struct Enlargement {
  std::int64_t h, w, H, W;
  Doubles small, large;
};
const std::vector<Enlargement>& enlargements() {
  static const std::vector<Enlargement> all = {
#include "unit/explain/cam_maps.inc"
  };
  return all;
}

// The generator of the recording: k/128 in [-1, 1), times a power of two.
class Draw {
 public:
  std::vector<float> operator()(std::int64_t count, float scale) {
    std::vector<float> values;
    for (std::int64_t k = 0; k < count; ++k) {
      state_ = state_ * 1664525u + 1013904223u;
      values.push_back((static_cast<float>(state_ >> 24) - 128) / 128 * scale);
    }
    return values;
  }

 private:
  std::uint32_t state_ = 1;
};

struct Recorded {
  Doubles image;
  Graph graph;
};

// conv → relu → conv by stride 2, one channel constant → relu "features" → dense.
Recorded recordedNet(std::int64_t rows) {
  Draw draw;
  const std::vector<float> image = draw(360, 1);
  Build b({rows, 3, 12, 10});
  const ValueId w1 = b.floats({4, 3, 3, 3}, draw(108, 0.5f)), b1 = b.floats({4}, draw(4, 0.25f));
  std::vector<float> w2 = draw(216, 0.5f), b2 = draw(6, 0.25f);
  std::fill_n(w2.begin() + 108, 36, 0.0f), b2[3] = 0.25f;
  const std::vector<float> w3 = draw(540, 0.25f);
  b.add(Op::Relu, {b.add(Op::Conv, {b.x(), w1, b1}, {{"pads", Ints{1, 1, 1, 1}}})});
  b.add(Op::Relu, {b.add(Op::Conv, {b.graph.outputs[0], b.floats({6, 4, 3, 3}, w2), b.floats({6}, b2)},
                         {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}})});
  nameLast(b, "features");
  b.add(Op::Dense, {reshaped(b, {rows, 180}), b.floats({3, 180}, w3)});
  inferShapes(b.graph);
  return {{image.begin(), image.end()}, b.graph};
}

std::vector<Question> questions() {
  return {classQuestion(1), rivalQuestion(2, 0)};
}

BaselineFacts blackPixels() {
  return {InputBounds{{-1, -0.5f, -2}, {1, 1, 1}}, {}};
}

TEST(Maps, AreThoseOfTorch) {
  const Recorded one = recordedNet(1), three = recordedNet(3);
  for (const auto& backend : bothBackends())
    for (const RecordedMap& r : recordedMaps())
      for (const Graph* g : {&one.graph, &three.graph}) {
        const auto maps = explainImage(*g, r.method, *backend, one.image, questions(), blackPixels());
        EXPECT_EQ(maps[r.question].shape, (Shape{1, 12, 10}));
        expectClose(maps[r.question].map, r.map, 1e-5, r.method + std::string(" on ") + backend->name());
      }
}

// Beyond rounding: the methods that were recorded differ from one another.
TEST(Maps, TellMethodsApart) {
  const auto& all = recordedMaps();
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = a + 1; b < all.size(); ++b)
      EXPECT_NE(all[a].map, all[b].map) << all[a].method << all[b].method;
}

TEST(Enlarging, IsTorchsBilinear) {
  for (const Enlargement& e : enlargements())
    expectClose(upsampled(e.small, e.h, e.w, e.H, e.W), e.large, 1e-7, toString({e.h, e.w, e.H, e.W}));
}

// ---- the layer
TEST(CamLayer, LastFeatureMapIsTheDefault) {
  const Recorded net = recordedNet(1);
  const auto backend = makeReferenceBackend();
  for (const std::string method :
       {"grad-cam", "guided-grad-cam", "grad-cam++", "layer-cam", "hires-cam", "xgrad-cam", "eigen-cam",
        "excitation-backprop", "contrastive-excitation-backprop", "score-cam", "ablation-cam"}) {
    const std::int64_t asked = method == "ablation-cam" ? 2 : 1;  // its maps of class 1 are 0
    const auto mapOf = [&](const std::string& text) {
      return explainImage(net.graph, text, *backend, net.image, {classQuestion(asked)})[0].map;
    };
    EXPECT_EQ(mapOf(method), mapOf(method + ":layer=features")) << method;
    EXPECT_NE(mapOf(method), mapOf(method + ":layer=Relu1")) << method;
  }
}

TEST(CamLayer, HasToExistAndToBeAFeatureMap) {
  const Recorded net = recordedNet(1);
  const auto backend = makeReferenceBackend();
  for (const std::string method : {"grad-cam", "score-cam", "ablation-cam"}) {
    const auto failure = [&](const std::string& layer) {
      return failureOf(
          [&] { explainImage(net.graph, method + ":layer=" + layer, *backend, net.image, {classQuestion(1)}); });
    };
    const Error unknown = failure("feature");
    EXPECT_EQ(unknown.code(), ErrorCode::UnknownNode);
    EXPECT_NE(unknown.hint().find("'features'"), std::string::npos) << unknown.hint();
    EXPECT_EQ(failure(net.graph.nodes.back().name).code(), ErrorCode::NotSupportedByMethod);
  }
}

TEST(CamLayer, IsMissingWhereNothingHasPositions) {
  Build b({1, 6});
  b.add(Op::Dense, {b.x(), b.random({3, 6})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] { explainImage(b.graph, "grad-cam", *backend, Doubles(6), {classQuestion(1)}); }),
            ErrorCode::NotSupportedByMethod);
  for (const std::string& method : {std::string("grad-cam"), "grad-cam:layer=" + b.graph.nodes.back().name}) {
    const Error e = failureOf([&] { explainImage(b.graph, method, *backend, Doubles(6), {classQuestion(1)}); });
    EXPECT_EQ(e.hint(), "take a method that needs none, such as gradient, lrp-zplus or occlusion") << method;
  }
}

TEST(Planes, NeedAPicture) {
  Build b({1, 6});
  b.add(Op::Dense, {b.x(), b.random({3, 6})});
  inferShapes(b.graph);
  Build folded({1, 6});
  folded.add(Op::Relu, {reshaped(folded, {1, 1, 2, 3})});
  addHead(folded);
  const auto backend = makeReferenceBackend();
  const auto code = [&](const Graph& g, const char* method) {
    return codeOf([&] { explainImage(g, method, *backend, {1, 2, 3, 4, 5, 6}, {classQuestion(1)}); });
  };
  for (const char* method : {"occlusion", "rise:samples=2", "lime:samples=2", "kernel-shap:samples=2"})
    EXPECT_EQ(code(b.graph, method), ErrorCode::NotSupportedByMethod) << method;
  for (const char* method : {"grad-cam", "layer-cam", "score-cam", "ablation-cam"})
    EXPECT_EQ(code(folded.graph, method), ErrorCode::NotSupportedByMethod) << method;
}

// ---- by hand: two channels of 2×2 behind a ReLU, and a linear head

struct HandNet {
  Graph graph;
  std::vector<float> weights;  // of class 1, by channel and position
};

HandNet handNet() {
  Build b({1, 2, 2, 2});
  b.add(Op::Relu, {b.x()});
  nameLast(b, "features");
  const std::vector<float> w = {9, 9, 9, 9, 9, 9, 9, 9, 1, -2, 3, 0.5f, -1, 4, 2, -3};
  b.add(Op::Dense, {reshaped(b, {1, 8}), b.floats({2, 8}, w)});
  inferShapes(b.graph);
  return {b.graph, {w.begin() + 8, w.end()}};
}

const Doubles kHandImage = {1, 2, 3, 4, 5, -6, 0.5, 7};
const Doubles kHandActivation = {1, 2, 3, 4, 5, 0, 0.5, 7};

// What a method draws at the layer, which has the size of the input.
Doubles drawnByHand(const std::string& method) {
  return explainImage(handNet().graph, method + ":layer=features", *makeReferenceBackend(), kHandImage,
                      {classQuestion(1)})[0]
      .map;
}

TEST(HiResCam, IsTheGradientTimesTheActivationAtEachPosition) {
  const std::vector<float> w = handNet().weights;
  Doubles expected;
  for (std::size_t i = 0; i < 4; ++i)
    expected.push_back(std::max(0.0, w[i] * kHandActivation[i] + w[i + 4] * kHandActivation[i + 4]));
  expectClose(drawnByHand("hires-cam"), expected, 1e-6);
}

TEST(XGradCam, WeighsChannelsByTheirGradientWhereTheyAreActive) {
  const std::vector<float> w = handNet().weights;
  Doubles factor;
  for (std::size_t k = 0; k < 8; k += 4) {
    double sum = 0, total = 0;
    for (std::size_t i = k; i < k + 4; ++i) sum += w[i] * kHandActivation[i], total += kHandActivation[i];
    factor.push_back(sum / total);
  }
  Doubles expected;
  for (std::size_t i = 0; i < 4; ++i)
    expected.push_back(std::max(0.0, factor[0] * kHandActivation[i] + factor[1] * kHandActivation[i + 4]));
  expectClose(drawnByHand("xgrad-cam"), expected, 1e-6);
}

// Probabilities a·w⁺/Σ a·w⁺ sum to one.
TEST(ExcitationBackprop, IsTheChanceOfComingBy) {
  const std::vector<float> w = handNet().weights;
  Doubles expected(4);
  double all = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const double part = kHandActivation[i] * std::max(w[i], 0.0f);
    expected[i % 4] += part, all += part;
  }
  for (double& v : expected) v /= all;
  expectClose(drawnByHand("excitation-backprop"), expected, 1e-6);
}

// Shares of a mean, 4, −1, 2 and −1 of 4: no chance, but what the rule says, and nothing of it is cut off.
TEST(ExcitationBackprop, KeepsTheSignOfShares) {
  Build b({1, 1, 2, 2});
  b.add(Op::Mul, {b.x(), b.floats({}, {1})});
  nameLast(b, "features");
  const ValueId mean = b.add(Op::AveragePool, {b.graph.nodes.back().outputs[0]}, {{"kernel_shape", Ints{2, 2}}});
  b.graph.value(mean).shape = {1, 1, 1, 1}, b.graph.value(mean).hasShape = true;
  b.add(Op::Dense, {reshaped(b, {1, 1}), b.floats({2, 1}, {1, 2})});
  inferShapes(b.graph);
  const auto map = explainImage(b.graph, "excitation-backprop:layer=features", *makeReferenceBackend(), {4, -1, 2, -1},
                                {classQuestion(1)})[0]
                       .map;
  expectClose(map, {1, -0.25, 0.5, -0.25}, 1e-6);
}

// a·w⁺/Σ a·w⁺ less a·w⁻/Σ a·w⁻.
TEST(ContrastiveExcitationBackprop, TakesAwayTheChancesOfTheDual) {
  const std::vector<float> w = handNet().weights;
  Doubles up(4), down(4), expected;
  double allUp = 0, allDown = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const double a = kHandActivation[i];
    up[i % 4] += a * std::max(w[i], 0.0f), allUp += a * std::max(w[i], 0.0f);
    down[i % 4] += a * std::max(-w[i], 0.0f), allDown += a * std::max(-w[i], 0.0f);
  }
  for (std::size_t i = 0; i < 4; ++i) expected.push_back(std::max(0.0, up[i] / allUp - down[i] / allDown));
  expectClose(drawnByHand("contrastive-excitation-backprop"), expected, 1e-6);
}

// OᵀO of 2 channels is [[a, b], [b, c]]; its larger eigenvalue and the vector to it have a closed form.
TEST(EigenCam, IsTheProjectionOnTheFirstSingularVector) {
  double a = 0, b = 0, c = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double x = kHandActivation[i], y = kHandActivation[i + 4];
    a += x * x, b += x * y, c += y * y;
  }
  const double value = (a + c) / 2 + std::sqrt((a - c) * (a - c) / 4 + b * b);
  const double vx = b, vy = value - a, length = std::sqrt(vx * vx + vy * vy);
  Doubles expected;
  for (std::size_t i = 0; i < 4; ++i)
    expected.push_back((kHandActivation[i] * vx + kHandActivation[i + 4] * vy) / length);
  expectClose(drawnByHand("eigen-cam"), expected, 1e-5);
}

// Squares of a checkerboard are the same everywhere: what the iteration begins with is orthogonal to it.
TEST(EigenCam, IsFoundWhereItsFirstGuessIsOrthogonal) {
  const auto backend = makeReferenceBackend();
  for (const std::int64_t channels : {1, 2}) {
    Build b({1, channels, 2, 2});
    b.add(Op::Mul, {b.x(), b.floats({}, {1})});
    addHead(b);
    Doubles image = {3, -3, -3, 3, 1, 1, 1, 1};
    image.resize(static_cast<std::size_t>(4 * channels));
    expectClose(explainImage(b.graph, "eigen-cam:layer=Mul0", *backend, image, {classQuestion(0)})[0].map, {3, 0, 0, 3},
                1e-6, std::to_string(channels));
  }
}

// Singular values of 6 and 6·(1 − 10⁻⁵): a vector alone would still be a mixture after a thousand rounds.
TEST(EigenCam, IsToldApartFromAnotherOfAlmostItsLength) {
  Build b({1, 2, 2, 2});
  b.add(Op::Mul, {b.x(), b.floats({}, {1})});
  addHead(b);
  constexpr double kLess = 3 * (1 - 1e-5);
  const Doubles image = {3, 3, 3, 3, kLess, -kLess, -kLess, kLess};
  expectClose(explainImage(b.graph, "eigen-cam:layer=Mul0", *makeReferenceBackend(), image, {classQuestion(0)})[0].map,
              {3, 3, 3, 3}, 1e-6);
}

TEST(EigenCam, IsTheSameForEveryClassAndEmptyWhereNothingIsActive) {
  const Graph graph = handNet().graph;
  const auto backend = makeReferenceBackend();
  const auto maps = explainImage(graph, "eigen-cam:layer=features", *backend, kHandImage, {classQuestion(1)});
  EXPECT_EQ(maps[0].map,
            explainImage(graph, "eigen-cam:layer=features", *backend, kHandImage, {classQuestion(0)})[0].map);
  EXPECT_EQ(explainImage(graph, "eigen-cam:layer=features", *backend, Doubles(8, -1), {classQuestion(1)})[0].map,
            Doubles(4));
}

// ---- Score-CAM
TEST(ScoreCam, OfConstantChannelsIsEmpty) {
  Build b({2, 1, 2, 2});
  b.add(Op::Mul, {b.x(), b.floats({}, {0})});
  addHead(b);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(explainImage(b.graph, "score-cam:layer=Mul0", *backend, {1, 2, 3, 4}, {classQuestion(0)})[0].map,
            Doubles(4));
}

TEST(ScoreCam, TellsHowFarItIsInBatches) {
  const Recorded net = recordedNet(2);
  const auto backend = makeReferenceBackend();
  std::vector<std::int64_t> done;
  explainImage(net.graph, "score-cam", *backend, net.image, questions(), {}, [&](std::int64_t at, std::int64_t total) {
    if (total > 1) EXPECT_EQ(total, 5) << "six channels, one of them constant";
    done.push_back(at);
  });
  EXPECT_EQ(done, (std::vector<std::int64_t>{1, 2, 4, 5}));
}

// ---- occlusion
// A linear net falls by Σ w·x under the window, so each pixel gets the mean of that over the windows that cover it.
TEST(Occlusion, OfALinearNetByHand) {
  Build b({3, 1, 1, 5});
  const ValueId flat = reshaped(b, {3, 5});
  b.add(Op::Dense, {flat, b.floats({1, 5}, {1, 2, 3, 4, 5})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const std::string& method) {
    return explainImage(b.graph, method, *backend, {1, 1, 1, 1, 2}, {classQuestion(0)})[0].map;
  };
  // Windows 0–1, 2–3 and 3–4 fall by 3, 7 and 14.
  expectClose(mapOf("occlusion:window=2,stride=2"), {3, 3, 7, 10.5, 14}, 1e-6);
  expectClose(mapOf("occlusion:window=1,stride=1"), {1, 2, 3, 4, 10}, 1e-6);
  expectClose(mapOf("occlusion:window=100"), {20, 20, 20, 20, 20}, 1e-6);
}

TEST(Occlusion, EveryPixelHasToBeCovered) {
  const Recorded net = recordedNet(1);
  const auto backend = makeReferenceBackend();
  const Error e = failureOf(
      [&] { explainImage(net.graph, "occlusion:window=2,stride=3", *backend, net.image, {classQuestion(1)}); });
  EXPECT_EQ(e.code(), ErrorCode::InvalidMethodParameter);
  EXPECT_FALSE(e.expected().empty());
}

TEST(Occlusion, BlackNeedsToBeKnown) {
  const Recorded net = recordedNet(1);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] { explainImage(net.graph, "occlusion:fill=black", *backend, net.image, {classQuestion(1)}); }),
            ErrorCode::NotSupportedByMethod);
}

// ---- RISE
TEST(Rise, MasksKeepTheirShare) {
  Build b({4, 1, 8, 8});
  const ValueId flat = reshaped(b, {4, 64});
  b.add(Op::Dense, {flat, b.floats({2, 64}, std::vector<float>(128))});  // both classes: 1/2, whatever is seen
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  for (const double p : {0.5, 0.2, 1.0}) {
    const std::string text = "rise:samples=3000,cells=4,p=" + std::to_string(p);
    // A mask is 1 with probability p: the mean of mask/p over n masks has a deviation of √((1 − p)/(p·n)).
    const double deviation = 0.5 * std::sqrt((1 - p) / p / 3000);
    const auto maps = explainImage(b.graph, text, *backend, Doubles(64), {classQuestion(0)});
    for (double v : maps[0].map) EXPECT_NEAR(v, 0.5, 4 * deviation + 1e-6) << p;
  }
}

TEST(Rise, SeedsAndSamplesMatter) {
  const Recorded net = recordedNet(2);
  const auto backend = makeReferenceBackend();
  const auto mapOf = [&](const char* text) {
    return explainImage(net.graph, text, *backend, net.image, {classQuestion(1)})[0].map;
  };
  EXPECT_EQ(mapOf("rise:samples=9,rng=1"), mapOf("rise:samples=9,rng=1"));
  EXPECT_NE(mapOf("rise:samples=9,rng=1"), mapOf("rise:samples=9,rng=2"));
  EXPECT_NE(mapOf("rise:samples=9,rng=1"), mapOf("rise:samples=10,rng=1"));
}

TEST(PerturbationParameters, HaveToFit) {
  for (const char* text :
       {"occlusion:window=0", "occlusion:window=-1", "occlusion:window=a", "occlusion:window=", "occlusion:stride=1.5",
        "occlusion:stride=999999", "occlusion:fill=white", "occlusion:baseline=zero", "rise:p=0", "rise:p=1.5",
        "rise:p=x", "rise:samples=0", "rise:samples=2.5", "rise:cells=0", "rise:rng=-1", "score-cam:seed=one",
        "grad-cam:window=3"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
}

}  // namespace
}  // namespace relprop::test
