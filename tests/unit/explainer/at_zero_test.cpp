// What is right almost everywhere and hides where a value is exactly 0, a bound is missing or a sum has negative
// weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/expect_error.h"
#include "unit/explainer/network.h"

namespace relprop::onnx_test {
namespace at_zero_test {

// Conv → Sub `down` → Relu → what `tail` makes of "r", called "t" → mean over the map → MatMul. Where `down` is large,
// the maps are 0 at many places.
template <class Tail>
Model behindRelu(float down, Tail tail) {
  ModelBuilder b;
  b.input("x", kPicture);
  Floats w(4 * 3 * 9), head(4 * 3);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = wave(i, 0.73f);
  for (std::size_t i = 0; i < head.size(); ++i) head[i] = wave(i, 0.61f);
  b.weights("w", {4, 3, 3, 3}, w), b.weights("down", {1}, {down}), b.weights("head", {4, 3}, head);
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Sub", {"c", "down"}, {"d"});
  b.node("Relu", {"d"}, {"r"});
  tail(b);
  b.node("GlobalAveragePool", {"t"}, {"p"});
  b.node("Flatten", {"p"}, {"f"});
  b.node("MatMul", {"f", "head"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

void normalised(ModelBuilder& b) {  // F.normalize
  b.weights("least", {}, {1e-12f});
  b.node("ReduceL2", {"r"}, {"n"}, {{"axes", Ints{1}}, {"keepdims", 1}});
  b.node("Clip", {"n", "least"}, {"m"});
  b.node("Div", {"r", "m"}, {"t"});
}
void root(ModelBuilder& b) {
  b.node("Sqrt", {"r"}, {"t"});
}
void power(ModelBuilder& b, float exponent) {
  b.weights("exponent", {}, {exponent});
  b.node("Pow", {"r", "exponent"}, {"t"});
}

std::size_t zeros(const Floats& values) {
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0f));
}

// Against central differences, where the picture is not at a kink.
void expectGradient(const Model& model) {
  Explainer gradient(model, with("gradient"));
  const Explanation e = gradient.explain(picture()).at(0);
  const int target = e.targetPrediction.index;
  const float largest = *std::max_element(e.relevance.data.begin(), e.relevance.data.end());
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < e.relevance.data.size(); i += 7) {
    Tensor up = picture(), down = picture();
    const float h = 2e-3f;
    up.data[i] += h, down.data[i] -= h;
    const auto score = [&](const Tensor& x) { return gradient.forward(x).data[static_cast<std::size_t>(target)]; };
    EXPECT_NEAR((score(up) - score(down)) / (2 * h), e.relevance.data[i], 0.03f * largest) << i;
  }
}

TEST(AtZero, VectorsOfZerosHaveANorm) {
  const Model model = behindRelu(0.7f, normalised);
  expectGradient(model);
  EXPECT_NO_THROW(Explainer(model, with("input-x-gradient")).explain(picture()));
  EXPECT_NO_THROW(Explainer(model, with("integrated-gradients:steps=4")).explain(picture()));
}

TEST(AtZero, RootsAndPowersPassNothingBack) {
  for (const float exponent : {0.0f, 0.5f, 0.7f, 1.0f, 2.0f}) {
    SCOPED_TRACE(exponent);
    const Model model = behindRelu(0.5f, [&](ModelBuilder& b) { power(b, exponent); });
    const Explanation e = Explainer(model, with("gradient")).explain(picture()).at(0);
    EXPECT_TRUE(
        std::all_of(e.relevance.data.begin(), e.relevance.data.end(), [](float v) { return std::isfinite(v); }));
    EXPECT_EQ(exponent == 0, zeros(e.relevance.data) == e.relevance.data.size());
  }
  const Explanation plain = Explainer(behindRelu(0.5f, root), with("gradient")).explain(picture()).at(0);
  const Explanation half =
      Explainer(behindRelu(0.5f, [](ModelBuilder& b) { power(b, 0.5f); }), with("gradient")).explain(picture()).at(0);
  for (std::size_t i = 0; i < plain.relevance.data.size(); ++i)
    EXPECT_NEAR(plain.relevance.data[i], half.relevance.data[i], 1e-5f * std::abs(plain.relevance.data[i]) + 1e-6f);
}

// Relevance adds up to the score less the baseline's, as it has to, where slopes are infinite.
TEST(AtZero, DeepLiftTakesTheSecantOfARoot) {
  for (const auto& tail : {root, +[](ModelBuilder& b) { power(b, 0.7f); }}) {
    const Model model = behindRelu(0.1f, tail);
    Explainer deeplift(model, with("deeplift"));
    const Explanation e = deeplift.explain(picture()).at(0);
    const auto target = static_cast<std::size_t>(e.targetPrediction.index);
    const float change = deeplift.forward(picture()).data[target] - deeplift.forward(Tensor(kPicture)).data[target];
    EXPECT_NEAR(std::accumulate(e.relevance.data.begin(), e.relevance.data.end(), 0.0f), change,
                1e-3f * std::abs(change));
  }
}

// Both bounds of a Clip may be missing.
TEST(AtZero, AClipMayHaveAnUpperBoundAlone) {
  const auto clipped = [](bool both) {
    return behindRelu(0.1f, [both](ModelBuilder& b) {
      b.weights("high", {}, {0.4f}), b.weights("low", {}, {-1e30f});
      b.node("Clip", {"r", both ? "low" : "", "high"}, {"t"});
    });
  };
  for (const char* method : {"gradient", "rap", "deeplift"})
    EXPECT_EQ(Explainer(clipped(false), with(method)).explain(picture()).at(0).relevance.data,
              Explainer(clipped(true), with(method)).explain(picture()).at(0).relevance.data);
  const Floats free =
      Explainer(behindRelu(0.1f, [](ModelBuilder& b) { b.node("Identity", {"r"}, {"t"}); }), with("gradient"))
          .explain(picture())
          .at(0)
          .relevance.data;
  EXPECT_NE(Explainer(clipped(false), with("gradient")).explain(picture()).at(0).relevance.data, free);
}

// What a cubic Resize makes of values above 0 may lie below 0. The same network with two Neg behind it says nothing of
// signs.
TEST(AtZero, ACubicResizeMayOvershoot) {
  const auto resized = [](const char* mode, bool hidden) {
    return behindRelu(0.1f, [=](ModelBuilder& b) {
      Floats w(4 * 4 * 9);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = wave(i, 0.51f);
      b.weights("scales", {4}, {1, 1, 2, 2}), b.weights("w2", {4, 4, 3, 3}, w);
      b.node("Resize", {"r", "", "scales"}, {"s"}, {{"mode", mode}});
      b.node("Neg", {"s"}, {"n"}), b.node("Neg", {"n"}, {"nn"});
      b.node("Conv", {hidden ? "nn" : "s", "w2"}, {"c2"});
      b.node("Relu", {"c2"}, {"t"});
    });
  };
  for (const char* mode : {"cubic", "linear"})
    for (const char* method : {"lrp-zplus", "rap", "lrp-alpha2beta1", "lrp-gamma"}) {
      const Floats map = Explainer(resized(mode, false), with(method)).explain(picture()).at(0).relevance.data;
      const Floats same = Explainer(resized(mode, true), with(method)).explain(picture()).at(0).relevance.data;
      const float largest = std::abs(*std::max_element(same.begin(), same.end()));
      for (std::size_t i = 0; i < map.size(); ++i) EXPECT_NEAR(map[i], same[i], 1e-4f * largest) << mode << method << i;
    }
}

// Derivatives of 1e20 are numbers, their squares are not.
TEST(Overflow, InWhatIsDoneWithAFinishedMap) {
  ModelBuilder b;
  b.input("x", kPicture);
  b.weights("w", {3 * 8 * 8, 2}, Floats(3 * 8 * 8 * 2, 1e20f));
  b.node("Flatten", {"x"}, {"f"});
  b.node("MatMul", {"f", "w"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  const Model model = Model::fromBytes(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(Explainer(model, with("gradient")).explain(picture()).at(0).relevance.data[0], 1e20f);
  const Error error =
      test::expectError(ErrorCode::NumericFailure, [&] { Explainer(model, with("sensitivity")).explain(picture()); });
  EXPECT_EQ(error.where(), "relevance");
}

}  // namespace at_zero_test
}  // namespace relprop::onnx_test
