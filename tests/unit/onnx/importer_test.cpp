#include "graph/print.h"
#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> nodeNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

TEST(Importer, ReadsASmallNetwork) {
  Graph graph = import(smallNetwork());
  EXPECT_THAT(nodeNames(graph),
              ElementsAre("conv1", "bn1", "relu1", "conv2", "add", "pool", "flatten", "fc", "softmax"));
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
  EXPECT_EQ(graph.value(graph.inputs[0]).shape, (Shape{-1, 3, 8, 8}));
  ASSERT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "probabilities");
  EXPECT_EQ(graph.opset, 13);
  const Node& conv = graph.nodes[0];
  EXPECT_EQ(conv.intsAttr("pads"), (std::vector<std::int64_t>{1, 1, 1, 1}));
  EXPECT_EQ(graph.value(conv.inputs[1]).shape, (Shape{4, 3, 3, 3}));
  EXPECT_FLOAT_EQ(floatsOf(graph, conv.inputs[1])[9], 0.1f);
}

TEST(Importer, SortsNodesThatAreOutOfOrder) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.node("Relu", {"b"}, {"c"}, {}, "third");
  b.node("Relu", {"a"}, {"b"}, {}, "second");
  b.node("Relu", {"x"}, {"a"}, {}, "first");
  b.output("c");
  EXPECT_THAT(nodeNames(import(b)), ElementsAre("first", "second", "third"));
}

TEST(Importer, KeepsOnlyWhatTheFirstOutputDependsOn) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.input("unused", {1});
  b.node("Relu", {"x"}, {"y"}, {}, "kept");
  b.node("NonMaxSuppression", {"x"}, {"z"}, {}, "dropped");
  b.weights("nan", {1}, {NAN});
  b.node("Add", {"x", "nan"}, {"w"}, {}, "dropped too");
  b.output("y");
  b.output("z");
  Graph graph = import(b);
  EXPECT_THAT(nodeNames(graph), ElementsAre("kept"));
  EXPECT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(graph.inputs.size(), 1u);
}

TEST(Importer, MakesNodeNamesUnique) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.node("Relu", {"x"}, {"a"});
  b.node("Relu", {"a"}, {"b"}, {}, "n");
  b.node("Relu", {"b"}, {"c"}, {}, "n");
  b.node("Relu", {"c"}, {"d"}, {}, "n_2");
  b.output("d");
  EXPECT_THAT(nodeNames(import(b)), ElementsAre("Relu_0", "n", "n_2", "n_2_2"));
}

TEST(Importer, TakesInitialisersOutOfTheInputs) {
  ModelBuilder b = smallNetwork();
  b.input("conv1.w", {4, 3, 3, 3});
  b.model.set_ir_version(3);
  EXPECT_EQ(import(b).inputs.size(), 1u);
}

TEST(Importer, ConstantNodesBecomeConstants) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.node("Constant", {}, {"k"}, {{"value_floats", std::vector<float>{1, 2, 3}}});
  b.node("Add", {"x", "k"}, {"y"});
  auto& value = *b.node("Constant", {}, {"t"}).add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value.mutable_t()->add_float_data(5);
  b.node("Mul", {"y", "t"}, {"z"});
  b.output("z");
  Graph graph = import(b);
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_THAT(floatsOf(graph, graph.nodes[0].inputs[1]), ElementsAre(1, 2, 3));
  EXPECT_THAT(floatsOf(graph, graph.nodes[1].inputs[1]), ElementsAre(5));
  EXPECT_TRUE(graph.value(graph.nodes[1].inputs[1]).shape.empty());
}

TEST(Importer, IdentityOnAnInitialiserStays) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.weights("w", {3});
  b.node("Identity", {"w"}, {"v"}, {}, "copy");
  b.node("Add", {"x", "v"}, {"y"}, {}, "add");
  b.output("y");
  EXPECT_THAT(nodeNames(import(b)), ElementsAre("copy", "add"));
}

TEST(Importer, KeepsMetadata) {
  ModelBuilder b = smallNetwork();
  auto& entry = *b.model.add_metadata_props();
  entry.set_key("labels");
  entry.set_value("cat,dog");
  EXPECT_EQ(import(b).metadata.at("labels"), "cat,dog");
}

TEST(Importer, InputShapes) {
  auto shapeOf = [](const std::vector<std::int64_t>& written) {
    ModelBuilder b;
    b.input("x", written);
    b.node("Relu", {"x"}, {"y"});
    b.output("y");
    Graph graph = import(b);
    return graph.value(graph.inputs[0]).shape;
  };
  EXPECT_EQ(shapeOf({-1, 3, 224, 224}), (Shape{-1, 3, 224, 224}));
  EXPECT_EQ(shapeOf({0, 3}), (Shape{-1, 3}));
  ModelBuilder b;
  b.input("x", {}).mutable_type()->mutable_tensor_type()->clear_shape();
  b.node("Relu", {"x"}, {"y"});
  b.output("y");
  Graph graph = import(b);
  EXPECT_FALSE(graph.value(graph.inputs[0]).hasShape);
}

TEST(Importer, InfersElementTypes) {
  ModelBuilder b;
  b.input("x", {1, 3});
  b.node("Shape", {"x"}, {"s"});
  b.ints("zero", {0});
  b.node("Gather", {"s", "zero"}, {"n"});
  b.ints("rest", {-1});
  b.node("Concat", {"n", "rest"}, {"shape"}, {{"axis", 0}});
  b.node("Reshape", {"x", "shape"}, {"y"});
  b.output("y");
  Graph graph = import(b);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(graph.value(graph.nodes[i].outputs[0]).dtype, DType::Int64) << i;
  EXPECT_EQ(graph.value(graph.nodes[3].outputs[0]).dtype, DType::Float);
}

TEST(Importer, HashCoversTheFile) {
  TemporaryFolder folder;
  auto bytes = smallNetwork().bytes();
  ImportedModel first = importModel(folder.write("a.onnx", bytes));
  EXPECT_THAT(first.hash, ::testing::MatchesRegex("xxh3:[0-9a-f]{16}"));
  EXPECT_EQ(importModel(folder.write("b.onnx", bytes)).hash, first.hash);
  ModelBuilder other = smallNetwork();
  other.model.set_producer_name("another");
  EXPECT_NE(importModel(folder.write("c.onnx", other.bytes())).hash, first.hash);
}

TEST(Importer, PrintsAGraph) {
  std::string text = toText(import(smallNetwork()));
  EXPECT_THAT(text,
              ::testing::HasSubstr("conv1  Conv  x[?×3×8×8] conv1.w[4×3×3×3]* conv1.b[4]* → c1[?]  {pads=[1 1 1 1]}"));
  EXPECT_THAT(text, ::testing::HasSubstr("outputs: probabilities"));
}

}  // namespace
}  // namespace relprop::onnx_test
