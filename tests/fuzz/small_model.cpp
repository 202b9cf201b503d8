#include "fuzz/small_model.h"

#include "unit/onnx/model_builder.h"

namespace relprop::fuzz {

namespace {

onnx_test::ModelBuilder network() {
  onnx_test::ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.weights("conv.w", {2, 3, 3, 3});
  b.node("Conv", {"x", "conv.w"}, {"c"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, "conv");
  b.node("Relu", {"c"}, {"r"}, {}, "relu");
  b.node("GlobalAveragePool", {"r"}, {"p"}, {}, "pool");
  b.node("Flatten", {"p"}, {"f"}, {}, "flatten");
  b.weights("fc.w", {2, 10});
  b.node("Gemm", {"f", "fc.w"}, {"logits"}, {}, "fc");
  b.output("logits");
  return b;
}

onnx_test::ModelBuilder layer() {
  onnx_test::ModelBuilder b;
  b.input("x", {-1, 3, 8, 8});
  b.node("Flatten", {"x"}, {"f"}, {}, "flatten");
  b.weights("fc.w", {192, 10});
  b.node("Gemm", {"f", "fc.w"}, {"logits"}, {}, "fc");
  b.output("logits");
  return b;
}

}  // namespace

std::vector<std::uint8_t> oneLayerBytes() {
  return layer().bytes();
}

std::vector<std::uint8_t> smallModelBytes(const std::map<std::string, std::string>& metadata) {
  onnx_test::ModelBuilder builder = network();
  for (const auto& [key, value] : metadata) {
    auto& entry = *builder.model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return builder.bytes();
}

Model smallModel(const std::string& name, const std::map<std::string, std::string>& metadata) {
  const std::vector<std::uint8_t> bytes = smallModelBytes(metadata);
  return Model::fromBytes(std::as_bytes(std::span(bytes)), {.name = name, .folder = {}, .options = {}});
}

}  // namespace relprop::fuzz
