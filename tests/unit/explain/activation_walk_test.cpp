// Guided backpropagation and deconvolution on a small convolutional net, against loops in double precision.
#include <algorithm>

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

}  // namespace
}  // namespace relprop::test
