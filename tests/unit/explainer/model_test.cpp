// Models, reports and lists of the public interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "explainer/model_impl.h"
#include "relprop/explain.h"
#include "unit/core/failure.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace model_test {

// A model that was never a file; its input shape may hold symbolic extents.
Model modelOf(Graph graph) {
  return ModelAccess::network("made.onnx", {std::move(graph), ""});
}

// Two channels, any size: conv → global average → scores.
Model openModel() {
  Build b({-1, 2, -1, -1});
  const ValueId y = b.add(Op::Conv, {b.x(), b.random({3, 2, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Flatten, {b.add(Op::GlobalAveragePool, {y})});
  return modelOf(b.graph);
}

ErrorCode codeOf(const Model& m, const ExplainOptions& o) {
  return failureOf([&] { Explainer e(m, o); }).code();
}

TEST(OpenModel, TheInputHasToHaveAxes) {
  Build number{Shape{}};
  number.add(Op::Relu, {number.x()});
  const Error scalar = failureOf([&] { modelOf(number.graph); });
  EXPECT_EQ(scalar.code(), ErrorCode::UnsupportedModel);
  EXPECT_EQ(scalar.got(), "a single number");
  number.graph.value(number.x()).hasShape = false;
  EXPECT_EQ(failureOf([&] { modelOf(number.graph); }).got(), "no shape");
}

TEST(OpenModel, SizeHasToBeGiven) {
  ExplainOptions o;
  o.method = "gradient";
  EXPECT_EQ(codeOf(openModel(), o), ErrorCode::ShapeMismatch);
  o.inputShape = {5};
  EXPECT_EQ(codeOf(openModel(), o), ErrorCode::ShapeMismatch) << "the height is still open";
  o.inputShape = {3, 8, 8};
  EXPECT_EQ(codeOf(openModel(), o), ErrorCode::ShapeMismatch) << "the model has two channels";
  o.inputShape = {0, 8};
  EXPECT_EQ(codeOf(openModel(), o), ErrorCode::ShapeMismatch);
}

TEST(OpenModel, TakesHeightAndWidthAlone) {
  ExplainOptions o;
  o.method = "gradient";
  o.inputShape = {8, 6};
  Explainer explainer(openModel(), o);
  EXPECT_EQ(explainer.inputShape(), (Shape{2, 8, 6}));
  EXPECT_EQ(explainer.explain(Tensor({2, 2, 8, 6}, 1.0f)).size(), 2u);
}

TEST(OpenModel, BatchIsTheCallersUnlessTheModelFixesIt) {
  ExplainOptions o;
  o.method = "gradient", o.inputShape = {4, 4}, o.batch = 3;
  EXPECT_EQ(Explainer(openModel(), o).explain(Tensor({4, 2, 4, 4}, 1.0f)).size(), 4u);
  Build b({2, 5});
  b.add(Op::Gemm, {b.x(), b.random({5, 3})});
  o.inputShape = {};
  EXPECT_EQ(Explainer(modelOf(b.graph), o).explain(Tensor({3, 5}, 1.0f)).size(), 3u) << "two rows at a time";
}

TEST(OpenModel, ScoresHaveToBeOneVectorAnImage) {
  Build b({1, 2, 4, 4});
  const ValueId maps = b.add(Op::Conv, {b.x(), b.random({3, 2, 1, 1})});
  b.add(Op::Reshape, {maps, b.ints({1, 16, 3})});  // a sequence of scores; maps of them are summed
  ExplainOptions o;
  o.method = "gradient";
  EXPECT_EQ(codeOf(modelOf(b.graph), o), ErrorCode::UnsupportedModel);
}

// The file says nothing of its output.
TEST(OpenModel, ClassesFollowFromTheShapes) {
  EXPECT_EQ(openModel().outputClasses(), 3);
  Build yes({-1, 1, 4, 4});
  const ValueId batch = yes.add(Op::Gather, {yes.add(Op::Shape, {yes.x()}), yes.ints({0})});
  const ValueId rows = yes.add(Op::Concat, {batch, yes.ints({-1})}, {{"axis", std::int64_t{0}}});
  yes.add(Op::Sigmoid, {yes.add(Op::MatMul, {yes.add(Op::Reshape, {yes.x(), rows}), yes.random({16, 1})})});
  EXPECT_EQ(modelOf(yes.graph).outputClasses(), 1);
  Build batchOfTwo({2, 5});
  batchOfTwo.add(Op::Gemm, {batchOfTwo.x(), batchOfTwo.random({5, 3})});
  EXPECT_EQ(modelOf(batchOfTwo.graph).outputClasses(), 3);
  Build number({-1, 5});
  const ValueId one = number.add(Op::Gemm, {number.x(), number.random({5, 1})});
  number.add(Op::Reshape, {one, number.ints({-1})});
  EXPECT_EQ(modelOf(number.graph).outputClasses(), 1) << "[N] is one number an image";
}

TEST(OpenModel, ClassesStayUnknownWhereTheyDependOnTheSize) {
  Build places({-1, 3, -1, -1});
  places.add(Op::Flatten, {places.add(Op::Relu, {places.x()})});
  EXPECT_EQ(modelOf(places.graph).outputClasses(), -1);
  Build maps({1, 2, 4, 4});
  maps.add(Op::Conv, {maps.x(), maps.random({3, 2, 1, 1})});
  EXPECT_EQ(modelOf(maps.graph).outputClasses(), -1) << "a map for each class";
  Build broken({-1, 5});
  broken.add(Op::Gemm, {broken.x(), broken.random({4, 3})});
  EXPECT_EQ(modelOf(broken.graph).outputClasses(), -1) << "who explains it is told";
}

// When a model is loaded nobody has said how much memory there is.
TEST(OpenModel, ClassesStayUnknownWhereTheyTakeLargeConstants) {
  const auto withConstant = [](std::int64_t side) {
    Build b({-1, 4});
    const ValueId zeros = b.add(Op::ConstantOfShape, {b.ints({side, side})});
    b.add(Op::Add, {b.x(), b.add(Op::ReduceMax, {zeros}, {{"keepdims", std::int64_t{0}}})});
    return modelOf(b.graph);
  };
  EXPECT_EQ(withConstant(1024).outputClasses(), 4);
  const Model large = withConstant(1025);
  EXPECT_EQ(large.outputClasses(), -1);
  const std::vector<float> x{1, 2, 3, 4};
  EXPECT_EQ(Explainer(large, {.method = "gradient"}).forward({x.data(), {1, 4}}).data, x) << "it is run all the same";
}

TEST(OpenModel, WhatTheFileDeclaresIsTaken) {
  Build b({-1, 5});
  b.add(Op::Gemm, {b.x(), b.random({5, 3})});
  ImportedModel declared{b.graph, ""};
  declared.outputShape = {-1, 7};
  EXPECT_EQ(ModelAccess::network("made.onnx", declared).outputClasses(), 7);
  declared.outputShape = {-1, -1};
  EXPECT_EQ(ModelAccess::network("made.onnx", declared).outputClasses(), 3);
}

TEST(BatchNorm, PassWithoutAnyIsAWarning) {
  ExplainOptions o;
  o.method = "lrp-zplus:batchnorm=pass", o.inputShape = {4, 4};
  EXPECT_THAT(Explainer(openModel(), o).warnings(), ::testing::Contains(::testing::HasSubstr("batchnorm=pass")));
  o.method = "lrp-zplus";
  EXPECT_TRUE(Explainer(openModel(), o).warnings().empty());
}

TEST(Report, ShowsNodesRulesAndSteps) {
  ExplainOptions o;
  o.method = "rap:residual=symmetric", o.inputShape = {4, 4}, o.rules = {"Conv=flat"};
  Explainer explainer(openModel(), o);
  const PlanReport& r = explainer.report();
  EXPECT_EQ(r.method, explainer.methodString());
  EXPECT_THAT(r.method, ::testing::HasSubstr("residual=symmetric"));
  EXPECT_THAT(r.table.front(), ::testing::HasSubstr("(user)"));
  ASSERT_FALSE(r.nodes.empty());
  EXPECT_EQ(r.nodes[0].op, "Conv");
  EXPECT_EQ(r.nodes[0].shape, "1×3×4×4");
  EXPECT_THAT(r.nodes[0].rule, ::testing::StartsWith("flat"));
  bool forward = false, backward = false;
  for (const StepReport& s : r.steps) forward |= s.phase == "forward", backward |= s.phase == "backward";
  EXPECT_TRUE(forward && backward);
  const auto isNode = [&](const std::string& name) {
    return std::any_of(r.nodes.begin(), r.nodes.end(), [&](const NodeReport& n) { return n.node == name; });
  };
  for (const StepReport& s : r.steps) EXPECT_TRUE(isNode(s.node) || (s.node.empty() && s.kind != "linear")) << s.name;
  EXPECT_GT(r.arenaBytes, 0);
}

TEST(Lists, MethodsHaveParametersAndSources) {
  const auto all = methods();
  EXPECT_GE(all.size(), 17u);
  for (const MethodInfo& m : all) EXPECT_FALSE(m.name.empty() || m.summary.empty() || m.citation.empty());
}

TEST(Lists, VersionsNameTheLibraries) {
  EXPECT_FALSE(version().empty());
  EXPECT_EQ(versions().at("relprop"), version());
  EXPECT_FALSE(versions().at("oneDNN").empty());
}

TEST(Lists, ImageNetHasAThousandNames) {
  const auto names = readLabels("imagenet");
  ASSERT_EQ(names.size(), 1000u);
  EXPECT_EQ(names[0], "tench");
  EXPECT_EQ(names[999], "toilet tissue");
  EXPECT_EQ(failureOf([] { readLabels("no/such/file.txt"); }).code(), ErrorCode::FileNotFound);
}

}  // namespace model_test
}  // namespace relprop::test
