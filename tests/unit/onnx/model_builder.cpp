#include "model_builder.h"

namespace relprop::onnx_test {

namespace {

struct AttributeWriter {
  onnx::AttributeProto& proto;

  void operator()(std::int64_t v) const { proto.set_i(v), proto.set_type(onnx::AttributeProto::INT); }
  void operator()(float v) const { proto.set_f(v), proto.set_type(onnx::AttributeProto::FLOAT); }
  void operator()(const std::string& v) const { proto.set_s(v), proto.set_type(onnx::AttributeProto::STRING); }
  void operator()(const std::vector<std::int64_t>& v) const {
    for (std::int64_t element : v) proto.add_ints(element);
    proto.set_type(onnx::AttributeProto::INTS);
  }
  void operator()(const std::vector<float>& v) const {
    for (float element : v) proto.add_floats(element);
    proto.set_type(onnx::AttributeProto::FLOATS);
  }
};

std::vector<float> ramp(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  std::vector<float> values;
  for (std::int64_t i = 1; i <= count; ++i) values.push_back(0.01f * static_cast<float>(i));
  return values;
}

}  // namespace

ModelBuilder::ModelBuilder(std::int64_t opset) {
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  graph().set_name("test");
}

onnx::ValueInfoProto& ModelBuilder::input(const std::string& name, const std::vector<std::int64_t>& shape) {
  auto& info = *graph().add_input();
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape();
  for (std::int64_t extent : shape) {
    auto& dim = *type.mutable_shape()->add_dim();
    extent < 0 ? dim.set_dim_param("N") : dim.set_dim_value(extent);
  }
  return info;
}

onnx::ValueInfoProto& ModelBuilder::output(const std::string& name) {
  auto& info = *graph().add_output();
  info.set_name(name);
  return info;
}

onnx::NodeProto& ModelBuilder::node(const std::string& op, const std::vector<std::string>& inputs,
                                    const std::vector<std::string>& outputs,
                                    const std::vector<NamedAttribute>& attributes, const std::string& name) {
  auto& node = *graph().add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  for (const auto& attribute : attributes) {
    auto& proto = *node.add_attribute();
    proto.set_name(attribute.name);
    std::visit(AttributeWriter{proto}, attribute.value);
  }
  return node;
}

onnx::TensorProto& ModelBuilder::weights(const std::string& name, const std::vector<std::int64_t>& shape,
                                         std::vector<float> values) {
  if (values.empty()) values = ramp(shape);
  auto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (std::int64_t extent : shape) tensor.add_dims(extent);
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
  return tensor;
}

onnx::TensorProto& ModelBuilder::ints(const std::string& name, const std::vector<std::int64_t>& values) {
  auto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (std::int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

std::vector<std::uint8_t> ModelBuilder::bytes() const {
  std::string text = model.SerializeAsString();
  return {text.begin(), text.end()};
}

ModelBuilder oneNode(std::int64_t opset, const std::string& op, const std::vector<NamedAttribute>& attributes,
                     const std::vector<std::string>& furtherInputs) {
  ModelBuilder builder(opset);
  builder.input("x", {-1, 3, 8, 8});
  std::vector<std::string> inputs{"x"};
  inputs.insert(inputs.end(), furtherInputs.begin(), furtherInputs.end());
  builder.node(op, inputs, {"y"}, attributes, "the_node");
  builder.output("y");
  return builder;
}

ModelBuilder smallNetwork(std::int64_t width) {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.weights("conv1.w", {width, 3, 3, 3});
  b.weights("conv1.b", {width});
  b.node("Conv", {"x", "conv1.w", "conv1.b"}, {"c1"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, "conv1");
  for (const char* name : {"bn.scale", "bn.bias", "bn.mean", "bn.var"}) b.weights(name, {width});
  b.node("BatchNormalization", {"c1", "bn.scale", "bn.bias", "bn.mean", "bn.var"}, {"n1"}, {}, "bn1");
  b.node("Relu", {"n1"}, {"r1"}, {}, "relu1");
  b.weights("conv2.w", {width, width, 3, 3});
  b.node("Conv", {"r1", "conv2.w"}, {"c2"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, "conv2");
  b.node("Add", {"c2", "r1"}, {"sum"}, {}, "add");
  b.node("GlobalAveragePool", {"sum"}, {"pool"}, {}, "pool");
  b.node("Flatten", {"pool"}, {"flat"}, {}, "flatten");
  b.weights("fc.w", {10, width});
  b.weights("fc.b", {10});
  b.node("Gemm", {"flat", "fc.w", "fc.b"}, {"logits"}, {{"transB", 1}}, "fc");
  b.node("Softmax", {"logits"}, {"probabilities"}, {}, "softmax");
  b.output("probabilities");
  return b;
}

}  // namespace relprop::onnx_test
