#include "image/containers.h"

#include <algorithm>

namespace relprop {

namespace {

struct Segment {
  std::uint8_t marker = 0;
  ByteSpan body;
  std::size_t next = 0;  // where the next one begins
};

// The header segment at `offset`. Every header segment but the fill bytes carries its length, its own two bytes
// included.
std::optional<Segment> segmentAt(ByteSpan file, std::size_t offset) {
  while (offset + 1 < file.size() && file[offset] == 0xFF && file[offset + 1] == 0xFF) ++offset;
  const auto length = readNumber(file, offset + 2, 2, true);
  if (!length || file[offset] != 0xFF || *length < 2 || offset + 2 + *length > file.size()) return std::nullopt;
  return Segment{file[offset + 1], file.subspan(offset + 4, *length - 2), offset + 2 + *length};
}

// Calls visit(segment) for the segments up to and with the first start of scan, until it returns true.
template <class Visit>
void walkJpeg(ByteSpan file, Visit visit) {
  constexpr std::uint8_t startOfScan = 0xDA;
  auto segment = segmentAt(file, 2);
  while (segment && !visit(*segment) && segment->marker != startOfScan) segment = segmentAt(file, segment->next);
}

// The next marker from `offset` on, the offset being moved behind it; 0 at the end. Bytes between segments and those of
// entropy-coded data are passed over, and with them what has no length of its own: restarts and markers below 0xC0.
std::uint8_t nextMarker(ByteSpan file, std::size_t& offset) {
  while (offset + 1 < file.size()) {
    const std::uint8_t before = file[offset++], marker = file[offset];
    const bool restart = marker >= 0xD0 && marker <= 0xD7;
    if (before != 0xFF || marker < 0xC0 || restart || marker == 0xFF) continue;
    ++offset;
    return marker;
  }
  return 0;
}

// PNG and RIFF both hold a row of (type, length, body); they differ in these.
struct ChunkLayout {
  std::size_t first;  // offset of the first chunk
  bool lengthFirst;
  bool bigEndian;
  std::size_t checksum;  // bytes behind the body
  bool padded;           // the body takes an even number of bytes
};

std::optional<ByteSpan> findChunk(ByteSpan file, const ChunkLayout& layout, std::string_view type) {
  std::size_t offset = layout.first;
  while (const auto length = readNumber(file, offset + (layout.lengthFirst ? 0 : 4), 4, layout.bigEndian)) {
    if (offset + 8 > file.size() || *length > file.size() - offset - 8) return std::nullopt;
    if (startsWith(file.subspan(offset + (layout.lengthFirst ? 4 : 0)), type)) return file.subspan(offset + 8, *length);
    offset += 8 + std::size_t{*length} + (layout.padded ? *length % 2 : 0) + layout.checksum;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> readNumber(ByteSpan bytes, std::size_t offset, int size, bool bigEndian) {
  const auto count = static_cast<std::size_t>(size);
  if (offset > bytes.size() || bytes.size() - offset < count) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[offset + (bigEndian ? i : count - 1 - i)];
  return value;
}

bool startsWith(ByteSpan bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

std::optional<ByteSpan> jpegSegment(ByteSpan file, std::uint8_t marker, std::string_view prefix) {
  std::optional<ByteSpan> found;
  walkJpeg(file, [&](const Segment& segment) {
    if (segment.marker == marker && startsWith(segment.body, prefix)) found = segment.body.subspan(prefix.size());
    return found.has_value();
  });
  return found;
}

std::int64_t jpegScans(ByteSpan file) {
  constexpr std::uint8_t startOfScan = 0xDA, endOfImage = 0xD9;
  std::int64_t scans = 0;
  std::size_t offset = 2;
  for (auto marker = nextMarker(file, offset); marker != 0 && marker != endOfImage; marker = nextMarker(file, offset)) {
    if (marker == startOfScan) ++scans;
    offset += std::max<std::size_t>(2, readNumber(file, offset, 2, true).value_or(0));
  }
  return scans;
}

std::optional<ByteSpan> pngChunk(ByteSpan file, std::string_view type) {
  return findChunk(file, {.first = 8, .lengthFirst = true, .bigEndian = true, .checksum = 4, .padded = false}, type);
}

std::optional<ByteSpan> webpChunk(ByteSpan file, std::string_view type) {
  return findChunk(file, {.first = 12, .lengthFirst = false, .bigEndian = false, .checksum = 0, .padded = true}, type);
}

}  // namespace relprop
