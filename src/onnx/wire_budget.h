// Guards against small files that would parse into huge messages.
#pragma once

#include <cstdint>
#include <span>

namespace relprop::onnx_import {

// About how many bytes the messages in a serialised ModelProto take in memory beyond the payload itself (an empty node
// is two bytes in the file, but hundreds once parsed). Bytes that are not valid protobuf end the count.
std::uint64_t parsedOverhead(std::span<const std::uint8_t> bytes);

}  // namespace relprop::onnx_import
