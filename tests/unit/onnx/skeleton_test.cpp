// Weights stay where they are in the file: protobuf gets the message without them.
#include "onnx/skeleton.h"

#include "import_helpers.h"
#include "onnx/raw_model.h"

namespace relprop::onnx_test {
namespace {

using onnx_import::Skeleton;
using onnx_import::withoutWeights;
using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

Bytes serialised(const onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  return Bytes(text.begin(), text.end());
}

bool liesIn(View part, const Bytes& whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// The model that the skeleton and its raw data stand for.
onnx::ModelProto restored(const Skeleton& skeleton) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(skeleton.bytes));
  EXPECT_EQ(model.graph().initializer_size(), static_cast<int>(skeleton.raw.size()));
  for (int i = 0; i < model.graph().initializer_size(); ++i)
    if (const auto& raw = skeleton.raw[static_cast<std::size_t>(i)])
      model.mutable_graph()->mutable_initializer(i)->set_raw_data(raw->data(), raw->size());
  return model;
}

void expectSameAsProtobuf(const Bytes& bytes) {
  onnx::ModelProto whole;
  ASSERT_TRUE(whole.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  const auto skeleton = withoutWeights(bytes);
  ASSERT_TRUE(skeleton);
  EXPECT_EQ(restored(*skeleton).SerializeAsString(), whole.SerializeAsString());
}

TEST(SkeletonTest, RawDataOfInitialisersIsNotCopied) {
  const Bytes bytes = smallNetwork(64).bytes();
  const auto model = onnx_import::readProto(bytes, "test");
  ASSERT_GT(model.initialisers.size(), 5u);
  for (const auto& tensor : model.initialisers) {
    EXPECT_TRUE(tensor.hasRaw) << tensor.name;
    EXPECT_TRUE(liesIn(tensor.raw, bytes)) << tensor.name;
  }
}

TEST(SkeletonTest, IsSmallAndStandsForTheWholeModel) {
  const Bytes bytes = smallNetwork(64).bytes();
  EXPECT_LT(withoutWeights(bytes)->bytes.size(), 4000u);
  expectSameAsProtobuf(bytes);
}

TEST(SkeletonTest, EmptyRawDataIsStillThere) {
  ModelBuilder builder = smallNetwork(64);
  builder.graph().add_initializer()->set_raw_data("");
  builder.graph().add_initializer()->add_float_data(1);
  expectSameAsProtobuf(builder.bytes());
}

// Protobuf joins the parts of a message that stands in a file several times.
TEST(SkeletonTest, AGraphInTwoPartsIsOneGraph) {
  Bytes both = smallNetwork(32).bytes();
  const Bytes second = smallNetwork(64).bytes();
  both.insert(both.end(), second.begin(), second.end());
  expectSameAsProtobuf(both);
}

// A tensor's field that is there twice counts with its last value, be it the smaller one.
TEST(SkeletonTest, TheLastRawDataCounts) {
  const auto rawData = [](std::size_t size, char value) {
    onnx::TensorProto tensor;
    tensor.set_raw_data(std::string(size, value));
    return tensor.SerializeAsString();
  };
  for (const auto& [first, second] : {std::pair{5000u, 8u}, {8u, 5000u}}) {
    const std::string tensor = rawData(first, 'a') + rawData(second, 'b');
    const auto field = [](char tag, const std::string& body) {
      const std::size_t n = body.size();
      return std::string{tag, static_cast<char>(n | 0x80), static_cast<char>(n >> 7)} + body;
    };
    const std::string model = field(7 << 3 | 2, field(5 << 3 | 2, tensor));
    const Bytes bytes(model.begin(), model.end());
    expectSameAsProtobuf(bytes);
    EXPECT_EQ(withoutWeights(bytes)->raw.at(0)->size(), second);
  }
}

TEST(SkeletonTest, IsLeftOutWhereItSavesLittle) {
  ModelBuilder typed(13);
  auto* tensor = typed.graph().add_initializer();
  for (int i = 0; i < 1000; ++i) tensor->add_float_data(1);
  typed.weights("w", {10});
  EXPECT_FALSE(withoutWeights(typed.bytes()));
}

TEST(SkeletonTest, DamagedMessagesAreLeftToProtobuf) {
  const Bytes bytes = smallNetwork(64).bytes();
  const View whole(bytes);
  for (std::size_t length : {bytes.size() / 4, bytes.size() / 2, bytes.size() - 20})
    EXPECT_FALSE(withoutWeights(whole.first(length))) << length;
  Bytes group = bytes;
  group.insert(group.end(), {0xa3, 0x06, 0xa4, 0x06});  // begin and end of group 100
  onnx::ModelProto parsed;
  EXPECT_TRUE(parsed.ParseFromArray(group.data(), static_cast<int>(group.size())));
  EXPECT_FALSE(withoutWeights(group));
}

}  // namespace
}  // namespace relprop::onnx_test
