// A model's message without its weights, which protobuf would copy one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace relprop::onnx_import {

struct Skeleton {
  std::string bytes;  // a ModelProto in which raw_data of the graph's initialisers is empty
  // Of each initialiser in the order of the file: its raw_data, where it has any. Points into the original bytes.
  std::vector<std::optional<std::span<const std::uint8_t>>> raw;
};

// Nothing when the message is not worth it (less than half of it is raw data), is damaged, or has groups, a part of
// the wire format that no ONNX file uses.
std::optional<Skeleton> withoutWeights(std::span<const std::uint8_t> model);

}  // namespace relprop::onnx_import
