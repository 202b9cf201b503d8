// Writes small ONNX models, so that tests need no files.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

namespace relprop::onnx_test {

using AttributeValue = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>>;

struct NamedAttribute {
  NamedAttribute(std::string key, int v) : name(std::move(key)), value(std::int64_t{v}) {}
  NamedAttribute(std::string key, float v) : name(std::move(key)), value(v) {}
  NamedAttribute(std::string key, const char* v) : name(std::move(key)), value(std::string(v)) {}
  NamedAttribute(std::string key, std::vector<std::int64_t> v) : name(std::move(key)), value(std::move(v)) {}
  NamedAttribute(std::string key, std::vector<float> v) : name(std::move(key)), value(std::move(v)) {}

  std::string name;
  AttributeValue value;
};

// Methods return the message they added, for whatever a test wants to change about it.
class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 13);

  onnx::ModelProto model;
  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  // An extent below 0 is written as a symbolic size.
  onnx::ValueInfoProto& input(const std::string& name, const std::vector<std::int64_t>& shape);
  onnx::ValueInfoProto& output(const std::string& name);
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::vector<NamedAttribute>& attributes = {},
                        const std::string& name = {});
  // Values are 0.01, 0.02, … unless given.
  onnx::TensorProto& weights(const std::string& name, const std::vector<std::int64_t>& shape,
                             std::vector<float> values = {});
  onnx::TensorProto& ints(const std::string& name, const std::vector<std::int64_t>& values);

  std::vector<std::uint8_t> bytes() const;
};

// x[N, 3, 8, 8] → op → y, for tests of a single operator.
ModelBuilder oneNode(std::int64_t opset, const std::string& op, const std::vector<NamedAttribute>& attributes = {},
                     const std::vector<std::string>& furtherInputs = {});

// Conv, BatchNormalization, Relu, skip connection, pooling, Gemm, Softmax: 10 classes.
ModelBuilder smallNetwork(std::int64_t width = 4);

}  // namespace relprop::onnx_test
