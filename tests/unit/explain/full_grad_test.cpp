// Full-gradient: its parts sum up to the score, and its map by hand.
#include "unit/core/failure.h"
#include "unit/explain/session.h"

namespace relprop::test {
namespace {

// y = 2x − 1 by a convolution of one weight, a ReLU, and a linear head without a bias.
const std::vector<float> kHead = {3, -1, 2, 5};

Graph smallNet() {
  Build b({1, 1, 2, 2});
  b.add(Op::Conv, {b.x(), b.floats({1, 1, 1, 1}, {2}), b.floats({1}, {-1})});
  b.add(Op::Relu, {b.graph.outputs[0]});
  b.add(Op::Dense, {reshaped(b, {1, 4}), b.floats({1, 4}, kHead)});
  inferShapes(b.graph);
  return b.graph;
}

Attribution full(const Graph& graph, const std::string& method, const Doubles& image, Backend& backend) {
  return explainImage(graph, method, backend, image, {classQuestion(0)})[0];
}

TEST(FullGrad, AddsTheBiasesToTheInput) {
  const Doubles image = {1, 0.25, 2, 0.75};  // the second is cut off
  const auto backend = makeReferenceBackend();
  const Attribution plain = full(smallNet(), "fullgrad:rescale=off", image, *backend);
  EXPECT_EQ(plain.shape, (Shape{1, 2, 2}));
  // |x·2w| + |−1·w| where y > 0
  expectClose(plain.map, {6 + 3, 0, 8 + 2, 7.5 + 5}, 1e-6);
  EXPECT_NEAR(factOf(plain, "f(x)"), 3 * 1 + 2 * 3 + 5 * 0.5, 1e-6);
  EXPECT_NEAR(factOf(plain, "completeness gap"), 0, 1e-6);
  // each of the two brought to [0, 1]
  expectClose(full(smallNet(), "fullgrad", image, *backend).map, {6.0 / 8 + 3.0 / 5, 0, 1 + 2.0 / 5, 7.5 / 8 + 1},
              1e-6);
}

TEST(FullGrad, IsEmptyWhereNothingIsActive) {
  const auto backend = makeReferenceBackend();
  const Attribution nothing = full(smallNet(), "fullgrad", {0, 0, 0.25, -3}, *backend);
  EXPECT_EQ(nothing.map, Doubles(4));
  EXPECT_EQ(factOf(nothing, "completeness gap"), 0);
}

// A map whose magnitude is the same everywhere has no least and largest value.
TEST(FullGrad, OfOneMagnitudeIsEmptyOnceRescaled) {
  Build b({1, 1, 2, 2});
  b.add(Op::Dense, {reshaped(b, {1, 4}), b.floats({1, 4}, {1, -1, 1, -1})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(full(b.graph, "fullgrad", {2, 2, 2, 2}, *backend).map, Doubles(4));
  EXPECT_EQ(full(b.graph, "fullgrad:rescale=off", {2, 2, 2, 2}, *backend).map, (Doubles{2, 2, 2, 2}));
}

// All that may add a constant: biases at padded borders, BatchNormalization, sums on either side, a bound, a head.
Graph manyConstants(std::int64_t rows) {
  Build b({rows, 2, 8, 6});
  b.add(Op::Conv, {b.x(), b.random({4, 2, 3, 3}), b.random({4})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Affine, {b.graph.outputs[0], b.random({4}), b.random({4})});
  b.add(Op::Clip, {b.graph.outputs[0]}, {{"min", -0.25f}, {"max", 0.5f}});
  const ValueId skip = b.add(Op::Add, {b.graph.outputs[0], b.random({4, 1, 1})});
  b.add(Op::Relu, {b.add(Op::Conv, {skip, b.random({4, 4, 3, 3}), b.random({4})}, {{"pads", Ints{1, 1, 1, 1}}})});
  b.add(Op::Add, {b.graph.outputs[0], skip});
  b.add(Op::Sub, {b.floats({}, {0.75f}), b.graph.outputs[0]});
  b.add(Op::MaxPool, {b.graph.outputs[0]}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  b.add(Op::Div, {b.graph.outputs[0], b.floats({}, {2})});
  b.add(Op::Dense, {reshaped(b, {rows, 48}), b.random({3, 48}), b.random({3})});
  inferShapes(b.graph);
  return b.graph;
}

TEST(FullGrad, IsCompleteForPiecewiseLinearNetworks) {
  for (const std::int64_t rows : {1, 3})
    for (const auto& backend : bothBackends())
      for (unsigned seed = 1; seed < 4; ++seed) {
        const Doubles image = input({1, 2, 8, 6}, seed).data;
        const std::vector<Question> asked = {classQuestion(1), rivalQuestion(2, 0)};
        for (const Attribution& a : explainImage(manyConstants(rows), "fullgrad", *backend, image, asked)) {
          EXPECT_GT(std::abs(factOf(a, "f(x)")), 1e-3);
          EXPECT_NEAR(factOf(a, "completeness gap"), 0, 1e-5) << backend->name();
        }
      }
}

// The tangent of a smooth activation does not go through 0 either.
TEST(FullGrad, CountsWhatTangentsCutOff) {
  Build b({1, 2, 3, 3});
  b.add(Op::Tanh, {b.add(Op::Conv, {b.x(), b.random({3, 2, 3, 3}), b.random({3})}, {{"pads", Ints{1, 1, 1, 1}}})});
  addHead(b);
  const auto backend = makeReferenceBackend();
  const Attribution a = full(b.graph, "fullgrad", input({1, 2, 3, 3}).data, *backend);
  EXPECT_NEAR(factOf(a, "completeness gap"), 0, 1e-5);
}

// A product of two computed values is no sum of both gradients: the gap says by how much.
TEST(FullGrad, SaysWhereItIsNotComplete) {
  Build b({1, 1, 2, 2});
  b.add(Op::Mul, {b.x(), b.add(Op::Sigmoid, {b.x()})});
  b.add(Op::Dense, {reshaped(b, {1, 4}), b.floats({1, 4}, kHead)});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_GT(std::abs(factOf(full(b.graph, "fullgrad", {1, 2, 3, 4}, *backend), "completeness gap")), 0.1);
}

TEST(FullGrad, NeedsAPictureAndKnownWords) {
  Build b({1, 6});
  b.add(Op::Dense, {b.x(), b.random({3, 6})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] { full(b.graph, "fullgrad", Doubles(6, 1), *backend); }), ErrorCode::NotSupportedByMethod);
  for (const char* text : {"fullgrad:rescale=1", "fullgrad:layer=last", "guided-grad-cam:rescale=on"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
}

// ---- guided Grad-CAM: two walks from one seed
Graph deepNet(std::int64_t rows) {
  Build b({rows, 2, 8, 6});
  b.add(Op::Relu, {b.add(Op::Conv, {b.x(), b.random({4, 2, 3, 3}), b.random({4})}, {{"pads", Ints{1, 1, 1, 1}}})});
  nameLast(b, "early");
  b.add(Op::Relu, {b.add(Op::Conv, {b.graph.outputs[0], b.random({5, 4, 3, 3}), b.random({5})})});
  nameLast(b, "late");
  reshaped(b, {rows, 120});
  b.add(Op::Relu, {b.add(Op::Dense, {b.graph.outputs[0], b.random({7, 120}), b.random({7})})});
  b.add(Op::Dense, {b.graph.outputs[0], b.random({3, 7})});
  inferShapes(b.graph);
  return b.graph;
}

// Above a hidden layer the guided walk is not the gradient, of which the weights have to be made.
TEST(GuidedGradCam, IsTheProductOfWhatBothGiveAlone) {
  const std::vector<Question> asked = {classQuestion(1), rivalQuestion(2, 0)};
  for (const std::int64_t rows : {1, 2})
    for (const auto& backend : bothBackends())
      for (const char* layer : {"", ":layer=early"})
        for (unsigned seed = 1; seed < 3; ++seed) {
          const Doubles image = input({1, 2, 8, 6}, seed).data;
          const auto maps = [&](const std::string& method) {
            return explainImage(deepNet(rows), method, *backend, image, asked);
          };
          const auto product = maps("guided-grad-cam" + std::string(layer)), guided = maps("guided-backprop"),
                     cam = maps("grad-cam" + std::string(layer));
          for (std::size_t q = 0; q < asked.size(); ++q) {
            EXPECT_EQ(product[q].shape, (Shape{2, 8, 6}));
            Doubles expected = guided[q].map;
            for (std::size_t i = 0; i < expected.size(); ++i) expected[i] *= cam[q].map[i % 48];
            expectClose(product[q].map, expected, 1e-6, backend->name());
          }
        }
}

// The forward phase is kept between the walks, but not between pictures.
TEST(GuidedGradCam, ForgetsTheLastPicture) {
  const auto backend = makeOneDnnBackend();
  CompiledMethod c(deepNet(1), parseMethod("guided-grad-cam"), *backend, {});
  std::vector<Doubles> seen;
  for (const unsigned seed : {1u, 2u, 1u}) {
    const Doubles image = input({1, 2, 8, 6}, seed).data;
    std::copy(image.begin(), image.end(), c.input());
    c.run(Phase::Forward, {});
    const float one[] = {1, 0, 0};
    std::copy_n(one, 3, c.seed());
    c.run(Phase::Backward, {});
    Doubles all(c.relevance(), c.relevance() + c.inputFloats());
    for (float v : c.layerRelevance(0)) all.push_back(v);
    for (float v : c.activation(0)) all.push_back(v);
    seen.push_back(all);
  }
  EXPECT_EQ(seen[0], seen[2]);
  EXPECT_NE(seen[0], seen[1]);
}

}  // namespace
}  // namespace relprop::test
