// Guided backpropagation and deconvolution on a small convolutional net, against loops in double precision.
#include <algorithm>

#include "unit/core/failure.h"
#include "unit/explain/support.h"
#include "unit/explain/twins.h"

namespace relprop::test {
namespace {

const Node& nodeNamed(const Graph& g, const std::string& name) {
  return *std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == name; });
}

// conv "one" → relu → conv "two" → relu → head
Graph convNet() {
  Build b({2, 3, 6, 5});
  const auto conv = [&](ValueId x, const Shape& w, const char* name) {
    const ValueId y =
        b.add(Op::Conv, {x, b.random(w), b.random({w[0]})}, {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 1}}});
    nameLast(b, name);
    return y;
  };
  const ValueId one = b.add(Op::Relu, {conv(b.x(), {17, 3, 3, 3}, "one")});
  b.add(Op::Relu, {conv(one, {9, 17, 3, 3}, "two")});
  addHead(b);
  return b.graph;
}

Doubles rectified(Doubles x) {
  for (double& v : x) v = std::max(v, 0.0);
  return x;
}

// Guided: R⁺ where z > 0. Deconvolution: R⁺. Gradient: R where z > 0.
Doubles atRelu(const std::string& method, const Doubles& z, Doubles r) {
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (method != "gradient") r[i] = std::max(r[i], 0.0);
    if (method != "deconvnet" && z[i] <= 0) r[i] = 0;
  }
  return r;
}

Doubles walked(const Graph& g, const std::string& method, const Doubles& x, const Doubles& seed) {
  const Layer one = layerOf(g, nodeNamed(g, "one")), two = layerOf(g, nodeNamed(g, "two")),
              head = layerOf(g, nodeNamed(g, "head"));
  const Doubles z1 = outputsOf(one, x), z2 = outputsOf(two, rectified(z1));
  const Doubles r2 = atRelu(method, z2, twin("gradient", head, {}, seed));
  const Doubles r1 = atRelu(method, z1, twin("gradient", two, {}, r2));
  return twin("gradient", one, {}, r1);
}

class ActivationWalks : public testing::TestWithParam<std::string> {};

TEST_P(ActivationWalks, AreTheirLoops) {
  const Graph g = convNet();
  const Array x = input({2, 3, 6, 5});
  const Doubles seed = {1, -0.5, 0.25, 0, -1, 1};
  for (const auto& backend : bothBackends()) {
    const Doubles r = explain(g, parseMethod(GetParam()), *backend, x, seed).relevance;
    for (std::ptrdiff_t row = 0; row < 2; ++row) {
      const Doubles own(x.data.begin() + row * 90, x.data.begin() + (row + 1) * 90);
      const Doubles expected = walked(g, GetParam(), own, {seed.begin() + row * 3, seed.begin() + (row + 1) * 3});
      expectClose({r.begin() + row * 90, r.begin() + (row + 1) * 90}, expected, 1e-5, backend->name());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, ActivationWalks, testing::Values("gradient", "guided-backprop", "deconvnet"));

// The three differ on this net, so that none can stand in for another.
TEST(ActivationWalk, TellsTheMethodsApart) {
  const Graph g = convNet();
  const Array x = input({2, 3, 6, 5});
  const Doubles own(x.data.begin(), x.data.begin() + 90), seed = {1, -0.5, 0.25};
  EXPECT_NE(walked(g, "gradient", own, seed), walked(g, "guided-backprop", own, seed));
  EXPECT_NE(walked(g, "deconvnet", own, seed), walked(g, "guided-backprop", own, seed));
}

// Max pools hand on to the winner, and other activations take their derivative.
TEST(ActivationWalk, GuidedAtOtherNodesIsTheGradient) {
  Build b({1, 9, 4, 4});
  b.add(Op::MaxPool, {b.add(Op::Sigmoid, {b.x()})}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  addHead(b);
  const Array x = input({1, 9, 4, 4});
  for (const auto& backend : bothBackends()) {
    const Doubles expected = explain(b.graph, parseMethod("gradient"), *backend, x, {1, -1, 0.5}).relevance;
    for (const char* method : {"guided-backprop", "deconvnet"})
      expectClose(explain(b.graph, parseMethod(method), *backend, x, {1, -1, 0.5}).relevance, expected, 1e-6, method);
  }
}

// ---- smooth: R times the derivative of log(1 + exp(βz))/β
double softplus(double z, double beta) {
  return std::log1p(std::exp(beta * z)) / beta;
}

// By differences of softplus itself.
double softplusSlope(double z, double beta) {
  return (softplus(z + 1e-6, beta) - softplus(z - 1e-6, beta)) / 2e-6;
}

Doubles smoothed(const Graph& g, double beta, const Doubles& x, const Doubles& seed) {
  const Layer one = layerOf(g, nodeNamed(g, "one")), two = layerOf(g, nodeNamed(g, "two")),
              head = layerOf(g, nodeNamed(g, "head"));
  const Doubles z1 = outputsOf(one, x), z2 = outputsOf(two, rectified(z1));
  Doubles r = twin("gradient", head, {}, seed);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] *= softplusSlope(z2[i], beta);
  r = twin("gradient", two, {}, r);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] *= softplusSlope(z1[i], beta);
  return twin("gradient", one, {}, r);
}

TEST(BetaSmoothing, TakesTheDerivativeOfSoftplus) {
  const Graph g = convNet();
  const Array x = input({2, 3, 6, 5});
  const Doubles seed = {1, -0.5, 0.25, 0, -1, 1};
  for (const auto& backend : bothBackends())
    for (const double beta : {0.5, 10.0, 40.0}) {
      const std::string text = "gradient:beta_smooth=" + std::to_string(beta);
      const Doubles r = explain(g, parseMethod(text), *backend, x, seed).relevance;
      for (std::ptrdiff_t row = 0; row < 2; ++row) {
        const Doubles one(x.data.begin() + row * 90, x.data.begin() + (row + 1) * 90),
            of(seed.begin() + row * 3, seed.begin() + (row + 1) * 3);
        expectClose({r.begin() + row * 90, r.begin() + (row + 1) * 90}, smoothed(g, beta, one, of), 1e-4, text);
      }
    }
}

// Scores, and so forward passes, are those of ReLU; a large β is ReLU.
TEST(BetaSmoothing, BecomesTheGradient) {
  const Graph g = convNet();
  const Array x = input({2, 3, 6, 5});
  const auto backend = makeOneDnnBackend();
  const Explained plain = explain(g, parseMethod("gradient"), *backend, x),
                  steep = explain(g, parseMethod("gradient:beta_smooth=1000000"), *backend, x),
                  flat = explain(g, parseMethod("gradient:beta_smooth=1"), *backend, x);
  expectClose(steep.scores, plain.scores, 1e-6);
  expectClose(flat.scores, plain.scores, 1e-6);
  expectClose(steep.relevance, plain.relevance, 1e-5);
  EXPECT_NE(flat.relevance, plain.relevance);
}

// log(1 + exp(β(x − low)))/β − log(1 + exp(β(x − high)))/β, and either bound alone.
TEST(BetaSmoothing, OfAClipIsThatOfBothBounds) {
  const Array x = input({1, 8}, 3, -2, 2);
  const auto backend = makeReferenceBackend();
  for (const Attributes& bounds : {Attributes{{"min", -0.5f}, {"max", 1.0f}}, Attributes{{"min", -0.5f}},
                                   Attributes{{"max", 1.0f}}, Attributes{}}) {
    Build b({1, 8});
    b.add(Op::Clip, {b.x()}, bounds);
    b.add(Op::Dense, {b.graph.outputs[0], b.floats({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8})});
    inferShapes(b.graph);
    const Doubles r = explain(b.graph, parseMethod("gradient:beta_smooth=3"), *backend, x, {1}).relevance;
    for (std::size_t i = 0; i < 8; ++i) {
      const double low = bounds.contains("min") ? softplusSlope(x.data[i] + 0.5, 3) : 1,
                   high = bounds.contains("max") ? softplusSlope(x.data[i] - 1, 3) : 0;
      EXPECT_NEAR(r[i], static_cast<double>(i + 1) * (low - high), 1e-5);
    }
  }
}

TEST(BetaSmoothing, IsForDerivativesOfReLU) {
  for (const char* text : {"gradient:beta_smooth=0", "gradient:beta_smooth=-1", "gradient:beta_smooth=nan",
                           "gradient:beta_smooth=2000000", "lrp-zplus:beta_smooth=10", "guided-backprop:beta_smooth=10",
                           "deeplift:beta_smooth=10", "rise:beta_smooth=10", "eigen-cam:beta_smooth=10"})
    EXPECT_EQ(codeOf([&] { parseMethod(text); }), ErrorCode::InvalidMethodParameter) << text;
  for (const char* text : {"smoothgrad", "integrated-gradients", "grad-cam", "taylor", "sensitivity", "fullgrad"})
    EXPECT_NO_THROW(parseMethod(text + std::string(":beta_smooth=10"))) << text;
  EXPECT_EQ(codeOf([] { parseRule("smooth:0"); }), ErrorCode::InvalidRule);
  EXPECT_EQ(parseRule("smooth:0.5").beta, 0.5f);
}

}  // namespace
}  // namespace relprop::test
