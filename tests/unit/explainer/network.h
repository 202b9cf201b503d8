// Small ONNX models, built node by node and run from end to end.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "unit/onnx/model_builder.h"

namespace relprop::onnx_test {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

enum Type { kFloat = 1, kUint8 = 2, kInt8 = 3, kInt32 = 6 };
inline const char* const kMicrosoft = "com.microsoft";
inline const Shape kPicture{1, 3, 8, 8};

inline float wave(std::size_t i, float frequency) {
  return std::sin(frequency * static_cast<float>(i + 1));
}

inline Tensor picture() {
  Tensor x(kPicture);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = wave(i, 0.37f) * wave(i, 0.011f);
  return x;
}

inline ExplainOptions with(const std::string& method) {
  ExplainOptions options;
  options.method = method;
  options.threads = 1;
  return options;
}

// From x, of kPicture's shape.
class Network {
 public:
  explicit Network(std::int64_t opset = 13) : builder(opset) {
    builder.input("x", kPicture);
    builder.output("y");
    auto& domain = *builder.model.add_opset_import();
    domain.set_domain(kMicrosoft);
    domain.set_version(1);
  }
  std::string integers(Type type, const Shape& shape, const Ints& values) {
    auto& tensor = *builder.graph().add_initializer();
    tensor.set_name("i" + std::to_string(++count_));
    tensor.set_data_type(type);
    for (std::int64_t extent : shape) tensor.add_dims(extent);
    for (std::int64_t v : values) tensor.add_int32_data(static_cast<std::int32_t>(v));
    return tensor.name();
  }
  std::string floats(const Shape& shape, const Floats& values) {
    const std::string name = "f" + std::to_string(++count_);
    builder.weights(name, shape, values);
    return name;
  }
  std::string add(const std::string& op, const std::vector<std::vector<std::string>>& inputs,
                  const std::vector<NamedAttribute>& attributes = {}, const std::string& domain = "") {
    std::vector<std::string> all;
    for (const auto& part : inputs) all.insert(all.end(), part.begin(), part.end());
    const std::string output = "v" + std::to_string(++count_);
    builder.node(op, all, {output}, attributes).set_domain(domain);
    return output;
  }
  Model model(const std::string& result) {
    builder.node("Identity", {result}, {"y"});
    const std::vector<std::uint8_t> bytes = builder.bytes();
    return Model::fromBytes(std::as_bytes(std::span(bytes)));
  }

  ModelBuilder builder;

 private:
  int count_ = 0;
};

// N×classes, for any output.
inline Floats scoresOf(Network& n, const std::string& value) {
  return Explainer(n.model(n.add("Flatten", {{value}})), with("gradient")).forward(picture()).data;
}

}  // namespace relprop::onnx_test
