// Networks: one of several layers, one of functions, quantised ones, attention, and small ones of single operators.
#include <algorithm>
#include <cctype>

#include "fuzz/seeds/seeds.h"
#include "fuzz/small_model.h"
#include "unit/onnx/model_builder.h"

namespace relprop::fuzz {

namespace {

using onnx_test::ModelBuilder;
using onnx_test::NamedAttribute;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

// x → op → y with further inputs, which are tensors of floats or lists of integers.
struct Single {
  const char* op;
  std::vector<NamedAttribute> attributes = {};
  std::vector<std::pair<Ints, Floats>> floats = {};  // shape and values
  std::vector<Ints> integers = {};
  std::int64_t opset = 13;
};

File bytesOf(const Single& single) {
  std::vector<std::string> further;
  for (std::size_t i = 0; i < single.floats.size(); ++i) further.push_back("f" + std::to_string(i));
  for (std::size_t i = 0; i < single.integers.size(); ++i) further.push_back("i" + std::to_string(i));
  ModelBuilder builder = onnx_test::oneNode(single.opset, single.op, single.attributes, further);
  for (std::size_t i = 0; i < single.floats.size(); ++i)
    builder.weights("f" + std::to_string(i), single.floats[i].first, single.floats[i].second);
  for (std::size_t i = 0; i < single.integers.size(); ++i) builder.ints("i" + std::to_string(i), single.integers[i]);
  return builder.bytes();
}

std::vector<Single> singles() {
  const Ints two{2, 2}, ones{1, 1, 1, 1};
  return {
      {"Conv",
       {{"kernel_shape", Ints{3, 3}}, {"pads", ones}, {"strides", two}, {"dilations", two}},
       {{{4, 3, 3, 3}, {}}, {{4}, {}}}},
      {"Conv", {{"group", 3}, {"auto_pad", "SAME_UPPER"}}, {{{6, 1, 3, 3}, {}}}},
      {"ConvTranspose", {{"strides", two}, {"output_padding", Ints{1, 1}}}, {{{3, 2, 3, 3}, {}}}},
      {"MaxPool", {{"kernel_shape", Ints{3, 3}}, {"strides", two}, {"pads", ones}, {"ceil_mode", 1}}},
      {"AveragePool", {{"kernel_shape", two}, {"count_include_pad", 1}, {"pads", ones}}},
      {"LpPool", {{"kernel_shape", two}, {"p", 2}}},
      {"GlobalMaxPool"},
      {"GlobalLpPool", {{"p", 2}}},
      {"LRN", {{"size", 3}, {"alpha", 0.001f}, {"beta", 0.75f}, {"bias", 1.0f}}},
      {"InstanceNormalization", {{"epsilon", 1e-5f}}, {{{3}, {}}, {{3}, {}}}},
      {"LayerNormalization", {{"axis", -1}}, {{{8}, {}}, {{8}, {}}}, {}, 17},
      {"GroupNormalization", {{"num_groups", 3}}, {{{3}, {}}, {{3}, {}}}, {}, 21},
      {"BatchNormalization", {}, {{{3}, {}}, {{3}, {}}, {{3}, {}}, {{3}, {}}}},
      {"Softmax", {{"axis", 1}}},
      {"LogSoftmax", {{"axis", 1}}, {}, {}, 11},
      {"Hardmax", {{"axis", 1}}},
      {"Gelu", {{"approximate", "tanh"}}, {}, {}, 20},
      {"HardSwish", {}, {}, {}, 14},
      {"HardSigmoid", {{"alpha", 0.2f}, {"beta", 0.5f}}},
      {"LeakyRelu", {{"alpha", 0.1f}}},
      {"Elu", {{"alpha", 1.0f}}},
      {"Selu"},
      {"Celu"},
      {"ThresholdedRelu"},
      {"PRelu", {}, {{{3, 1, 1}, {}}}},
      {"Mish", {}, {}, {}, 18},
      {"Erf"},
      {"Pow", {}, {{{}, {2}}}},
      {"Clip", {}, {{{}, {0}}, {{}, {6}}}},
      {"Clip", {{"min", 0.0f}, {"max", 6.0f}}, {}, {}, 7},
      {"Transpose", {{"perm", Ints{0, 2, 3, 1}}}},
      {"Reshape", {}, {}, {{0, -1, 4}}},
      {"Flatten", {{"axis", 1}}},
      {"Squeeze", {}, {}, {{-1}}},
      {"Unsqueeze", {}, {}, {{1}}},
      {"Expand", {}, {}, {{2, 3, 8, 8}}},
      {"Tile", {}, {}, {{1, 2, 1, 3}}},
      {"Gather", {{"axis", 1}}, {}, {{2, 0, -1}}},
      {"GatherND", {}, {}, {{0, 1}}},
      {"Slice", {}, {}, {{0, 1}, {7, -1}, {2, 3}, {1, 2}}},
      {"Pad", {{"mode", "reflect"}}, {}, {{0, 0, 1, 1, 0, 0, 1, 1}}},
      {"Pad", {{"mode", "constant"}, {"pads", Ints{0, 0, 1, 1, 0, 0, 1, 1}}, {"value", 0.5f}}, {}, {}, 7},
      {"Split", {{"axis", 1}}, {}, {{1, 2}}},
      {"DepthToSpace", {{"blocksize", 2}, {"mode", "CRD"}}},
      {"SpaceToDepth", {{"blocksize", 2}}},
      {"ReduceMean", {{"axes", Ints{2, 3}}, {"keepdims", 0}}},
      {"ReduceL2", {{"axes", Ints{1}}, {"keepdims", 1}}},
      {"ReduceMax", {}, {}, {{1, 2}}, 18},
      {"ReduceLogSumExp", {{"axes", Ints{1}}}},
      {"CumSum", {{"reverse", 1}}, {}, {{1}}},
      {"TopK", {{"axis", -1}}, {}, {{3}}},
      {"ArgMax", {{"axis", 1}}},
      {"Upsample", {{"mode", "nearest"}}, {{{4}, {1, 1, 2, 2}}}, {}, 9},
      {"Resize", {{"mode", "linear"}}, {{{0}, {}}, {{4}, {1, 1, 1.5f, 2}}}},
      {"Resize",
       {{"mode", "cubic"}, {"coordinate_transformation_mode", "align_corners"}},
       {{{0}, {}}, {{4}, {1, 1, 0.5f, 2}}},
       {},
       11},
      {"Einsum", {{"equation", "nchw->nhwc"}}},
      {"MatMul", {}, {{{8, 5}, {}}}},
      {"Gemm", {{"alpha", 0.5f}, {"transB", 1}}, {{{5, 8}, {}}}},
      {"Add", {}, {{{3, 1, 1}, {}}}},
      {"Div", {}, {{{3, 1, 1}, {}}}},
      {"Where", {}, {{{3, 1, 1}, {}}}},
      {"Concat", {{"axis", 1}}, {{{1, 3, 8, 8}, {}}}},
      {"Trilu", {{"upper", 1}}, {}, {}, 14},
      {"GridSample", {}, {{{1, 4, 4, 2}, {}}}, {}, 16},
      {"RoiAlign", {{"output_height", 2}}, {{{1, 4}, {0, 0, 4, 4}}}, {{0}}, 16},
  };
}

File smallBytes() {
  return onnx_test::smallNetwork().bytes();
}

// A scale and a zero point, as uint8 or int8.
void scalar(ModelBuilder& b, const std::string& name, float scale, int type) {
  b.weights(name + ".scale", {}, {scale});
  auto& zero = *b.graph().add_initializer();
  zero.set_name(name + ".zero");
  zero.set_data_type(type);
  zero.add_int32_data(3);
}

void bytesTensor(ModelBuilder& b, const std::string& name, const Ints& shape, int count) {
  auto& tensor = *b.graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT8);
  for (const std::int64_t extent : shape) tensor.add_dims(extent);
  for (int i = 0; i < count; ++i) tensor.add_int32_data(i % 7 - 3);
}

// QuantizeLinear, QLinearConv, DequantizeLinear.
File integers() {
  ModelBuilder b(13);
  b.input("x", {1, 3, 8, 8});
  scalar(b, "in", 0.05f, onnx::TensorProto::UINT8);
  scalar(b, "w", 0.02f, onnx::TensorProto::INT8);
  scalar(b, "out", 0.1f, onnx::TensorProto::UINT8);
  bytesTensor(b, "w", {4, 3, 3, 3}, 108);
  b.node("QuantizeLinear", {"x", "in.scale", "in.zero"}, {"q"});
  b.node("QLinearConv", {"q", "in.scale", "in.zero", "w", "w.scale", "w.zero", "out.scale", "out.zero"}, {"c"});
  b.node("DequantizeLinear", {"c", "out.scale", "out.zero"}, {"y"});
  b.output("y");
  return b.bytes();
}

// Weights as integers in front of the operator, and an input that is rounded.
File fakeQuantised() {
  ModelBuilder b(13);
  b.input("x", {1, 3, 8, 8});
  scalar(b, "in", 0.05f, onnx::TensorProto::INT8);
  scalar(b, "w", 0.02f, onnx::TensorProto::INT8);
  bytesTensor(b, "w", {4, 3, 3, 3}, 108);
  b.node("QuantizeLinear", {"x", "in.scale", "in.zero"}, {"q"});
  b.node("DequantizeLinear", {"q", "in.scale", "in.zero"}, {"d"});
  b.node("DequantizeLinear", {"w", "w.scale", "w.zero"}, {"v"});
  b.node("Conv", {"d", "v"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("Flatten", {"r"}, {"y"});
  b.output("y");
  return b.bytes();
}

// A function of two nodes, used twice, with an attribute that is handed on.
File functions() {
  ModelBuilder b(13);
  b.input("x", {1, 3, 8, 8});
  auto& domain = *b.model.add_opset_import();
  domain.set_domain("own");
  domain.set_version(1);
  onnx::FunctionProto& f = *b.model.add_functions();
  f.set_name("LeakyTwice");
  f.set_domain("own");
  f.add_input("a");
  f.add_output("c");
  f.add_attribute("slope");
  f.add_opset_import()->set_version(13);
  onnx::NodeProto& leaky = *f.add_node();
  leaky.set_op_type("LeakyRelu");
  leaky.add_input("a");
  leaky.add_output("b");
  onnx::AttributeProto& alpha = *leaky.add_attribute();
  alpha.set_name("alpha");
  alpha.set_ref_attr_name("slope");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  onnx::NodeProto& add = *f.add_node();
  add.set_op_type("Add");
  for (const char* input : {"a", "b"}) add.add_input(input);
  add.add_output("c");
  b.node("LeakyTwice", {"x"}, {"h"}, {{"slope", 0.1f}}).set_domain("own");
  b.node("LeakyTwice", {"h"}, {"y"}, {{"slope", 0.2f}}).set_domain("own");
  b.output("y");
  return b.bytes();
}

// One head over the rows of the picture.
File attention() {
  ModelBuilder b(17);
  b.input("x", {1, 6, 8});
  for (const char* name : {"q.w", "k.w", "v.w"}) b.weights(name, {8, 8});
  b.weights("norm.w", {8});
  b.node("LayerNormalization", {"x", "norm.w"}, {"n"});
  for (const char* name : {"q", "k", "v"}) b.node("MatMul", {"n", std::string(name) + ".w"}, {name});
  b.node("Transpose", {"k"}, {"kt"}, {{"perm", Ints{0, 2, 1}}});
  b.node("MatMul", {"q", "kt"}, {"s"});
  b.node("Softmax", {"s"}, {"p"}, {{"axis", -1}});
  b.node("MatMul", {"p", "v"}, {"o"});
  b.node("Add", {"o", "x"}, {"sum"});
  b.node("ReduceMean", {"sum"}, {"y"}, {{"axes", Ints{1}}, {"keepdims", 0}});
  b.output("y");
  return b.bytes();
}

// Shapes computed from shapes, two outputs, an If-free graph of the kind exporters write.
File shapes() {
  ModelBuilder b(13);
  b.input("x", {-1, 3, 8, 8});
  b.ints("zero", {0});
  b.ints("rest", {-1});
  b.node("Shape", {"x"}, {"shape"});
  b.node("Gather", {"shape", "zero"}, {"n"}, {{"axis", 0}});
  b.node("Concat", {"n", "rest"}, {"to"}, {{"axis", 0}});
  b.node("Reshape", {"x", "to"}, {"flat"});
  b.weights("w", {5, 192});
  b.node("Gemm", {"flat", "w"}, {"y"}, {{"transB", 1}});
  b.node("Sigmoid", {"y"}, {"p"});
  b.output("p");
  b.output("flat");
  return b.bytes();
}

// Depthwise convolutions, squeeze and excitation, a skip; scores of labels that do not exclude each other.
File mobile() {
  ModelBuilder b(14);
  b.input("x", {-1, 3, 8, 8});
  b.weights("stem.w", {6, 3, 3, 3}), b.weights("deep.w", {6, 1, 3, 3}), b.weights("squeeze.w", {2, 6, 1, 1});
  b.weights("excite.w", {6, 2, 1, 1}), b.weights("point.w", {6, 6, 1, 1}), b.weights("fc.w", {6, 4});
  const Ints ones{1, 1, 1, 1};
  b.node("Conv", {"x", "stem.w"}, {"s"}, {{"pads", ones}, {"strides", Ints{2, 2}}});
  b.node("HardSwish", {"s"}, {"a"});
  b.node("Conv", {"a", "deep.w"}, {"d"}, {{"pads", ones}, {"group", 6}});
  b.node("Relu", {"d"}, {"r"});
  b.node("GlobalAveragePool", {"r"}, {"g"});
  b.node("Conv", {"g", "squeeze.w"}, {"q"});
  b.node("Relu", {"q"}, {"qr"});
  b.node("Conv", {"qr", "excite.w"}, {"e"});
  b.node("HardSigmoid", {"e"}, {"gate"});
  b.node("Mul", {"r", "gate"}, {"m"});
  b.node("Conv", {"m", "point.w"}, {"p"});
  b.node("Add", {"p", "a"}, {"sum"});
  b.node("GlobalAveragePool", {"sum"}, {"pool"});
  b.node("Flatten", {"pool"}, {"f"});
  b.node("MatMul", {"f", "fc.w"}, {"y"});
  b.node("Sigmoid", {"y"}, {"labels"});
  b.output("labels");
  return b.bytes();
}

// Branches that are put together, pools of both kinds, a norm across channels.
File branches() {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.weights("one.w", {3, 3, 1, 1}), b.weights("three.w", {4, 3, 3, 3}), b.weights("fc.w", {5, 160}),
      b.weights("fc.b", {5});
  const Ints two{2, 2}, three{3, 3}, ones{1, 1, 1, 1};
  b.node("LRN", {"x"}, {"l"}, {{"size", 3}});
  b.node("Conv", {"l", "one.w"}, {"one"});
  b.node("Conv", {"l", "three.w"}, {"three"}, {{"pads", ones}});
  b.node("MaxPool", {"l"}, {"most"}, {{"kernel_shape", three}, {"pads", ones}});
  b.node("Concat", {"one", "three", "most"}, {"all"}, {{"axis", 1}});
  b.node("LeakyRelu", {"all"}, {"r"}, {{"alpha", 0.1f}});
  b.node("AveragePool", {"r"}, {"p"}, {{"kernel_shape", two}, {"strides", two}});
  b.node("Flatten", {"p"}, {"f"});
  b.node("Gemm", {"f", "fc.w", "fc.b"}, {"y"}, {{"transB", 1}});
  b.output("y");
  return b.bytes();
}

// A vision transformer: patches, a class token, a block of attention of two heads and a perceptron.
File transformer() {
  ModelBuilder b(20);
  b.input("x", {1, 3, 8, 8});
  b.weights("patch.w", {8, 3, 4, 4}), b.weights("class", {1, 1, 8}), b.weights("place", {1, 5, 8});
  for (const char* name : {"n1.w", "n1.b", "n2.w", "n2.b"}) b.weights(name, {8});
  for (const char* name : {"q", "k", "v", "o"}) b.weights(name + std::string(".w"), {8, 8});
  b.weights("up.w", {8, 12}), b.weights("down.w", {12, 8}), b.weights("head.w", {8, 6}), b.weights("root", {}, {0.5f});
  b.ints("tokens", {1, 8, 4}), b.ints("heads", {1, 5, 2, 4}), b.ints("width", {1, 5, 8}), b.ints("first", {0});
  b.node("Conv", {"x", "patch.w"}, {"patches"}, {{"strides", Ints{4, 4}}});
  b.node("Reshape", {"patches", "tokens"}, {"flat"});
  b.node("Transpose", {"flat"}, {"rows"}, {{"perm", Ints{0, 2, 1}}});
  b.node("Concat", {"class", "rows"}, {"sequence"}, {{"axis", 1}});
  b.node("Add", {"sequence", "place"}, {"h"});
  b.node("LayerNormalization", {"h", "n1.w", "n1.b"}, {"n"});
  for (const std::string name : {"q", "k", "v"}) {
    b.node("MatMul", {"n", name + ".w"}, {name + "1"});
    b.node("Reshape", {name + "1", "heads"}, {name + "2"});
    b.node("Transpose", {name + "2"}, {name}, {{"perm", name == "k" ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3}}});
  }
  b.node("MatMul", {"q", "k"}, {"qk"});
  b.node("Mul", {"qk", "root"}, {"scaled"});
  b.node("Softmax", {"scaled"}, {"attention"}, {{"axis", -1}});
  b.node("MatMul", {"attention", "v"}, {"mixed"});
  b.node("Transpose", {"mixed"}, {"back"}, {{"perm", Ints{0, 2, 1, 3}}});
  b.node("Reshape", {"back", "width"}, {"joined"});
  b.node("MatMul", {"joined", "o.w"}, {"o"});
  b.node("Add", {"o", "h"}, {"skip"});
  b.node("LayerNormalization", {"skip", "n2.w", "n2.b"}, {"m"});
  b.node("MatMul", {"m", "up.w"}, {"up"});
  b.node("Gelu", {"up"}, {"gelu"});
  b.node("MatMul", {"gelu", "down.w"}, {"down"});
  b.node("Add", {"down", "skip"}, {"out"});
  b.node("Gather", {"out", "first"}, {"token"}, {{"axis", 1}});
  b.node("Flatten", {"token"}, {"f"});
  b.node("MatMul", {"f", "head.w"}, {"y"});
  b.output("y");
  return b.bytes();
}

// The same networks, and several whole ones, each with a question.
Files questionsOf(const Files& networks) {
  Files files = networks, questions;
  files.insert({{"mobile.onnx", mobile()}, {"branches.onnx", branches()}, {"transformer.onnx", transformer()}});
  for (const auto& [name, bytes] : files)
    questions[name.substr(0, name.find('.'))] = bundle({{"question", fileOf("method rap\n")}, {"model.onnx", bytes}});
  return questions;
}

File externalModel(const std::string& location, std::int64_t offset, std::int64_t length) {
  ModelBuilder b = onnx_test::smallNetwork();
  for (onnx::TensorProto& tensor : *b.graph().mutable_initializer()) {
    if (tensor.name() != "fc.w") continue;
    tensor.clear_float_data();
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"location", location}, {"offset", std::to_string(offset)}, {"length", std::to_string(length)}}) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
  }
  return b.bytes();
}

}  // namespace

void addModels(Corpus& corpus) {
  Files files = {
      {"small.onnx", smallBytes()},    {"integers.onnx", integers()},   {"fake_quantised.onnx", fakeQuantised()},
      {"functions.onnx", functions()}, {"attention.onnx", attention()}, {"shapes.onnx", shapes()}};
  int number = 0;
  for (const Single& single : singles()) {
    std::string name = single.op;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    files["op" + std::to_string(100 + number++) + "_" + name + ".onnx"] = bytesOf(single);
  }
  corpus["onnx"] = corpus["model"] = files;
  corpus["questions"] = questionsOf(files);
  const File weights(160 + 16, 1);
  corpus["external"] = {
      {"beside", bundle({{"model.onnx", externalModel("w.bin", 0, 160)}, {"w.bin", weights}})},
      {"below", bundle({{"model.onnx", externalModel("data/w.bin", 16, 160)}, {"data/w.bin", weights}})},
      {"outside", bundle({{"model.onnx", externalModel("../w.bin", 0, 160)}})},
      {"short", bundle({{"model.onnx", externalModel("w.bin", 64, 160)}, {"w.bin", weights}})}};
}

}  // namespace relprop::fuzz
