#include "onnx/failure.h"

#include <fmt/format.h>

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
  constexpr std::size_t kLongest = 200;
  std::string text = "'";
  for (char c : name.substr(0, kLongest)) {
    auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return text + (name.size() > kLongest ? "…'" : "'");
}

}  // namespace relprop::onnx_import
