// One test a way in which a model can be wrong or beyond what is supported.
#include "import_helpers.h"
#include "onnx/wire_budget.h"
#include "relprop/budgets.h"

namespace relprop::onnx_test {
namespace {

using Ints = std::vector<std::int64_t>;
constexpr auto kMalformed = ErrorCode::MalformedModel;
constexpr auto kUnsupported = ErrorCode::UnsupportedModel;

void expectBytesError(const std::string& text, const std::vector<std::string>& parts) {
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  expectError([&] { importModelFromBytes(bytes, {}, "test.onnx"); }, kMalformed, parts);
}

TEST(BadModel, NotAModel) {
  expectBytesError("", {"test.onnx", "file is empty"});
  expectBytesError("this is a text file, not a model", {"test.onnx", "not an ONNX file or truncated"});
  expectBytesError("version https://git-lfs.github.com/spec/v1\noid sha256:12\n", {"Git LFS"});
  expectBytesError(std::string("\x08\x08", 2), {"test.onnx", "holds no graph"});
}

TEST(BadModel, TooManyTinyParts) {
  // A graph of two million empty nodes: four megabytes that would become most of a gigabyte.
  std::string nodes, size, text = "\x3a";
  for (int i = 0; i < 2000000; ++i) nodes += std::string("\x0a\x00", 2);
  for (std::size_t rest = nodes.size(); rest; rest >>= 7)
    size += static_cast<char>((rest & 127) | (rest > 127 ? 128 : 0));
  expectBytesError(text + size + nodes, {"tiny parts"});
}

// A graph of empty nodes is refused at what its messages take, and one byte more lets it through to the next check.
TEST(BadModel, TinyPartsAtTheEdgeOfTheirBudget) {
  std::string nodes;
  for (int i = 0; i < 60; ++i) nodes += std::string("\x0a\x00", 2);
  const std::string text = std::string("\x3a") + static_cast<char>(nodes.size()) + nodes;
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  const auto needed = static_cast<std::int64_t>(onnx_import::parsedOverhead(bytes) - 16 * bytes.size());
  ASSERT_GT(needed, 1);
  setBudgets({.modelBytes = needed - 1});
  expectBytesError(text, {"tiny parts", "--budget model"});
  setBudgets({.modelBytes = needed});
  std::string said;
  try {
    importModelFromBytes(bytes, {}, "test.onnx");
  } catch (const Error& e) {
    said = e.what();
  }
  setBudgets({});
  EXPECT_NE(said, "");
  EXPECT_EQ(said.find("tiny parts"), std::string::npos) << said;
}

TEST(BadModel, Files) {
  TemporaryFolder folder;
  auto expectFileError = [&](const std::filesystem::path& path, ErrorCode code) {
    expectError([&] { importModel(path); }, code, {path.string()});
  };
  expectFileError(folder.path() / "none.onnx", ErrorCode::FileNotFound);
  expectFileError(folder.path(), ErrorCode::FileUnreadable);
  expectFileError(folder.write("empty.onnx", ""), kMalformed);
}

TEST(BadModel, Opset) {
  for (const int opset : {1, 6, 23, 25}) EXPECT_EQ(import(oneNode(opset, "Relu")).opset, opset);
  expectImportError(oneNode(0, "Relu"), kUnsupported, {"opset 0", "1 to 28"});
  expectImportError(oneNode(29, "Relu"), kUnsupported, {"opset 29", "1 to 28"});
  ModelBuilder none = oneNode(13, "Relu"), other = oneNode(13, "Relu"), named = oneNode(13, "Relu");
  none.model.clear_opset_import();
  expectImportError(none, kUnsupported, {"opset_import"});
  other.model.mutable_opset_import(0)->set_domain("com.example");
  expectImportError(other, kUnsupported, {"opset_import"});
  named.model.mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_EQ(import(named).opset, 13);
}

TEST(BadModel, Outputs) {
  ModelBuilder none = oneNode(13, "Relu"), unknown = oneNode(13, "Relu"), integer = oneNode(13, "Shape");
  none.graph().clear_output();
  expectImportError(none, kMalformed, {"no outputs"});
  unknown.graph().mutable_output(0)->set_name("nothing");
  expectImportError(unknown, kMalformed, {"'nothing'"});
  expectImportError(integer, kUnsupported, {"'y'", "integers"});
}

TEST(BadModel, Inputs) {
  ModelBuilder none(13), independent(13), two = oneNode(13, "Add", {}, {"x2"});
  none.weights("w", {3});
  none.node("Relu", {"w"}, {"y"});
  none.output("y");
  expectImportError(none, kUnsupported, {"no input"});
  independent = none;
  independent.input("x", {1});
  expectImportError(independent, kUnsupported, {"depends on no input"});
  two.input("x2", {1, 3, 8, 8});
  expectImportError(two, kUnsupported, {"2 inputs", "'x'", "'x2'"});
}

TEST(BadModel, InputTypes) {
  ModelBuilder bytes = oneNode(13, "Relu"), sequence = oneNode(13, "Relu");
  bytes.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::UINT8);
  expectImportError(bytes, kUnsupported, {"input 'x'", "uint8"});
  sequence.graph().mutable_input(0)->mutable_type()->mutable_sequence_type();
  expectImportError(sequence, kUnsupported, {"input 'x'", "no tensor"});
}

// Each layer reads both values of the one before it, so that there are 2⁴⁰ ways from the input to what makes floats.
TEST(BadModel, BytesThatAreReadAlongManyWays) {
  ModelBuilder b(13);
  b.input("x", {1, 3}).mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::UINT8);
  std::string left = "x", right = "x";
  for (int layer = 0; layer < 40; ++layer) {
    const std::string a = "a" + std::to_string(layer), c = "c" + std::to_string(layer);
    b.node("Identity", {left, right}, {a}, {}, "first of " + std::to_string(layer));
    b.node("Identity", {left, right}, {c});
    left = a, right = c;
  }
  b.node("Cast", {left}, {"l"}, {{"to", 1}});
  b.node("Cast", {right}, {"r"}, {{"to", 1}});
  b.node("Add", {"l", "r"}, {"y"});
  b.output("y");
  expectImportError(b, kMalformed, {"'first of 0'", "2 inputs"});
}

TEST(BadModel, MoreAxesThanAnyNetworkHas) {
  ModelBuilder input = oneNode(13, "Relu"), weights = oneNode(13, "Add", {}, {"w"}), most = weights;
  for (int i = 4; i < 65; ++i)
    input.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(1);
  expectImportError(input, kUnsupported, {"input 'x'", "65 axes", "64"});
  weights.weights("w", Ints(65, 1));
  expectImportError(weights, kUnsupported, {"initialiser 'w'", "65 axes", "64"});
  most.weights("w", Ints(64, 1));
  EXPECT_EQ(import(most).nodes.size(), 1u);
}

TEST(BadModel, ValueThatNothingMakes) {
  expectImportError(oneNode(13, "Add", {}, {"ghost"}), kMalformed, {"'the_node'", "'ghost'"});
}

TEST(BadModel, ValueMadeTwice) {
  ModelBuilder nodes = oneNode(13, "Relu"), input = oneNode(13, "Relu"), tensors = oneNode(13, "Relu"),
               inputs = oneNode(13, "Relu");
  nodes.node("Relu", {"x"}, {"y"}, {}, "second");
  expectImportError(nodes, kMalformed, {"'second'", "'the_node'", "'y'"});
  input.node("Relu", {"y"}, {"x"}, {}, "second");
  expectImportError(input, kMalformed, {"'second'", "'x'"});
  tensors.weights("w", {1});
  tensors.weights("w", {1});
  expectImportError(tensors, kMalformed, {"initialiser 'w'", "twice"});
  inputs.input("x", {1});
  expectImportError(inputs, kMalformed, {"input 'x'", "twice"});
}

TEST(BadModel, Cycles) {
  ModelBuilder self(13), loop(13);
  self.input("x", {1});
  self.node("Add", {"x", "y"}, {"y"}, {}, "selfish");
  self.output("y");
  expectImportError(self, kMalformed, {"'selfish'", "own output"});
  loop.input("x", {1});
  loop.node("Relu", {"b"}, {"after"}, {}, "after the cycle");
  loop.node("Add", {"x", "b"}, {"a"}, {}, "in the cycle");
  loop.node("Relu", {"a"}, {"b"}, {}, "in the cycle");
  loop.output("after");
  expectImportError(loop, kMalformed, {"'in the cycle'", "own output"});
}

TEST(BadModel, AllUnsupportedNodesAtOnce) {
  ModelBuilder b(13);
  b.input("x", {1, 3});
  b.node("Foo", {"x"}, {"a"}, {}, "foo 1");
  b.node("Foo", {"a"}, {"b"}, {}, "foo 2");
  b.node("Relu", {"b"}, {"c"}, {}, "fine");
  b.node("Relu", {"c"}, {"d"}, {}, "custom").set_domain("com.example");
  b.node("Pad", {"d"}, {"e"}, {{"mode", "twisted"}, {"pads", Ints{1, 1, 1, 1}}}, "mirror");
  b.node("Constant", {}, {"k"}, {{"value_string", "text"}}, "text");
  b.node("Add", {"e", "k"}, {"f"});
  b.output("f");
  expectImportError(
      b, kUnsupported,
      {"test.onnx", "'Foo' (2×: 'foo 1', 'foo 2')", "'com.example::Relu' (1×: 'custom')",
       "Pad with mode 'twisted' (1×: 'mirror')", "'value_string' of Constant", "docs/operators.md", "export it again"});
}

TEST(BadModel, CanonicalOnlyOperatorsAreNotOnnx) {
  expectImportError(oneNode(13, "Dense"), kUnsupported, {"'Dense'"});
}

TEST(BadModel, UnsupportedVariants) {
  ModelBuilder spatial = oneNode(8, "BatchNormalization", {{"spatial", 0}}, {"w", "w", "w", "w"});
  ModelBuilder training = oneNode(14, "BatchNormalization", {{"training_mode", 1}}, {"w", "w", "w", "w"});
  for (ModelBuilder* b : {&spatial, &training}) b->weights("w", {3});
  expectImportError(spatial, kUnsupported, {"spatial=0", "'the_node'"});
  expectImportError(training, kUnsupported, {"training mode", "'the_node'"});
  expectImportError(oneNode(13, "Cast", {{"to", 8}}), kUnsupported, {"Cast to string", "'the_node'"});
  ModelBuilder dropout = oneNode(13, "Dropout", {}, {"", "on"});
  dropout.ints("on", {1});
  expectImportError(dropout, kUnsupported, {"Dropout in training mode", "'the_node'"});
}

TEST(BadModel, ResizesThatSayTooLittle) {
  ModelBuilder crop = oneNode(19, "Resize", {{"coordinate_transformation_mode", "tf_crop_and_resize"}}, {"", "scales"});
  crop.weights("scales", {4}, {1, 1, 2, 2});
  expectImportError(crop, kMalformed, {"'the_node'", "has no region"});
  expectImportError(oneNode(13, "Resize", {}, {"x"}), kMalformed, {"'the_node'", "neither scales nor sizes"});
  expectImportError(oneNode(10, "Resize", {}, {""}), kMalformed, {"'the_node'", "1 inputs"});
}

TEST(BadModel, ResizesInUnknownWays) {
  const auto refused = [](std::int64_t opset, const char* key, const char* word) {
    ModelBuilder b = oneNode(opset, "Resize", {{key, word}}, {"", "scales"});
    b.weights("scales", {4}, {1, 1, 2, 2});
    expectImportError(b, kUnsupported, {std::string("Resize with ") + key + " '" + word + "' (1×: 'the_node')"});
  };
  for (const char* key : {"mode", "coordinate_transformation_mode", "nearest_mode", "keep_aspect_ratio_policy"})
    refused(19, key, "foo");
  refused(13, "coordinate_transformation_mode", "tf_half_pixel_for_nn");
  ModelBuilder old = oneNode(9, "Upsample", {{"mode", "foo"}}, {"scales"});
  old.weights("scales", {4}, {1, 1, 2, 2});
  expectImportError(old, kUnsupported, {"Upsample with mode 'foo'"});
}

TEST(BadModel, ListsTheFirstTenKindsOnly) {
  ModelBuilder b(13);
  b.input("x", {1, 3});
  for (int i = 0; i < 30; ++i) b.node("Foo" + std::to_string(i), {"x"}, {"y" + std::to_string(i)});
  std::vector<std::string> parts;
  for (int i = 0; i < 30; ++i) parts.push_back("y" + std::to_string(i));
  b.node("Concat", parts, {"y"}, {{"axis", 1}});
  b.output("y");
  expectImportError(b, kUnsupported, {"operator 'Foo9' (1×: 'Foo9_9'); and 20 more (expected"});
}

TEST(BadModel, LongNamesAreCutInFrontOfACharacter) {
  std::string name = "n";
  for (int i = 0; i < 100000; ++i) name += "ä";
  ModelBuilder b(13);
  b.input("x", {1, 3});
  b.node("Concat", {"x", "x"}, {"y"}, {}, name);
  b.output("y");
  std::string shown = "n";
  for (int i = 0; i < 99; ++i) shown += "ä";
  expectImportError(b, kMalformed, {"node '" + shown + "…' ('Concat'): has no attribute 'axis'"});
}

TEST(BadModel, OutputThatIsReadButNotSupported) {
  ModelBuilder b(13);
  b.input("x", {1, 3, 8, 8});
  b.node("MaxPool", {"x"}, {"m", "indices"}, {{"kernel_shape", Ints{2, 2}}}, "pool");
  b.node("Cast", {"indices"}, {"y"}, {{"to", 1}});
  b.output("y");
  expectImportError(b, kUnsupported, {"output 1 of MaxPool", "'pool'"});
}

TEST(BadModel, NumbersOfInputsAndOutputs) {
  expectImportError(oneNode(13, "Conv"), kMalformed, {"'the_node'", "1 inputs", "2 to 3"});
  expectImportError(oneNode(13, "Relu", {}, {"x"}), kMalformed, {"'the_node'", "2 inputs", "expected 1"});
  expectImportError(oneNode(13, "Gemm", {}, {"", "x"}), kMalformed, {"'the_node'", "input 1 is missing"});
  expectImportError(oneNode(13, "Concat", {{"axis", 1}}, {"", "x"}), kMalformed, {"'the_node'", "input 1 is missing"});
  expectImportError(oneNode(13, "Unsqueeze"), kMalformed, {"'the_node'", "axes"});
  expectImportError(oneNode(9, "Slice", {{"starts", Ints{0}}}), kMalformed, {"'the_node'", "ends"});
  ModelBuilder split = oneNode(18, "Split", {{"num_outputs", 3}});
  expectImportError(split, kMalformed, {"'the_node'", "1 outputs", "3"});
}

TEST(BadModel, Attributes) {
  expectImportError(oneNode(13, "Elu", {{"alpha", 1}}), kMalformed, {"'the_node'", "'alpha'", "wrong type"});
  expectImportError(oneNode(13, "Concat"), kMalformed, {"'the_node'", "no attribute 'axis'"});
  expectImportError(oneNode(13, "Relu", {{"slope", 1}}), kUnsupported, {"'slope' of Relu", "'the_node'"});
  expectImportError(oneNode(13, "Elu", {{"alpha", 1.0f}, {"alpha", 2.0f}}), kMalformed, {"'the_node'", "twice"});
  ModelBuilder both = oneNode(13, "Squeeze", {{"axes", Ints{0}}}, {"axes"});
  both.ints("axes", {0});
  expectImportError(both, kMalformed, {"'the_node'", "'axes'", "both"});
}

TEST(BadModel, ElementTypes) {
  ModelBuilder conv = oneNode(13, "Conv", {}, {"w"}), reshape = oneNode(13, "Reshape", {}, {"s"}),
               add = oneNode(13, "Add", {}, {"k"});
  conv.ints("w", {1, 2, 3});
  expectImportError(conv, kMalformed, {"'the_node'", "'w' holds integers", "floats"});
  reshape.weights("s", {2});
  expectImportError(reshape, kMalformed, {"'the_node'", "'s' holds floats", "integers"});
  add.ints("k", {1});
  expectImportError(add, kMalformed, {"'the_node'", "'k' holds integers"});
}

TEST(BadModel, ConstantNodes) {
  auto withConstant = [](const std::vector<NamedAttribute>& attributes) {
    ModelBuilder b = oneNode(13, "Add", {}, {"k"});
    b.node("Constant", {}, {"k"}, attributes, "constant");
    return b;
  };
  expectImportError(withConstant({}), kMalformed, {"'constant'", "0 attributes"});
  const NamedAttribute hint{"consumed_inputs", std::vector<std::int64_t>{0}};
  expectImportError(withConstant({hint}), kMalformed, {"'constant'", "has 0 attributes (expected its value only)"});
  EXPECT_NO_THROW(import(withConstant({hint, {"value_float", 1.0f}})));
  expectImportError(withConstant({{"value_float", 1.0f}, {"value_int", 1}}), kMalformed, {"'constant'"});
}

TEST(BadModel, NamesInMessagesAreEscaped) {
  expectImportError(oneNode(13, "Foo\x1b[31m\n"), kUnsupported, {"'Foo\\x1b[31m\\x0a'"});
  expectImportError(oneNode(13, std::string(100000, 'a')), kUnsupported, {"aaa…'"});
}

}  // namespace
}  // namespace relprop::onnx_test
