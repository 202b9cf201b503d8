// Finds blocks inside image files by walking the containers. A broken container ends the walk: the block is not found.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace relprop {

using ByteSpan = std::span<const std::uint8_t>;

// The 2- or 4-byte number at `offset`; nothing when it would reach beyond the end.
std::optional<std::uint32_t> readNumber(ByteSpan bytes, std::size_t offset, int size, bool bigEndian);

bool startsWith(ByteSpan bytes, std::string_view prefix);

// What follows `prefix` in the first header segment of a JPEG file with this marker and that prefix.
std::optional<ByteSpan> jpegSegment(ByteSpan file, std::uint8_t marker, std::string_view prefix);
// How many scans a decoder comes upon, or more: also behind garbage, over which decoders look for the next marker.
std::int64_t jpegScans(ByteSpan file);

std::optional<ByteSpan> pngChunk(ByteSpan file, std::string_view type);
std::optional<ByteSpan> webpChunk(ByteSpan file, std::string_view type);

}  // namespace relprop
