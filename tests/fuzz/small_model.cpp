#include "fuzz/small_model.h"

#include "unit/onnx/model_builder.h"

namespace relprop::fuzz {

std::vector<std::uint8_t> smallModelBytes(const std::map<std::string, std::string>& metadata) {
  onnx_test::ModelBuilder builder = onnx_test::smallNetwork();
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
