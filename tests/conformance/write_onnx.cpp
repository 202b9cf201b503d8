#include "conformance/write_onnx.h"
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

namespace relprop::test {
namespace {

using Proto = onnx::AttributeProto;

void setTensor(const Constant& constant, onnx::TensorProto& tensor) {
  for (const std::int64_t extent : constant.shape) tensor.add_dims(extent);
  if (constant.floats) {
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const float v : *constant.floats) tensor.add_float_data(v);
  } else {
    tensor.set_data_type(onnx::TensorProto::INT64);
    for (const std::int64_t v : *constant.ints) tensor.add_int64_data(v);
  }
}

struct Setter {
  Proto& a;
  void operator()(std::int64_t v) const { a.set_type(Proto::INT), a.set_i(v); }
  void operator()(float v) const { a.set_type(Proto::FLOAT), a.set_f(v); }
  void operator()(const std::string& v) const { a.set_type(Proto::STRING), a.set_s(v); }
  void operator()(const std::vector<std::int64_t>& v) const {
    a.set_type(Proto::INTS);
    for (const std::int64_t i : v) a.add_ints(i);
  }
  void operator()(const std::vector<float>& v) const {
    a.set_type(Proto::FLOATS);
    for (const float f : v) a.add_floats(f);
  }
  void operator()(const Constant& v) const { a.set_type(Proto::TENSOR), setTensor(v, *a.mutable_t()); }
};

void addNode(const Graph& graph, const Node& node, onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(opName(node.op));
  for (const ValueId id : node.inputs) proto.add_input(id == kNoValue ? "" : graph.value(id).name);
  for (const ValueId id : node.outputs) proto.add_output(graph.value(id).name);
  for (const auto& [name, value] : node.attrs) {
    Proto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    std::visit(Setter{attribute}, value);
  }
}

}  // namespace

std::string onnxBytes(const Graph& graph, std::int64_t opset) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  onnx::GraphProto& proto = *model.mutable_graph();
  for (const Value& value : graph.values) {
    if (!value.constant) continue;
    onnx::TensorProto& tensor = *proto.add_initializer();
    tensor.set_name(value.name);
    setTensor(*value.constant, tensor);
  }
  onnx::ValueInfoProto& input = *proto.add_input();
  input.set_name(graph.value(graph.inputs[0]).name);
  onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : graph.value(graph.inputs[0]).shape) {
    auto& dim = *type.mutable_shape()->add_dim();
    if (extent < 0)
      dim.set_dim_param("N");
    else
      dim.set_dim_value(extent);
  }
  for (const Node& node : graph.nodes) addNode(graph, node, *proto.add_node());
  for (const ValueId id : graph.outputs) proto.add_output()->set_name(graph.value(id).name);
  return model.SerializeAsString();
}

}  // namespace relprop::test
