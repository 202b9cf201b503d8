// Which integers the values of a file are.
#include <limits>

#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

constexpr IntegerKind kLong{}, kByte{8, false}, kSignedByte{8, true}, kInt{32, true};

// An initialiser of integers that are kept in int32_data.
void narrow(ModelBuilder& b, const std::string& name, onnx::TensorProto::DataType type) {
  auto& tensor = b.ints(name, {1, 2, 3});
  tensor.set_data_type(type);
  tensor.clear_int64_data();
  for (int i = 1; i <= 3; ++i) tensor.add_int32_data(i);
}

// Of each node's first output, up to a Cast to floats that is added to the input.
std::vector<IntegerKind> kindsOf(ModelBuilder& b, const std::string& last) {
  b.input("x", {1, 3});
  b.node("Cast", {last}, {"k"}, {{"to", 1}});
  b.node("Mul", {"x", "k"}, {"y"});
  b.output("y");
  const Graph graph = import(b);
  std::vector<IntegerKind> kinds;
  for (const Node& node : graph.nodes) kinds.push_back(graph.value(node.outputs[0]).integers);
  kinds.resize(kinds.size() - 2);
  return kinds;
}

TEST(Integers, AreOfTheTypeThatTheyAreComputedFrom) {
  ModelBuilder b(13);
  narrow(b, "a", onnx::TensorProto::UINT8);
  b.node("Add", {"a", "a"}, {"b"});
  b.node("Cast", {"b"}, {"c"}, {{"to", 3}});
  b.node("Neg", {"c"}, {"d"});
  b.node("Shape", {"d"}, {"e"});
  b.node("Sub", {"e", "e"}, {"f"});
  EXPECT_EQ(kindsOf(b, "f"), (std::vector<IntegerKind>{kByte, kSignedByte, kSignedByte, kLong, kLong}));
}

TEST(Integers, AreCastToTheTypeOfOthers) {
  ModelBuilder b(19);
  narrow(b, "a", onnx::TensorProto::INT32);
  b.ints("n", {1, 2, 3});
  b.node("CastLike", {"n", "a"}, {"b"});
  b.node("Identity", {"b"}, {"c"});
  b.node("CastLike", {"n", "c"}, {"d"});
  EXPECT_EQ(kindsOf(b, "d"), (std::vector<IntegerKind>{kInt, kInt, kInt}));
}

TEST(Integers, AreOfTheTypeThatAnAttributeNames) {
  ModelBuilder b(13);
  b.ints("shape", {3});
  auto& value = *b.node("ConstantOfShape", {"shape"}, {"k0"}).add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::INT8);
  value.mutable_t()->add_dims(1);
  value.mutable_t()->add_int32_data(7);
  EXPECT_EQ(kindsOf(b, "k0"), (std::vector<IntegerKind>{kSignedByte}));
}

// Places are integers of 64 bits, whatever lies there.
TEST(Integers, OfPlacesAreWide) {
  ModelBuilder b(13);
  narrow(b, "a", onnx::TensorProto::UINT8);
  b.ints("three", {3});
  b.node("TopK", {"a", "three"}, {"best", "at"});
  b.input("x", {1, 3});
  b.node("Cast", {"at"}, {"k"}, {{"to", 1}});
  b.node("Mul", {"x", "k"}, {"y"});
  b.output("y");
  const Graph graph = import(b);
  EXPECT_EQ(graph.value(graph.nodes[0].outputs[0]).integers, kByte);
  EXPECT_EQ(graph.value(graph.nodes[0].outputs[1]).integers, kLong);
}

TEST(Integers, BeyondThoseWithASignAreRefused) {
  ModelBuilder b = oneNode(13, "Reshape", {}, {"shape"});
  auto& tensor = b.ints("shape", {1});
  tensor.set_data_type(onnx::TensorProto::UINT64);
  tensor.clear_int64_data();
  tensor.add_uint64_data(std::numeric_limits<std::uint64_t>::max());
  expectImportError(b, ErrorCode::UnsupportedModel,
                    {"'shape'", "holds 18446744073709551615 (expected integers below 2^63)"});
}

}  // namespace
}  // namespace relprop::onnx_test
