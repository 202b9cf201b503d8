// The values of an array, whole or in chunks.
#include <zlib.h>

#include <algorithm>

#include "core/limits.h"
#include "eval/datasets/hdf5_cursor.h"
#include "eval/datasets/hdf5_file.h"

namespace relprop::eval {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Sizes = std::vector<std::uint64_t>;

// Of all values; none where they are more than `most`.
std::optional<std::uint64_t> bytesOf(const Sizes& sizes, std::size_t valueBytes, std::uint64_t most) {
  std::uint64_t bytes = valueBytes;
  for (const std::uint64_t size : sizes) {
    if (size != 0 && bytes > most / size) return {};
    bytes *= size;
  }
  return bytes;
}

}  // namespace

struct Hdf5File::Chunks {
  const Hdf5Array& array;
  Bytes& values;
  std::uint64_t bytes;       // of one
  std::uint64_t left;        // that may still come
  std::size_t nodesLeft;     // of the index
  std::uint64_t storedLeft;  // bytes of all: they lie side by side in the file
  std::vector<bool> placed;  // on the grid, the last axis running fastest

  // False where no chunk begins there, or one has been placed there.
  bool place(const Sizes& from) {
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::uint64_t side = array.chunk[i];
      if (from[i] >= array.sizes[i] || from[i] % side != 0) return false;
      at = at * ((array.sizes[i] + side - 1) / side) + from[i] / side;
    }
    const bool fresh = !placed[at];
    placed[at] = true;
    return fresh;
  }
};

Bytes Hdf5File::inflated(const Bytes& bytes, std::uint64_t size) const {
  Bytes result(size);
  uLongf length = result.size();
  if (uncompress(result.data(), &length, bytes.data(), bytes.size()) != Z_OK || length != size)
    fail("values that cannot be unpacked");
  return result;
}

// Row by row along the last axis; what of a chunk lies outside the array is not there.
void Hdf5File::placeChunk(Bytes stored, const Sizes& from, Chunks& chunks) const {
  const Hdf5Array& array = chunks.array;
  if (array.deflated) stored = inflated(stored, chunks.bytes);
  if (stored.size() != chunks.bytes) fail("a chunk of another size");
  const std::size_t last = array.sizes.size() - 1, value = array.valueBytes;
  const std::uint64_t row = std::min(array.chunk[last], array.sizes[last] - from[last]) * value;
  Sizes inside(array.sizes.size(), 0);
  for (std::uint64_t at = 0; at < stored.size(); at += array.chunk[last] * value) {
    std::uint64_t target = 0;
    bool within = true;
    for (std::size_t i = 0; i <= last; ++i) {
      within = within && from[i] + inside[i] < array.sizes[i];
      target = target * array.sizes[i] + from[i] + inside[i];
    }
    if (within)
      std::copy_n(stored.begin() + static_cast<std::ptrdiff_t>(at), row,
                  chunks.values.begin() + static_cast<std::ptrdiff_t>(target * value));
    for (std::size_t i = last; i-- > 0;) {
      if (++inside[i] < array.chunk[i]) break;
      inside[i] = 0;
    }
  }
}

void Hdf5File::chunksOf(Address node, int levelAbove, Chunks& chunks) const {
  if (chunks.nodesLeft-- == 0) fail("a damaged index of chunks");
  const Bytes head = bytesAt(node, 24);
  const int level = head[5];
  if (Hdf5Cursor(head).u32() != 0x45455254 || head[4] != 1 || level >= levelAbove) fail("a damaged index of chunks");
  const std::size_t rank = chunks.array.sizes.size(), used = Hdf5Cursor(head, 6).u16();
  const Bytes entries = bytesAt(node + head.size(), used * (8 + (rank + 1) * 8 + 8));
  for (Hdf5Cursor at(entries); !at.empty();) {
    const std::uint32_t bytes = at.u32(), filters = at.u32();
    Sizes from;
    for (std::size_t i = 0; i < rank; ++i) from.push_back(at.u64());
    at.u64();
    const Address child = at.u64();
    if (level > 0) {
      chunksOf(child, level, chunks);
      continue;
    }
    if (filters != 0 || !chunks.place(from) || bytes > chunks.storedLeft) fail("a damaged index of chunks");
    --chunks.left, chunks.storedLeft -= bytes;
    placeChunk(bytesAt(child, bytes), from, chunks);
  }
}

Bytes Hdf5File::read(const Hdf5Array& array, std::uint64_t most) const {
  const auto bytes = bytesOf(array.sizes, array.valueBytes, most);
  if (!bytes) fail("an array too large for a picture");
  if (*bytes == 0) return {};
  if (array.layout == Hdf5Array::Layout::Contiguous) return bytesAt(array.address, *bytes);
  if (array.layout == Hdf5Array::Layout::Compact) {
    if (array.compact.size() != *bytes) fail("an array of another size than it says");
    return array.compact;
  }
  // A small file announces no large array.
  const auto chunkBytes = bytesOf(array.chunk, array.valueBytes, most);
  const bool sound = chunkBytes && *chunkBytes > 0 && !array.sizes.empty() && array.chunk.size() == array.sizes.size();
  if (!sound || *bytes / limits::kInflatedPerByte > size_ || *chunkBytes / limits::kInflatedPerByte > size_)
    fail("an array of unsound chunks");
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < array.sizes.size(); ++i) count *= (array.sizes[i] + array.chunk[i] - 1) / array.chunk[i];
  if (count > size_ / limits::kMatBytesOfAChunk || count > limits::kInflatedPerByte * size_ / *chunkBytes)
    fail("an array of unsound chunks");
  Bytes values(*bytes);
  Chunks chunks{array, values, *chunkBytes, count, 2 * count + 16, size_, std::vector<bool>(count)};
  chunksOf(array.address, 256, chunks);
  if (chunks.left != 0) fail("an array with chunks missing");
  return values;
}

}  // namespace relprop::eval
