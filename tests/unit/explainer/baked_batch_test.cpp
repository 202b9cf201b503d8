// Exports that leave the batch open at the input and have the 1 of their tracing further inside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "relprop/choices.h"
#include "relprop/error.h"
#include "relprop/patterns.h"
#include "unit/core/failure.h"
#include "unit/explainer/network.h"

namespace relprop::onnx_test {
namespace baked_batch_test {

// Conv → Relu → Reshape to `shape` → MatMul, from x[N, 3, 8, 8].
Model reshapedTo(const Ints& shape) {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.weights("w", {2, 3, 3, 3});
  b.ints("shape", shape);
  Floats head(2 * 36 * 3);
  for (std::size_t i = 0; i < head.size(); ++i) head[i] = wave(i, 0.61f);
  b.weights("head", {72, 3}, head);
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("Reshape", {"r", "shape"}, {"f"});
  b.node("MatMul", {"f", "head"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

Tensor threePictures() {
  Tensor x({3, 3, 8, 8});
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = wave(i, 0.37f);
  return x;
}

ExplainOptions inBatches(const std::string& method, int batch) {
  ExplainOptions o = with(method);
  o.batch = batch;
  return o;
}

TEST(BakedBatch, IsComputedOneImageAtATimeAndSaid) {
  const Tensor x = threePictures();
  for (const std::string method : {"rap", "gradient", "grad-cam", "occlusion:window=4", "smoothgrad:samples=3"}) {
    const std::vector<Explanation> expected = Explainer(reshapedTo({-1, 72}), inBatches(method, 1)).explain(x);
    for (const Ints& shape : {Ints{1, 72}, Ints{1, -1}}) {
      Explainer baked(reshapedTo(shape), inBatches(method, 8));
      EXPECT_THAT(baked.warnings(), ::testing::ElementsAre(::testing::HasSubstr("one image only")));
      const std::vector<Explanation> got = baked.explain(x);
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i].relevance.data, expected[i].relevance.data) << method;
    }
  }
}

// A sum for each of 2^31 images was made before memory was asked for; as an int such a batch is negative.
TEST(BakedBatch, OfThousandsOfMillionsIsRefusedAtOnce) {
  for (const std::int64_t rows : {std::int64_t{4097}, std::int64_t{1} << 31, std::int64_t{1} << 32}) {
    ModelBuilder b;
    b.input("x", {rows});
    b.node("Ceil", {"x"}, {"y"});
    b.output("y");
    const auto bytes = b.bytes();
    const Model model = Model::fromBytes(std::as_bytes(std::span(bytes)));
    const Error error = relprop::test::failureOf([&] { Explainer(model, with("rap")); });
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedModel) << rows;
    EXPECT_THAT(error.got(), ::testing::HasSubstr("a batch fixed to " + std::to_string(rows)));
    EXPECT_EQ(relprop::test::codeOf([&] { fixedBatch(model); }), ErrorCode::UnsupportedModel) << rows;
  }
}

TEST(BakedBatch, NeedsNoWordWhereOneImageIsAskedFor) {
  EXPECT_TRUE(Explainer(reshapedTo({1, 72}), inBatches("rap", 1)).warnings().empty());
  EXPECT_TRUE(Explainer(reshapedTo({-1, 72}), inBatches("rap", 8)).warnings().empty());
}

// Conv → Relu → a product with the number of images → Flatten → MatMul.
Model timesImages() {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.weights("w", {2, 3, 3, 3});
  b.ints("first", {0});
  b.weights("head", {72, 3});
  b.node("Conv", {"x", "w"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("Shape", {"x"}, {"extents"});
  b.node("Cast", {"extents"}, {"floats"}, {{"to", kFloat}});
  b.node("Gather", {"floats", "first"}, {"images"});
  b.node("Mul", {"r", "images"}, {"p"}, {}, "times-images");
  b.node("Flatten", {"p"}, {"f"});
  b.node("MatMul", {"f", "head"}, {"y"});
  b.output("y");
  const auto bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

TEST(BakedBatch, DoesNotCountImages) {
  const Tensor x = threePictures();
  EXPECT_TRUE(Explainer(timesImages(), inBatches("gradient", 1)).warnings().empty());
  for (const std::string method : {"gradient", "lrp-zplus", "occlusion:window=4"}) {
    const std::vector<Explanation> alone = Explainer(timesImages(), inBatches(method, 1)).explain(x);
    for (const int batch : {2, 3, 8}) {
      Explainer several(timesImages(), inBatches(method, batch));
      EXPECT_THAT(several.warnings(), ::testing::ElementsAre(::testing::AllOf(::testing::HasSubstr("one image only"),
                                                                              ::testing::HasSubstr("times-images"))));
      const std::vector<Explanation> got = several.explain(x);
      ASSERT_EQ(got.size(), alone.size());
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].relevance.data, alone[i].relevance.data) << method;
    }
  }
}

TEST(BakedBatch, PatternsAreThoseOfTheOpenModel) {
  const auto patterns = [](const Ints& shape) {
    PatternEstimator estimator(reshapedTo(shape), {.batch = 8, .threads = 1});
    estimator.add(threePictures());
    return std::pair{estimator.finish(), estimator.warnings().size()};
  };
  const auto [baked, said] = patterns({1, 72});
  const auto [open, nothing] = patterns({-1, 72});
  EXPECT_EQ(said, 1u);
  EXPECT_EQ(nothing, 0u);
  ASSERT_EQ(baked.nodes.size(), open.nodes.size());
}

// What is wrong with one image as well is no matter of batches.
TEST(BakedBatch, DoesNotHideOtherMistakes) {
  const Error error = test::failureOf([] { Explainer(reshapedTo({1, 71}), inBatches("rap", 8)); });
  EXPECT_EQ(error.code(), test::failureOf([] { Explainer(reshapedTo({1, 71}), inBatches("rap", 1)); }).code());
  EXPECT_THAT(error.got(), ::testing::HasSubstr("1×2×6×6"));
}

}  // namespace baked_batch_test
}  // namespace relprop::onnx_test
