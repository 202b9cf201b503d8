// Forms of older opsets come out as the modern one.
#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using ::testing::ElementsAre;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

struct Imported {
  explicit Imported(const ModelBuilder& builder) : graph(import(builder)), node(graph.nodes.back()) {}

  Ints ints(std::size_t input) const { return intsOf(graph, node.inputs.at(input)); }
  Floats floats(std::size_t input) const { return floatsOf(graph, node.inputs.at(input)); }
  std::size_t inputCount() const { return node.inputs.size(); }
  bool absent(std::size_t input) const { return node.inputs.at(input) == kNoValue; }

  Graph graph;
  Node node;
};

TEST(Normalise, ClipBounds) {
  Imported old(oneNode(7, "Clip", {{"min", 0.0f}, {"max", 6.0f}}));
  EXPECT_THAT(old.floats(1), ElementsAre(0));
  EXPECT_THAT(old.floats(2), ElementsAre(6));
  EXPECT_TRUE(old.node.attrs.empty());
  Imported onlyMax(oneNode(7, "Clip", {{"max", 6.0f}}));
  EXPECT_TRUE(onlyMax.absent(1));
  EXPECT_EQ(Imported(oneNode(7, "Clip")).inputCount(), 1u);
  ModelBuilder modern = oneNode(11, "Clip", {}, {"", "six"});
  modern.weights("six", {}, {6});
  EXPECT_THAT(Imported(modern).floats(2), ElementsAre(6));
}

TEST(Normalise, SliceRanges) {
  Imported old(oneNode(9, "Slice", {{"starts", Ints{0, 1}}, {"ends", Ints{2, 3}}, {"axes", Ints{2, 3}}}));
  EXPECT_THAT(old.ints(1), ElementsAre(0, 1));
  EXPECT_THAT(old.ints(2), ElementsAre(2, 3));
  EXPECT_THAT(old.ints(3), ElementsAre(2, 3));
  EXPECT_EQ(Imported(oneNode(9, "Slice", {{"starts", Ints{0}}, {"ends", Ints{2}}})).inputCount(), 3u);
  ModelBuilder modern = oneNode(10, "Slice", {}, {"s", "e", "a", "t"});
  for (const char* name : {"s", "e", "a", "t"}) modern.ints(name, {1});
  EXPECT_EQ(Imported(modern).inputCount(), 5u);
}

TEST(Normalise, OperandsOfOldOpsetsAreBroadcastWhereTheySaySo) {
  const auto attrs = [](std::int64_t opset, const std::vector<NamedAttribute>& given) {
    ModelBuilder b = oneNode(opset, "Sub", given, {"w"});
    b.weights("w", {3});
    return Imported(b).node.attrs;
  };
  EXPECT_EQ(attrs(6, {}).size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(attrs(6, {}).at("broadcast")), 0);
  EXPECT_EQ(std::get<std::int64_t>(attrs(6, {{"broadcast", 0}}).at("broadcast")), 0);
  EXPECT_EQ(attrs(6, {{"broadcast", 1}}).size(), 0u);
  EXPECT_EQ(std::get<std::int64_t>(attrs(6, {{"broadcast", 1}, {"axis", 1}}).at("axis")), 1);
  EXPECT_EQ(attrs(7, {}).size(), 0u);
}

TEST(Normalise, SlopesOfOldOpsetsAreThoseOfTheChannels) {
  const auto axis = [](std::int64_t opset, const std::vector<std::int64_t>& slopes) {
    ModelBuilder b = oneNode(opset, "PRelu", {}, {"slope"});
    b.weights("slope", slopes);
    return Imported(b).node.intAttr("axis", -1);
  };
  EXPECT_EQ(axis(6, {3}), 1);
  EXPECT_EQ(axis(6, {1}), -1);
  EXPECT_EQ(axis(7, {3}), -1);
}

TEST(Normalise, Pads) {
  Imported old(oneNode(7, "Pad", {{"pads", Ints{0, 0, 1, 1, 0, 0, 1, 1}}, {"value", 2.0f}, {"mode", "constant"}}));
  EXPECT_THAT(old.ints(1), ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
  EXPECT_THAT(old.floats(2), ElementsAre(2));
  EXPECT_EQ(old.node.attrs.size(), 1u);  // the mode
}

TEST(Normalise, Axes) {
  EXPECT_THAT(Imported(oneNode(11, "Squeeze", {{"axes", Ints{0}}})).ints(1), ElementsAre(0));
  EXPECT_THAT(Imported(oneNode(11, "Unsqueeze", {{"axes", Ints{0, 1}}})).ints(1), ElementsAre(0, 1));
  Imported mean(oneNode(13, "ReduceMean", {{"axes", Ints{2, 3}}, {"keepdims", 0}}));
  EXPECT_THAT(mean.ints(1), ElementsAre(2, 3));
  EXPECT_EQ(mean.node.intAttr("keepdims", 1), 0);
  EXPECT_EQ(Imported(oneNode(13, "ReduceMean")).inputCount(), 1u);
  ModelBuilder modern = oneNode(18, "ReduceMean", {}, {"axes"});
  modern.ints("axes", {2, 3});
  EXPECT_THAT(Imported(modern).ints(1), ElementsAre(2, 3));
}

TEST(Normalise, SplitSizes) {
  ModelBuilder b(11);
  b.input("x", {1, 3});
  b.node("Split", {"x"}, {"a", "b"}, {{"axis", 1}, {"split", Ints{1, 2}}});
  b.node("Relu", {"a"}, {"y"});
  b.output("y");
  Graph graph = import(b);
  EXPECT_THAT(intsOf(graph, graph.nodes[0].inputs[1]), ElementsAre(1, 2));
  EXPECT_EQ(graph.nodes[0].outputs.size(), 2u);
}

TEST(Normalise, SplitNumOutputs) {
  ModelBuilder b(18);
  b.input("x", {1, 4});
  b.node("Split", {"x"}, {"a", "b"}, {{"axis", 1}, {"num_outputs", 2}});
  b.node("Add", {"a", "b"}, {"y"});
  b.output("y");
  EXPECT_EQ(import(b).nodes[0].intAttr("num_outputs", 0), 2);
}

TEST(Normalise, SoftmaxAxis) {
  Imported old(oneNode(12, "Softmax"));
  EXPECT_EQ(old.node.intAttr("axis", 99), 1);
  EXPECT_EQ(old.node.intAttr("flatten", 0), 1);
  Imported modern(oneNode(13, "Softmax"));
  EXPECT_EQ(modern.node.intAttr("axis", 99), -1);
  EXPECT_FALSE(modern.node.has("flatten"));
  EXPECT_EQ(Imported(oneNode(12, "Softmax", {{"axis", 2}})).node.intAttr("axis", 99), 2);
}

TEST(Normalise, GeluForms) {
  EXPECT_EQ(Imported(oneNode(20, "Gelu")).node.op, Op::Gelu);
  EXPECT_EQ(Imported(oneNode(20, "Gelu", {{"approximate", "tanh"}})).node.stringAttr("approximate", ""), "tanh");
  expectImportError(oneNode(20, "Gelu", {{"approximate", "fast"}}), ErrorCode::UnsupportedModel,
                    {"Gelu with approximate 'fast'"});
}

TEST(Normalise, LayerNormalizationDropsWhatOnlyTrainingNeeds) {
  ModelBuilder b(17);
  b.input("x", {1, 5, 4});
  b.weights("scale", {4}, {1, 2, 3, 4});
  b.node("LayerNormalization", {"x", "scale", ""}, {"y", "mean", "deviation"}, {{"axis", -1}, {"stash_type", 1}});
  b.output("y");
  Imported i(b);
  EXPECT_EQ(i.inputCount(), 2u);
  EXPECT_EQ(i.node.outputs.size(), 1u);
  EXPECT_FALSE(i.node.has("stash_type"));
}

// The shape that a class token is expanded to: a comparison, a choice.
TEST(Normalise, ShapeArithmeticKeepsItsTypes) {
  ModelBuilder b(13);
  b.input("x", {1, 4});
  b.ints("shape", {-1, 4});
  b.ints("minus", {-1, -1});
  b.ints("ones", {1, 1});
  b.node("Equal", {"shape", "minus"}, {"free"});
  b.node("Where", {"free", "ones", "shape"}, {"wanted"});
  b.node("Expand", {"x", "wanted"}, {"y"});
  b.output("y");
  const Graph g = import(b);
  EXPECT_EQ(g.value(g.nodes[0].outputs[0]).dtype, DType::Bool);
  EXPECT_EQ(g.value(g.nodes[1].outputs[0]).dtype, DType::Int64);
  EXPECT_EQ(g.value(g.nodes[2].outputs[0]).dtype, DType::Float);
  ModelBuilder wrong(13);
  wrong.input("x", {1, 4});
  wrong.node("Where", {"x", "x", "x"}, {"y"});
  wrong.output("y");
  expectImportError(wrong, ErrorCode::MalformedModel, {"holds floats", "booleans"});
}

TEST(Normalise, WhereChoosesOfOneType) {
  ModelBuilder b(13);
  b.input("x", {1, 3});
  b.ints("k", {1, 2, 3});
  b.node("Greater", {"x", "x"}, {"above"});
  b.node("Where", {"above", "x", "k"}, {"y"});
  b.output("y");
  expectImportError(b, ErrorCode::MalformedModel, {"'Where'", "input 'k' holds integers (expected floats)"});
}

// Its second output is where the largest are.
TEST(Normalise, TopKGivesPlacesAsIntegers) {
  ModelBuilder b(13);
  b.input("x", {1, 4});
  b.ints("two", {2});
  b.weights("table", {1, 4});
  b.node("TopK", {"table", "two"}, {"best", "at"});
  b.node("GatherElements", {"x", "at"}, {"y"}, {{"axis", 1}});
  b.output("y");
  const Graph g = import(b);
  EXPECT_EQ(g.value(g.nodes[0].outputs[0]).dtype, DType::Float);
  EXPECT_EQ(g.value(g.nodes[0].outputs[1]).dtype, DType::Int64);
}

TEST(Normalise, Upsample) {
  ModelBuilder opset9 = oneNode(9, "Upsample", {{"mode", "nearest"}}, {"scales"});
  opset9.weights("scales", {4}, {1, 1, 2, 2});
  ModelBuilder opset10 = oneNode(10, "Resize", {{"mode", "nearest"}}, {"scales"});
  opset10.weights("scales", {4}, {1, 1, 2, 2});
  ModelBuilder opset7 = oneNode(7, "Upsample", {{"scales", Floats{1, 1, 2, 2}}});
  for (const ModelBuilder* builder : {&opset7, &opset9, &opset10}) {
    Imported i(*builder);
    EXPECT_EQ(i.node.op, Op::Resize);
    ASSERT_EQ(i.inputCount(), 3u);
    EXPECT_TRUE(i.absent(1));
    EXPECT_THAT(i.floats(2), ElementsAre(1, 1, 2, 2));
    EXPECT_EQ(i.node.stringAttr("coordinate_transformation_mode", ""), "asymmetric");
    EXPECT_EQ(i.node.stringAttr("nearest_mode", ""), "floor");
  }
}

TEST(Normalise, ResizeLeavesOutEmptyInputs) {
  ModelBuilder b = oneNode(11, "Resize", {{"mode", "linear"}}, {"roi", "scales", "sizes"});
  b.graph().add_initializer()->set_name("roi");
  b.graph().mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT);
  b.graph().mutable_initializer(0)->add_dims(0);
  *b.graph().add_initializer() = b.graph().initializer(0);
  b.graph().mutable_initializer(1)->set_name("scales");
  b.ints("sizes", {1, 3, 16, 16});
  Imported i(b);
  EXPECT_TRUE(i.absent(1));
  EXPECT_TRUE(i.absent(2));
  EXPECT_THAT(i.ints(3), ElementsAre(1, 3, 16, 16));
}

TEST(Normalise, DropoutHasOneInputAndOutput) {
  ModelBuilder b(12);
  b.input("x", {1, 3});
  b.weights("ratio", {}, {0.5f});
  auto& training = b.ints("training", {0});
  training.set_data_type(onnx::TensorProto::BOOL);
  training.clear_int64_data();
  training.clear_dims();
  training.add_int32_data(0);
  b.node("Dropout", {"x", "ratio", "training"}, {"y", "mask"});
  b.output("y");
  Imported i(b);
  EXPECT_EQ(i.inputCount(), 1u);
  EXPECT_EQ(i.node.outputs.size(), 1u);
  EXPECT_FALSE(Imported(oneNode(7, "Dropout", {{"ratio", 0.3f}})).node.has("ratio"));
}

TEST(Normalise, DropsOutputsThatNobodyReads) {
  ModelBuilder b(8);
  b.input("x", {1, 3, 8, 8});
  b.node("MaxPool", {"x"}, {"y", "indices"}, {{"kernel_shape", Ints{2, 2}}, {"storage_order", 1}});
  b.output("y");
  Imported i(b);
  EXPECT_EQ(i.node.outputs.size(), 1u);
  EXPECT_FALSE(i.node.has("storage_order"));
}

TEST(Normalise, BatchNormalizationKeepsItsEpsilon) {
  ModelBuilder b =
      oneNode(8, "BatchNormalization", {{"epsilon", 0.5f}, {"momentum", 0.9f}, {"spatial", 1}}, {"a", "b", "c", "d"});
  for (const char* name : {"a", "b", "c", "d"}) b.weights(name, {3});
  Imported i(b);
  EXPECT_EQ(i.node.attrs.size(), 1u);
  EXPECT_FLOAT_EQ(i.node.floatAttr("epsilon", 0), 0.5f);
}

TEST(Normalise, ConstantOfShapeKeepsItsValue) {
  ModelBuilder b(13);
  b.input("x", {1, 4});
  b.ints("shape", {4});
  auto& value = *b.node("ConstantOfShape", {"shape"}, {"k"}).add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value.mutable_t()->add_dims(1);
  value.mutable_t()->add_float_data(7);
  b.node("Add", {"x", "k"}, {"y"});
  b.output("y");
  Graph graph = import(b);
  EXPECT_THAT(*std::get<Constant>(graph.nodes[0].attrs.at("value")).floats, ElementsAre(7));
}

TEST(Normalise, EveryOpsetFrom7To22) {
  for (std::int64_t opset = 7; opset <= 22; ++opset) EXPECT_EQ(import(oneNode(opset, "Relu")).opset, opset);
}

}  // namespace
}  // namespace relprop::onnx_test
