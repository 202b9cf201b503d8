// What a network of thousands of nodes takes grows as it does.
#include <gtest/gtest.h>

#include "unit/explainer/network.h"

namespace relprop::test {
namespace {

using onnx_test::Ints;

// One channel for each part of a Split, all of them put together again; the first four are the scores.
Model splitIntoParts(std::int64_t count) {
  onnx_test::ModelBuilder b;
  b.input("x", {1, 3, 8, 8});
  b.weights("w", {count, 3, 1, 1});
  b.node("Conv", {"x", "w"}, {"c"}, {}, "conv");
  std::vector<std::string> parts;
  for (std::int64_t i = 0; i < count; ++i) parts.push_back("p" + std::to_string(i));
  b.node("Split", {"c"}, parts, {{"axis", 1}}, "split");
  b.node("Concat", parts, {"all"}, {{"axis", 1}}, "concat");
  b.node("GlobalAveragePool", {"all"}, {"means"}, {}, "pool");
  b.node("Flatten", {"means"}, {"y"}, {}, "flatten");
  b.output("y");
  const std::vector<std::uint8_t> bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

TEST(Growth, TensorsThatHundredsReadHaveNotAsManyBuffers) {
  const auto arena = [](std::int64_t parts) {
    return Explainer(splitIntoParts(parts), onnx_test::with("gradient")).report().arenaBytes;
  };
  EXPECT_LT(arena(600), 3 * arena(300));
}

// Weights are 0.01, 0.02, …, and a score is the mean over a channel of 64 pixels.
TEST(Growth, WhatHundredsSendIsAddedUpAsOne) {
  const Model model = splitIntoParts(200);
  const Tensor gradient =
      Explainer(model, onnx_test::with("gradient")).explain(onnx_test::picture(), {Target::of(150)})[0].relevance;
  for (std::size_t i = 0; i < gradient.data.size(); ++i)
    EXPECT_NEAR(gradient.data[i], 0.01f * static_cast<float>(150 * 3 + i / 64 + 1) / 64, 1e-7f);
  for (const char* method : {"gradient", "lrp-epsilon", "rap", "attn-lrp"}) {
    ExplainOptions fast = onnx_test::with(method), slow = fast;
    slow.reference = true;
    const Target target = Target::of(150);
    const Tensor got = Explainer(model, fast).explain(onnx_test::picture(), {target})[0].relevance;
    const Tensor expected = Explainer(model, slow).explain(onnx_test::picture(), {target})[0].relevance;
    double most = 0, difference = 0;
    for (std::size_t i = 0; i < expected.data.size(); ++i) {
      most = std::max(most, std::abs(static_cast<double>(expected.data[i])));
      difference = std::max(difference, std::abs(static_cast<double>(got.data[i] - expected.data[i])));
    }
    EXPECT_GT(most, 0) << method;
    EXPECT_LT(difference, 1e-5 * most) << method;
  }
}

}  // namespace
}  // namespace relprop::test
