// Files with several outputs or inputs: which are taken, what is kept of the others, and what may be fed.
#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr int kFloat = 1, kInt64 = 7, kBool = 9;

// x: N×3×8×8 → features 'f' N×3.
ModelBuilder features() {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.node("GlobalAveragePool", {"x"}, {"g"});
  b.node("Flatten", {"g"}, {"f"});
  return b;
}

void declare(ModelBuilder& b, const std::string& name, const std::vector<std::int64_t>& shape, int type = kFloat) {
  auto& tensor = *b.output(name).mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.clear_shape();
  for (const std::int64_t extent : shape) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    extent < 0 ? dim.set_dim_param("N") : dim.set_dim_value(extent);
  }
}

void dense(ModelBuilder& b, const std::string& name, std::int64_t classes) {
  b.weights(name + ".w", {3, classes});
  b.node("Gemm", {"f", name + ".w"}, {name}, {}, name + "_node");
}

ImportedModel imported(const ModelBuilder& b, const ImportOptions& options = {}) {
  return importModelFromBytes(b.bytes(), {}, "test.onnx", options);
}

std::vector<std::string> namesOfNodes(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

// ---- outputs
TEST(SeveralOutputs, TheFirstOfEqualOnesIsTaken) {
  ModelBuilder b = features();
  dense(b, "a", 7), dense(b, "b", 3);
  declare(b, "a", {-1, 7}), declare(b, "b", {-1, 3});
  const ImportedModel model = imported(b);
  EXPECT_EQ(model.output, "a");
  EXPECT_THAT(model.outputs, ElementsAre("a", "b"));
  EXPECT_EQ(model.outputShape, (Shape{-1, 7}));
}

TEST(SeveralOutputs, OneBehindASoftmaxGoesBeforeOneWithout) {
  for (const char* head : {"Softmax", "LogSoftmax", "Sigmoid"}) {
    ModelBuilder b = features();
    dense(b, "a", 7), dense(b, "b", 3);
    b.node(head, {"b"}, {"p"});
    b.node("Identity", {"p"}, {"q"});
    declare(b, "a", {-1, 7}), declare(b, "q", {-1, 3});
    EXPECT_EQ(imported(b).output, "q") << head;
  }
}

TEST(SeveralOutputs, ScoresGoBeforeMapsTablesAndIntegers) {
  ModelBuilder b = features();
  dense(b, "scores", 3);
  b.node("Relu", {"x"}, {"map"});
  b.weights("table", {1});
  b.node("ArgMax", {"scores"}, {"best"}, {{"axis", 1}});
  declare(b, "map", {-1, 3, 8, 8}), declare(b, "best", {-1, 1}, kInt64), declare(b, "scores", {-1, 3});
  EXPECT_EQ(imported(b).output, "scores");
}

TEST(SeveralOutputs, AnyMayBeAskedFor) {
  ModelBuilder b = features();
  dense(b, "a", 7), dense(b, "b", 3);
  declare(b, "a", {-1, 7}), declare(b, "b", {-1, 3});
  const ImportedModel model = imported(b, {"b", {}});
  EXPECT_EQ(model.graph.value(model.graph.outputs.at(0)).name, "b");
  EXPECT_NE(model.hash, imported(b).hash) << "results of two outputs are told apart";
  expectError([&] { imported(b, {"c", {}}); }, ErrorCode::UnknownNode, {"test.onnx", "'c'", "'a', 'b'"});
}

TEST(SeveralOutputs, WhatOthersDependOnStaysBehind) {
  ModelBuilder b = features();
  dense(b, "a", 7), dense(b, "b", 3);
  declare(b, "a", {-1, 7}), declare(b, "b", {-1, 3});
  const Graph graph = imported(b).graph;
  EXPECT_THAT(namesOfNodes(graph), Contains("b_node"));
  EXPECT_EQ(graph.outputs.size(), 1u);
}

TEST(SeveralOutputs, WhatIsNotSupportedOfOthersDoesNotHinder) {
  ModelBuilder b = features();
  dense(b, "a", 7), dense(b, "b", 3);
  b.node("Unheard", {"b"}, {"u"}, {}, "unheard");
  b.node("Relu", {"u"}, {"v"}, {}, "behind");
  b.weights("nan", {3}, {NAN, 1, 1});
  b.node("Mul", {"f", "nan"}, {"n"}, {}, "not finite");
  b.input("other", {-1, 3});
  b.node("Add", {"f", "other"}, {"o"}, {}, "of another input");
  declare(b, "a", {-1, 7}), declare(b, "v", {-1, 3}), declare(b, "n", {-1, 3}), declare(b, "o", {-1, 3});
  const ImportedModel model = imported(b);
  EXPECT_EQ(model.output, "a");
  EXPECT_EQ(model.graph.inputs.size(), 1u);
  const std::vector<std::string> names = namesOfNodes(model.graph);
  EXPECT_THAT(names, Contains("b_node"));
  for (const char* gone : {"unheard", "behind", "not finite", "of another input"})
    EXPECT_THAT(names, Not(Contains(gone)));
  expectError([&] { imported(b, {"v", {}}); }, ErrorCode::UnsupportedModel, {"'Unheard'", "'unheard'"});
}

// ---- inputs
ModelBuilder withTable(int type = kFloat, const std::vector<std::int64_t>& shape = {-1, 3}) {
  ModelBuilder b = features();
  b.input("table", shape).mutable_type()->mutable_tensor_type()->set_elem_type(type);
  b.node("Cast", {"table"}, {"t"}, {{"to", 1}});
  b.node("Add", {"f", "t"}, {"y"});
  declare(b, "y", {-1, 3});
  return b;
}

Constant fed(Shape shape, std::vector<float> values) {
  return {DType::Float, std::move(shape), std::make_shared<const std::vector<float>>(std::move(values)), nullptr};
}

Constant fedIntegers(Shape shape, std::vector<std::int64_t> values, DType type = DType::Int64) {
  return {type, std::move(shape), nullptr, std::make_shared<const std::vector<std::int64_t>>(std::move(values))};
}

TEST(SeveralInputs, ThePictureIsToldFromTheOthers) {
  expectError([] { imported(withTable()); }, ErrorCode::UnsupportedModel,
              {"2 inputs", "'x'", "'table' (float, N×3)", "to explain 'x'", "--feed table=FILE.npy"});
}

TEST(SeveralInputs, AndOutputsAreNamedAsFarAsAnybodyReads) {
  ModelBuilder inputs(13), outputs = features();
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) {
    names.push_back("n" + std::to_string(10 + i));
    inputs.input(names.back(), {1, 3});
    outputs.node("Relu", {"f"}, {names.back()});
    outputs.output(names.back());
  }
  inputs.node("Sum", names, {"y"});
  inputs.output("y");
  expectError([&] { imported(inputs); }, ErrorCode::UnsupportedModel,
              {"30 inputs", "'n29' (float, 1×3) and 10 more", "'n30' and 9 more with --feed",
               "--feed n30=FILE.npy and 9 more"});
  expectError([&] { imported(outputs, {"m", {}}); }, ErrorCode::UnknownNode, {"'n28', 'n29' and 10 more"});
}

TEST(SeveralInputs, WhatIsFedIsAConstant) {
  const ImportedModel model = imported(withTable(), {{}, {{"table", fed({1, 3}, {1, 2, 3})}}});
  ASSERT_EQ(model.graph.inputs.size(), 1u);
  EXPECT_EQ(model.graph.value(model.graph.inputs[0]).name, "x");
  const auto table = std::find_if(model.graph.values.begin(), model.graph.values.end(),
                                  [](const Value& v) { return v.name == "table"; });
  ASSERT_NE(table, model.graph.values.end());
  EXPECT_THAT(*table->constant->floats, ElementsAre(1, 2, 3));
  EXPECT_NE(model.hash, imported(withTable(), {{}, {{"table", fed({1, 3}, {1, 2, 4})}}}).hash);
}

TEST(SeveralInputs, IntegersAndBooleansAreFedAsSuch) {
  EXPECT_EQ(imported(withTable(kInt64), {{}, {{"table", fedIntegers({1, 3}, {1, 2, 3})}}}).graph.inputs.size(), 1u);
  const Constant flags = fedIntegers({1, 3}, {1, 0, 1}, DType::Bool);
  EXPECT_EQ(imported(withTable(kBool), {{}, {{"table", flags}}}).graph.inputs.size(), 1u);
}

TEST(SeveralInputs, WhatDoesNotFitIsRefused) {
  const auto refused = [](const ModelBuilder& b, const std::string& name, Constant value, ErrorCode code,
                          const std::vector<std::string>& parts) {
    expectError([&] { imported(b, {{}, {{name, value}}}); }, code, parts);
  };
  refused(withTable(), "tabel", fed({1, 3}, {1, 2, 3}), ErrorCode::UnknownNode,
          {"'tabel'", "'table' (float, N×3)", "'x'"});
  refused(withTable(), "table", fed({1, 2}, {1, 2}), ErrorCode::ShapeMismatch, {"'table'", "1×2", "N×3"});
  refused(withTable(), "table", fed({3}, {1, 2, 3}), ErrorCode::ShapeMismatch, {"'table'", "3", "N×3"});
  refused(withTable(kInt64), "table", fed({1, 3}, {1, 2, 3}), ErrorCode::InvalidArgument,
          {"'table'", "floats", "int64"});
  refused(withTable(), "table", fedIntegers({1, 3}, {1, 2, 3}), ErrorCode::InvalidArgument,
          {"'table'", "integers", "float"});
}

TEST(SeveralInputs, ThoseOfOtherOutputsDoNotCount) {
  ModelBuilder b = features();
  b.input("other", {-1, 3});
  b.node("Add", {"f", "other"}, {"o"});
  dense(b, "a", 7);
  declare(b, "a", {-1, 7}), declare(b, "o", {-1, 3});
  EXPECT_EQ(imported(b).graph.inputs.size(), 1u);
}

TEST(SeveralOutputs, OfOneNameAreOne) {
  ModelBuilder b = oneNode(13, "Relu");
  b.output("y");
  EXPECT_THAT(importModelFromBytes(b.bytes(), {}, "test.onnx").outputs, ::testing::ElementsAre("y"));
}

}  // namespace
}  // namespace relprop::onnx_test
