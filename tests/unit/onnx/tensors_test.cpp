// Element types, the places that tensors are stored in, and external data.
#include <cmath>
#include <cstring>
#include <limits>

#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using ::testing::ElementsAre;
using Type = onnx::TensorProto;

// x + w, where a test fills w.
struct WithTensor {
  explicit WithTensor(const std::vector<std::int64_t>& dims, int type, const std::string& op = "Add") {
    builder.input("x", {1, 3});
    tensor = builder.graph().add_initializer();
    tensor->set_name("w");
    tensor->set_data_type(type);
    for (std::int64_t extent : dims) tensor->add_dims(extent);
    builder.node(op, {"x", "w"}, {"y"}, {}, "the_node");
    builder.output("y");
  }
  template <class T>
  void raw(const std::vector<T>& values) {
    tensor->set_raw_data(values.data(), values.size() * sizeof(T));
  }
  void external(const std::string& location, const std::string& offset = {}, const std::string& length = {}) {
    tensor->set_data_location(Type::EXTERNAL);
    for (auto& [key, value] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
      if (value.empty()) continue;
      auto& entry = *tensor->add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
  }
  std::vector<float> floats(const std::filesystem::path& folder = {}) const {
    Graph graph = import(builder, folder);
    return floatsOf(graph, graph.nodes[0].inputs[1]);
  }
  void expect(ErrorCode code, const std::vector<std::string>& parts, const std::filesystem::path& folder = {}) const {
    expectError([&] { import(builder, folder); }, code, parts);
  }

  ModelBuilder builder;
  onnx::TensorProto* tensor;
};

// Reshape(x, w) takes integers of any width here.
std::vector<std::int64_t> intsFrom(const WithTensor& model) {
  Graph graph = import(model.builder);
  return intsOf(graph, graph.nodes[0].inputs[1]);
}

TEST(Tensors, Float16) {
  std::vector<std::uint16_t> bits{0x3c00, 0xc000, 0x0001, 0x7bff, 0x0000, 0x0400};
  float smallest = std::ldexp(1.0f, -24), normal = std::ldexp(1.0f, -14);
  WithTensor raw({6}, Type::FLOAT16), typed({6}, Type::FLOAT16);
  raw.raw(bits);
  for (auto b : bits) typed.tensor->add_int32_data(b);
  EXPECT_THAT(raw.floats(), ElementsAre(1, -2, smallest, 65504, 0, normal));
  EXPECT_EQ(typed.floats(), raw.floats());
}

TEST(Tensors, Bfloat16) {
  WithTensor raw({2}, Type::BFLOAT16), typed({2}, Type::BFLOAT16);
  raw.raw(std::vector<std::uint16_t>{0x3f80, 0xc040});
  typed.tensor->add_int32_data(0x3f80), typed.tensor->add_int32_data(0xc040);
  EXPECT_THAT(raw.floats(), ElementsAre(1, -3));
  EXPECT_EQ(typed.floats(), raw.floats());
}

TEST(Tensors, DoubleAndFloat) {
  WithTensor raw({2}, Type::DOUBLE), typed({2}, Type::DOUBLE), plain({2}, Type::FLOAT);
  raw.raw(std::vector<double>{0.5, -4});
  typed.tensor->add_double_data(0.5), typed.tensor->add_double_data(-4);
  plain.tensor->add_float_data(0.5), plain.tensor->add_float_data(-4);
  for (const auto* model : {&raw, &typed, &plain}) EXPECT_THAT(model->floats(), ElementsAre(0.5, -4));
}

template <class T>
void expectRawInts(int type, std::vector<T> values) {
  WithTensor model({static_cast<std::int64_t>(values.size())}, type, "Reshape");
  model.raw(values);
  EXPECT_EQ(intsFrom(model), std::vector<std::int64_t>(values.begin(), values.end())) << type;
}

TEST(Tensors, RawIntegersOfEveryWidth) {
  expectRawInts<std::int8_t>(Type::INT8, {-1, 127});
  expectRawInts<std::uint8_t>(Type::UINT8, {1, 255});
  expectRawInts<std::int16_t>(Type::INT16, {-1, 300});
  expectRawInts<std::uint16_t>(Type::UINT16, {1, 65535});
  expectRawInts<std::int32_t>(Type::INT32, {-1, 1 << 30});
  expectRawInts<std::uint32_t>(Type::UINT32, {1, 4000000000u});
  expectRawInts<std::int64_t>(Type::INT64, {-1, std::int64_t{1} << 40});
  expectRawInts<std::uint64_t>(Type::UINT64, {1, std::uint64_t{1} << 40});
}

TEST(Tensors, TypedIntegers) {
  for (int type : {Type::INT8, Type::UINT8, Type::INT16, Type::UINT16, Type::INT32}) {
    WithTensor model({2}, type, "Reshape");
    model.tensor->add_int32_data(1), model.tensor->add_int32_data(3);
    EXPECT_THAT(intsFrom(model), ElementsAre(1, 3)) << type;
  }
  for (int type : {Type::UINT32, Type::UINT64}) {
    WithTensor model({1}, type, "Reshape");
    model.tensor->add_uint64_data(3);
    EXPECT_THAT(intsFrom(model), ElementsAre(3)) << type;
  }
}

// Where(w, x, x) takes conditions.
std::vector<std::int64_t> truthsFrom(WithTensor& model) {
  auto& node = *model.builder.graph().mutable_node(0);
  node.set_input(0, "w");
  node.set_input(1, "x");
  node.add_input("x");
  const Graph graph = import(model.builder);
  return intsOf(graph, graph.nodes[0].inputs[0]);
}

TEST(Tensors, AnythingButZeroIsTrue) {
  WithTensor raw({3}, Type::BOOL, "Where"), typed({3}, Type::BOOL, "Where");
  raw.raw<std::uint8_t>({0, 2, 1});
  for (int v : {0, 256, -1}) typed.tensor->add_int32_data(v);
  EXPECT_THAT(truthsFrom(raw), ElementsAre(0, 1, 1));
  EXPECT_THAT(truthsFrom(typed), ElementsAre(0, 1, 1));
}

TEST(Tensors, NumbersThatTheirTypeDoesNotHold) {
  const auto expectBeyond = [](int type, std::int32_t value, const std::string& name) {
    WithTensor model({2}, type);
    model.tensor->add_int32_data(1), model.tensor->add_int32_data(value);
    model.expect(ErrorCode::MalformedModel, {"initialiser 'w': holds " + std::to_string(value) +
                                             " at index 1 (expected numbers of type " + name + ")"});
  };
  expectBeyond(Type::UINT8, 300, "uint8");
  expectBeyond(Type::UINT8, -1, "uint8");
  expectBeyond(Type::INT8, 128, "int8");
  expectBeyond(Type::UINT16, 65536, "uint16");
  expectBeyond(Type::INT16, -32769, "int16");
  expectBeyond(Type::FLOAT16, 65536, "float16");
  expectBeyond(Type::BFLOAT16, -32769, "bfloat16");
  WithTensor wide({1}, Type::UINT32), nibbles({2}, 21);
  wide.tensor->add_uint64_data(std::uint64_t{1} << 32);
  wide.expect(ErrorCode::MalformedModel, {"holds 4294967296 at index 0 (expected numbers of type uint32)"});
  nibbles.tensor->add_int32_data(256);
  nibbles.expect(ErrorCode::MalformedModel, {"holds 256 at index 0 (expected numbers of type uint4)"});
}

// Some writers keep the bits of a half as a number with a sign.
TEST(Tensors, BitsOfAHalfWithASign) {
  WithTensor model({1}, Type::FLOAT16);
  model.tensor->add_int32_data(-16384);  // 0xc000
  EXPECT_THAT(model.floats(), ElementsAre(-2));
}

// Two a byte, the lower half first; ONNX 1.12's header does not know the types.
TEST(Tensors, IntegersOfFourBits) {
  constexpr int kUint4 = 21, kInt4 = 22;
  const auto ints = [](int type, bool raw) {
    WithTensor t({5}, type, "DequantizeLinear");
    t.builder.weights("s", {}, {0.5f});
    t.builder.graph().mutable_node(0)->set_input(0, "w");
    t.builder.graph().mutable_node(0)->set_input(1, "s");
    t.builder.node("Add", {"x", "y"}, {"z"});
    t.builder.graph().mutable_output(0)->set_name("z");
    if (raw) t.raw<std::uint8_t>({0x10, 0x87, 0x0f});
    for (int pair : {0x10, 0x87, 0x0f})
      if (!raw) t.tensor->add_int32_data(pair);
    const Graph graph = import(t.builder);
    return intsOf(graph, graph.nodes[0].inputs[0]);
  };
  for (bool raw : {true, false}) {
    EXPECT_THAT(ints(kUint4, raw), ElementsAre(0, 1, 7, 8, 15));
    EXPECT_THAT(ints(kInt4, raw), ElementsAre(0, 1, 7, -8, -1));
  }
  WithTensor tooShort({5}, kInt4);
  tooShort.raw<std::uint8_t>({0x10, 0x87});
  tooShort.expect(ErrorCode::MalformedModel, {"holds 2 bytes", "3"});
}

TEST(Tensors, SizesThatDoNotFit) {
  WithTensor raw({3}, Type::FLOAT), typed({3}, Type::FLOAT), odd({1}, Type::FLOAT);
  raw.raw(std::vector<float>{1, 2});
  typed.tensor->add_float_data(1);
  odd.raw(std::vector<std::uint8_t>{1, 2, 3, 4, 5});
  for (const auto* model : {&raw, &typed, &odd}) model->expect(ErrorCode::MalformedModel, {"'w'", "4 bytes"});
  // Nothing of the claimed size may be allocated.
  WithTensor({1 << 30, 1 << 30}, Type::FLOAT).expect(ErrorCode::MalformedModel, {"'w'", "0 bytes"});
  WithTensor({-3}, Type::FLOAT).expect(ErrorCode::MalformedModel, {"'w'", "-3"});
  WithTensor({0, -3}, Type::FLOAT).expect(ErrorCode::MalformedModel, {"'w'"});
  WithTensor({std::int64_t{1} << 40, std::int64_t{1} << 40}, Type::FLOAT).expect(ErrorCode::MalformedModel, {"'w'"});
  WithTensor({std::int64_t{1} << 62}, Type::FLOAT).expect(ErrorCode::MalformedModel, {"'w'"});
}

TEST(Tensors, TypesThatAreNotHandled) {
  WithTensor({1}, Type::STRING).expect(ErrorCode::UnsupportedModel, {"'w'", "string"});
  WithTensor({1}, Type::COMPLEX64).expect(ErrorCode::UnsupportedModel, {"'w'", "complex64"});
  WithTensor({1}, 17).expect(ErrorCode::UnsupportedModel, {"'w'", "float8e4m3fn"});
  WithTensor({1}, 99).expect(ErrorCode::UnsupportedModel, {"'w'", "type 99"});
  WithTensor({1}, 0).expect(ErrorCode::MalformedModel, {"'w'", "no element type"});
  WithTensor segmented({1}, Type::FLOAT);
  segmented.tensor->mutable_segment()->set_begin(0);
  segmented.expect(ErrorCode::UnsupportedModel, {"'w'", "segments"});
}

TEST(Tensors, WeightsMustBeFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  WithTensor nan({3}, Type::FLOAT), infinite({3}, Type::FLOAT, "Mul"), half({1}, Type::FLOAT16, "Mul");
  nan.raw(std::vector<float>{1, NAN, 2});
  nan.expect(ErrorCode::NonFiniteWeights, {"initialiser 'w'", "NaN at index 1"});
  infinite.raw(std::vector<float>{1, 2, -kInfinity});
  infinite.expect(ErrorCode::NonFiniteWeights, {"initialiser 'w'", "infinity at index 2"});
  half.raw(std::vector<std::uint16_t>{0x7c00});
  half.expect(ErrorCode::NonFiniteWeights, {"initialiser 'w'", "index 0"});
}

TEST(Tensors, MasksMayForbid) {
  WithTensor mask({3}, Type::FLOAT);  // added
  mask.raw(std::vector<float>{0, -std::numeric_limits<float>::infinity(), 0});
  EXPECT_THAT(mask.floats(), ElementsAre(0, -std::numeric_limits<float>::infinity(), 0));
}

TEST(Tensors, ClipBoundsMayBeInfinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ModelBuilder b = oneNode(13, "Clip", {}, {"low", "high"});
  b.weights("low", {}, {0});
  b.weights("high", {}, {kInfinity});
  Graph graph = import(b);
  EXPECT_THAT(floatsOf(graph, graph.nodes[0].inputs[2]), ElementsAre(kInfinity));
  b.node("Mul", {"y", "high"}, {"z"});
  b.graph().mutable_output(0)->set_name("z");
  expectImportError(b, ErrorCode::NonFiniteWeights, {"'high'"});
  EXPECT_NO_THROW(import(oneNode(7, "Clip", {{"min", -kInfinity}})));
  expectImportError(oneNode(7, "Clip", {{"min", NAN}}), ErrorCode::NonFiniteWeights, {"'the_node'", "'min'"});
  expectImportError(oneNode(7, "Elu", {{"alpha", kInfinity}}), ErrorCode::NonFiniteWeights, {"'the_node'", "'alpha'"});
}

TEST(Tensors, SparseInitialiser) {
  ModelBuilder b = oneNode(13, "Add", {}, {"w"});
  b.graph().add_sparse_initializer()->mutable_values()->set_name("w");
  expectImportError(b, ErrorCode::UnsupportedModel, {"'w'", "sparse"});
}

struct ExternalTest : ::testing::Test {
  void SetUp() override {
    std::vector<float> values{9, 1, 2, 3};
    data.resize(16);
    std::memcpy(data.data(), values.data(), 16);
    folder.write("weights.bin", data);
  }

  TemporaryFolder folder;
  std::vector<std::uint8_t> data;
};

TEST_F(ExternalTest, ReadsTheNamedRange) {
  WithTensor ranged({3}, Type::FLOAT), rest({3}, Type::FLOAT), whole({4}, Type::FLOAT);
  ranged.external("weights.bin", "4", "12");
  rest.external("weights.bin", "4");
  whole.external("./weights.bin");
  EXPECT_THAT(ranged.floats(folder.path()), ElementsAre(1, 2, 3));
  EXPECT_THAT(rest.floats(folder.path()), ElementsAre(1, 2, 3));
  EXPECT_THAT(whole.floats(folder.path()), ElementsAre(9, 1, 2, 3));
}

TEST_F(ExternalTest, UnalignedOffset) {
  data.insert(data.begin(), 7);
  folder.write("weights.bin", data);
  WithTensor model({4}, Type::FLOAT);
  model.external("weights.bin", "1", "16");
  EXPECT_THAT(model.floats(folder.path()), ElementsAre(9, 1, 2, 3));
}

TEST_F(ExternalTest, HashCoversTheDataFile) {
  WithTensor model({4}, Type::FLOAT);
  model.external("weights.bin");
  auto path = folder.write("m.onnx", model.builder.bytes());
  std::string before = importModel(path).hash;
  data[1] ^= 1;
  folder.write("weights.bin", data);
  EXPECT_NE(importModel(path).hash, before);
}

TEST_F(ExternalTest, RefusesPlacesOutsideTheFolder) {
  std::filesystem::create_directories(folder.path() / "inner");
  std::filesystem::create_symlink("../weights.bin", folder.path() / "inner/link.bin");
  for (const std::string& location :
       {std::string("../weights.bin"), (folder.path() / "weights.bin").string(), std::string("link.bin"),
        std::string("a/../../weights.bin"), std::string("."), std::string("weights\0.bin", 12)}) {
    WithTensor model({4}, Type::FLOAT);
    model.external(location);
    model.expect(ErrorCode::MalformedModel, {"initialiser 'w'", "location"}, folder.path() / "inner");
  }
  WithTensor nowhere({4}, Type::FLOAT);
  nowhere.external("");
  nowhere.expect(ErrorCode::MalformedModel, {"initialiser 'w'", "location"}, folder.path());
}

TEST_F(ExternalTest, LinksInsideTheFolderAreFine) {
  std::filesystem::create_symlink("weights.bin", folder.path() / "link.bin");
  WithTensor model({4}, Type::FLOAT);
  model.external("link.bin");
  EXPECT_EQ(model.floats(folder.path()).size(), 4u);
}

TEST_F(ExternalTest, BadRanges) {
  auto expectBad = [&](const std::string& offset, const std::string& length) {
    WithTensor model({3}, Type::FLOAT);
    model.external("weights.bin", offset, length);
    model.expect(ErrorCode::MalformedModel, {"initialiser 'w'"}, folder.path());
  };
  expectBad("8", "12");
  expectBad("17", "0");
  expectBad("0", "16");
  expectBad("-4", "12");
  expectBad("4", "12x");
  expectBad("18446744073709551612", "12");
  expectBad("99999999999999999999999", "12");
}

TEST_F(ExternalTest, MissingFileAndFolder) {
  WithTensor missing({3}, Type::FLOAT), directory({3}, Type::FLOAT);
  missing.external("none.bin");
  missing.expect(ErrorCode::FileNotFound, {"initialiser 'w'", "none.bin"}, folder.path());
  std::filesystem::create_directories(folder.path() / "inner");
  directory.external("inner");
  directory.expect(ErrorCode::FileUnreadable, {"initialiser 'w'", "inner"}, folder.path());
}

TEST_F(ExternalTest, RefusedWithoutAFolder) {
  WithTensor model({4}, Type::FLOAT);
  model.external("weights.bin");
  model.expect(ErrorCode::UnsupportedModel, {"initialiser 'w'", "weights.bin"});
}

}  // namespace
}  // namespace relprop::onnx_test
