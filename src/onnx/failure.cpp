#include "onnx/failure.h"

#include <fmt/format.h>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop::onnx_import {

void malformed(const std::string& where, const std::string& got, const std::string& expected, const std::string& hint) {
  throw Error(ErrorCode::MalformedModel, where, got, expected, hint);
}

void unsupported(const std::string& where, const std::string& got, const std::string& expected,
                 const std::string& hint) {
  throw Error(ErrorCode::UnsupportedModel, where, got, expected, hint);
}

std::string quote(const std::string& name) {
  std::string text = "'";
  for (char c : shortName(name)) {
    auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return text + "'";
}

}  // namespace relprop::onnx_import
