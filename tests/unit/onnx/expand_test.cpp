// Functions of the model, written out: what becomes of their names and attributes, and how much of them there may be.
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "import_helpers.h"
#include "relprop/budgets.h"

namespace relprop::onnx_test {
namespace {

using ::testing::ElementsAre;

onnx::FunctionProto& addFunction(ModelBuilder& b, const std::string& name) {
  onnx::FunctionProto& function = *b.model.add_functions();
  function.set_name(name);
  function.set_domain("own");
  function.add_input("in");
  function.add_output("out");
  function.add_opset_import()->set_version(13);
  return function;
}

onnx::NodeProto& addInner(onnx::FunctionProto& function, const std::string& op, const std::string& input,
                          const std::string& output) {
  onnx::NodeProto& node = *function.add_node();
  node.set_op_type(op);
  if (!input.empty()) node.add_input(input);
  if (!output.empty()) node.add_output(output);
  return node;
}

// x → F → F → … → y; the first call has a name.
ModelBuilder callsOf(int count, const std::string& name) {
  ModelBuilder b(13);
  b.input("x", {1, 3, 8, 8});
  for (int i = 0; i < count; ++i) {
    const std::string from = i == 0 ? "x" : "c" + std::to_string(i);
    const std::string to = i + 1 == count ? "y" : "c" + std::to_string(i + 1);
    b.node("F", {from}, {to}, {}, i == 0 ? name : "").set_domain("own");
  }
  b.output("y");
  return b;
}

TEST(Functions, AreWrittenOutWithTheAttributesOfEachCall) {
  ModelBuilder b = callsOf(2, "call");
  onnx::AttributeProto& slope = *b.graph().mutable_node(0)->add_attribute();
  slope.set_name("slope");
  slope.set_f(0.25f);
  slope.set_type(onnx::AttributeProto::FLOAT);
  onnx::FunctionProto& f = addFunction(b, "F");
  onnx::NodeProto& leaky = addInner(f, "LeakyRelu", "in", "inner");
  leaky.set_name("leaky");
  onnx::AttributeProto& alpha = *leaky.add_attribute();
  alpha.set_name("alpha");
  alpha.set_ref_attr_name("slope");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  addInner(f, "Add", "in", "out").add_input("inner");
  const Graph graph = import(b);
  ASSERT_EQ(graph.nodes.size(), 4u);
  EXPECT_EQ(graph.nodes[0].name, "call/0:leaky");
  EXPECT_FLOAT_EQ(graph.nodes[0].floatAttr("alpha", 0), 0.25f);
  EXPECT_FALSE(graph.nodes[2].has("alpha"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre(graph.inputs[0], graph.nodes[0].outputs[0]));
  EXPECT_THAT(graph.nodes[3].inputs, ElementsAre(graph.nodes[1].outputs[0], graph.nodes[2].outputs[0]));
  EXPECT_EQ(graph.outputs[0], graph.nodes[3].outputs[0]);
}

// A field that ONNX 1.12's headers do not know.
template <class Message>
void setOverload(Message& message, int field, const std::string& overload) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(field, overload);
}

constexpr int kOfNode = 8, kOfFunction = 13;

void addOverload(ModelBuilder& b, const std::string& overload, const std::string& op) {
  onnx::FunctionProto& f = addFunction(b, "F");
  setOverload(f, kOfFunction, overload);
  addInner(f, op, "in", "out");
}

TEST(Functions, OfOneNameAreToldApartByTheirOverload) {
  ModelBuilder b = callsOf(2, "call");
  setOverload(*b.graph().mutable_node(0), kOfNode, "two");
  addOverload(b, "one", "Relu");
  addOverload(b, "two", "Neg");
  addOverload(b, "", "Abs");
  const Graph graph = import(b);
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[0].op, Op::Neg);
  EXPECT_EQ(graph.nodes[1].op, Op::Abs);
}

TEST(Functions, CallEachOtherByTheirOverload) {
  ModelBuilder b = callsOf(1, "call");
  onnx::FunctionProto& f = addFunction(b, "F");
  onnx::NodeProto& inner = addInner(f, "F", "in", "out");
  inner.set_domain("own");
  setOverload(inner, kOfNode, "two");
  addOverload(b, "two", "Neg");
  EXPECT_EQ(import(b).nodes.at(0).op, Op::Neg);
}

TEST(Functions, WithoutTheOverloadThatIsCalled) {
  ModelBuilder b = callsOf(1, "call");
  setOverload(*b.graph().mutable_node(0), kOfNode, "three");
  addOverload(b, "two", "Neg");
  expectImportError(b, ErrorCode::MalformedModel,
                    {"node 'call' ('F'): calls the overload 'three' (expected one that there is)"});
}

TEST(Functions, AreThereOnce) {
  ModelBuilder b = callsOf(1, "call");
  addInner(addFunction(b, "F"), "Relu", "in", "out");
  addInner(addFunction(b, "F"), "Neg", "in", "out");
  expectImportError(b, ErrorCode::MalformedModel, {"function 'own::F': appears twice"});
  ModelBuilder overloads = callsOf(1, "call");
  addOverload(overloads, "one", "Relu");
  addOverload(overloads, "one", "Neg");
  expectImportError(overloads, ErrorCode::MalformedModel, {"function 'own::F', overload 'one': appears twice"});
  ModelBuilder standard = oneNode(13, "Relu");
  addInner(addFunction(standard, "G"), "Relu", "in", "out");
  addInner(addFunction(standard, "G"), "Relu", "in", "out");
  standard.model.mutable_functions(0)->set_domain("");
  standard.model.mutable_functions(1)->set_domain("ai.onnx");
  expectImportError(standard, ErrorCode::MalformedModel, {"function 'G': appears twice"});
}

TEST(Functions, OfTheStandardDomainHaveTwoNamesForIt) {
  for (const char* ofFunction : {"", "ai.onnx"})
    for (const char* ofNode : {"", "ai.onnx"}) {
      ModelBuilder b = oneNode(13, "Relu");
      b.graph().mutable_node(0)->set_domain(ofNode);
      onnx::FunctionProto& f = addFunction(b, "Relu");
      f.set_domain(ofFunction);
      addInner(f, "Neg", "in", "out");
      EXPECT_EQ(import(b).nodes.at(0).op, Op::Neg) << ofFunction << ofNode;
    }
}

// Selu is written with the standard's Mul, whatever the model calls by that name.
TEST(Functions, OfTheStandardDomainDoNotChangeOtherOperators) {
  ModelBuilder b = oneNode(13, "Selu");
  onnx::FunctionProto& f = addFunction(b, "Mul");
  f.set_domain("");
  f.add_input("second");
  addInner(f, "Add", "in", "out").add_input("second");
  std::vector<Op> ops;
  for (const Node& node : import(b).nodes) ops.push_back(node.op);
  EXPECT_THAT(ops, ElementsAre(Op::Elu, Op::Mul));
}

// A value that is called as one of a function's would be.
TEST(Functions, NameTheirValuesAsNoOtherIs) {
  ModelBuilder b(13);
  b.input("x", {1, 3});
  b.node("Relu", {"x"}, {"f/0:t"});
  b.node("F", {"f/0:t"}, {"c"}, {}, "f").set_domain("own");
  b.node("Selu", {"c"}, {"y"}, {}, "f");
  b.output("y");
  onnx::FunctionProto& f = addFunction(b, "F");
  addInner(f, "Relu", "in", "t");
  addInner(f, "Neg", "t", "f/1:1");
  addInner(f, "Abs", "f/1:1", "out");
  const Graph graph = import(b);
  ASSERT_EQ(graph.nodes.size(), 6u);
  EXPECT_EQ(graph.value(graph.nodes[0].outputs[0]).name, "f/0:t");
  EXPECT_EQ(graph.value(graph.nodes[1].outputs[0]).name, "f/2:t");
  EXPECT_EQ(graph.value(graph.nodes[4].outputs[0]).name, "f/3:0");
}

TEST(Functions, HaveEachInputOnce) {
  ModelBuilder b = callsOf(1, "call");
  onnx::FunctionProto& f = addFunction(b, "F");
  f.add_input("in");
  addInner(f, "Relu", "in", "out");
  expectImportError(b, ErrorCode::MalformedModel, {"function 'own::F': has the input 'in' twice"});
}

TEST(Functions, AreNotGivenMoreThanTheyHave) {
  ModelBuilder more = callsOf(1, "call");
  addInner(addFunction(more, "F"), "Relu", "in", "out");
  onnx::NodeProto& call = *more.graph().mutable_node(0);
  call.add_input("");
  EXPECT_NO_THROW(import(more)) << "an absent one is none";
  call.add_input("x");
  expectImportError(more, ErrorCode::MalformedModel, {"node 'call' ('F'): has 3 inputs (expected 1 at most)"});
}

TEST(Functions, AreOfVersionsThatThereAre) {
  for (const std::int64_t version : {99, 0, -5}) {
    ModelBuilder b = callsOf(1, "call");
    onnx::FunctionProto& f = addFunction(b, "F");
    addInner(f, "Relu", "in", "out");
    f.mutable_opset_import(0)->set_version(version);
    expectImportError(b, ErrorCode::UnsupportedModel,
                      {"function 'own::F': is of ONNX opset " + std::to_string(version) + " (expected 1 to 28)"});
    f.mutable_opset_import(0)->set_domain("other");
    EXPECT_NO_THROW(import(b));
  }
}

void addReference(onnx::NodeProto& node, const std::string& name, const std::string& meant) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_ref_attr_name(meant);
  attribute.set_type(onnx::AttributeProto::FLOAT);
}

TEST(Functions, AloneReferToAttributesOfACall) {
  ModelBuilder b = oneNode(13, "LeakyRelu");
  addReference(*b.graph().mutable_node(0), "alpha", "slope");
  expectImportError(b, ErrorCode::MalformedModel,
                    {"node 'the_node' ('LeakyRelu'): attribute 'alpha' refers to the attribute 'slope' (expected "
                     "references in bodies of functions only)"});
  ModelBuilder call = callsOf(1, "call");
  addReference(*call.graph().mutable_node(0), "slope", "slope");
  addInner(addFunction(call, "F"), "Relu", "in", "out");
  expectImportError(call, ErrorCode::MalformedModel, {"node 'call' ('F'): attribute 'slope' refers"});
}

TEST(Functions, AndOperatorsThatAreWrittenOutTakeEachAttributeOnce) {
  ModelBuilder selu = oneNode(13, "Selu", {{"alpha", 1.5f}, {"alpha", 2.5f}});
  expectImportError(selu, ErrorCode::MalformedModel, {"node 'the_node' ('Selu'): has the attribute 'alpha' twice"});
  ModelBuilder call = callsOf(1, "call");
  for (int i = 0; i < 2; ++i) {
    onnx::AttributeProto& slope = *call.graph().mutable_node(0)->add_attribute();
    slope.set_name("slope");
    slope.set_f(0.25f);
    slope.set_type(onnx::AttributeProto::FLOAT);
  }
  addInner(addFunction(call, "F"), "Relu", "in", "out");
  expectImportError(call, ErrorCode::MalformedModel, {"node 'call' ('F'): has the attribute 'slope' twice"});
}

void expectTooMuch(const ModelBuilder& b) {
  expectImportError(b, ErrorCode::MalformedModel, {"test.onnx", "names and attributes", "--budget model"});
}

TEST(Functions, NamesOfCallsAreNotRepeatedWithoutEnd) {
  ModelBuilder b = callsOf(1, std::string(50000, 'n'));
  onnx::FunctionProto& f = addFunction(b, "F");
  constexpr int kNodes = 1000;
  for (int i = 0; i < kNodes; ++i)
    addInner(f, "Relu", i == 0 ? "in" : "t" + std::to_string(i), i + 1 == kNodes ? "out" : "t" + std::to_string(i + 1));
  expectTooMuch(b);
}

TEST(Functions, NamesOfOperandsAreNotRepeatedWithoutEnd) {
  ModelBuilder b = callsOf(1, "call");
  const std::string name(50000, 'x');
  b.graph().mutable_input(0)->set_name(name);
  b.graph().mutable_node(0)->set_input(0, name);
  onnx::FunctionProto& f = addFunction(b, "F");
  for (int i = 0; i < 3000; ++i) addInner(f, "Relu", "in", i == 0 ? "out" : "t" + std::to_string(i));
  expectTooMuch(b);
}

TEST(Functions, AttributesAreNotRepeatedWithoutEnd) {
  ModelBuilder b = callsOf(1000, "call");
  onnx::AttributeProto& perm = *addInner(addFunction(b, "F"), "Transpose", "in", "out").add_attribute();
  perm.set_name("perm");
  perm.set_type(onnx::AttributeProto::INTS);
  for (int i = 0; i < 50000; ++i) perm.add_ints(0);
  expectTooMuch(b);
}

TEST(Functions, TensorsAreNotRepeatedWithoutEnd) {
  ModelBuilder b = callsOf(1000, "call");
  onnx::FunctionProto& f = addFunction(b, "F");
  onnx::AttributeProto& value = *addInner(f, "Constant", "", "k").add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value.mutable_t()->add_dims(20000);
  value.mutable_t()->set_raw_data(std::string(80000, '\0'));
  addInner(f, "Add", "in", "out").add_input("k");
  expectTooMuch(b);
}

// 2⁶⁰ calls of a function that stands for no node.
TEST(Functions, ThatStandForNothingAreNotCalledWithoutEnd) {
  ModelBuilder b = callsOf(1, "call");
  constexpr int kLevels = 60;
  for (int level = 0; level <= kLevels; ++level) {
    onnx::FunctionProto& f = addFunction(b, level == kLevels ? "F" : "F" + std::to_string(level));
    f.clear_output();
    for (int i = 0; level > 0 && i < 2; ++i) addInner(f, "F" + std::to_string(level - 1), "", "").set_domain("own");
  }
  setBudgets({.modelBytes = 1 << 20});
  expectTooMuch(b);
  setBudgets({});
}

// Operators that stand for one node an operand repeat their names as well.
TEST(Functions, NamesOfOperatorsOfManyOperandsAreNotRepeatedWithoutEnd) {
  ModelBuilder b = oneNode(13, "Sum", {}, std::vector<std::string>(2000, "x"));
  b.graph().mutable_node(0)->set_name(std::string(100000, 'n'));
  expectTooMuch(b);
}

}  // namespace
}  // namespace relprop::onnx_test
