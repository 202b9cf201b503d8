#include "eval/hdf5_writer.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "eval/blob.h"
#include "image/replace_file.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNowhere = ~std::uint64_t{0};  // an address that is not used
constexpr std::uint64_t kValueBytes = 4;

// Numbers one after another, the lowest byte first.
struct Hdf5Bytes {
  std::vector<std::uint8_t> bytes;

  Hdf5Bytes& number(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
    return *this;
  }
  Hdf5Bytes& u8(std::uint64_t value) { return number(value, 1); }
  Hdf5Bytes& u16(std::uint64_t value) { return number(value, 2); }
  Hdf5Bytes& u32(std::uint64_t value) { return number(value, 4); }
  Hdf5Bytes& u64(std::uint64_t value) { return number(value, 8); }
  Hdf5Bytes& text(std::string_view value) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  Hdf5Bytes& all(const std::vector<std::uint8_t>& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  Hdf5Bytes& zerosTo(std::size_t size) {
    bytes.resize(std::max(size, bytes.size()));
    return *this;
  }
  Hdf5Bytes& whole() { return zerosTo((bytes.size() + 7) / 8 * 8); }
};

Hdf5Bytes message(int type, Hdf5Bytes body) {
  body.whole();
  Hdf5Bytes result;
  return result.u16(type).u16(body.bytes.size()).u32(0).all(body.bytes);
}

Hdf5Bytes objectHeader(const std::vector<Hdf5Bytes>& messages) {
  Hdf5Bytes body;
  for (const Hdf5Bytes& one : messages) body.all(one.bytes);
  Hdf5Bytes result;
  return result.u8(1).u8(0).u16(messages.size()).u32(1).u32(body.bytes.size()).u32(0).all(body.bytes);
}

Hdf5Bytes spaceOf(const Shape& shape) {
  Hdf5Bytes body;
  body.u8(1).u8(shape.size()).u8(0).zerosTo(8);
  for (const std::int64_t extent : shape) body.u64(static_cast<std::uint64_t>(extent));
  return message(1, body);
}

// IEEE 754: the sign at bit 31, 8 bits of exponent from 23 on, 23 of mantissa with a 1 that is not stored.
Hdf5Bytes typeOf(Hdf5Set::Type type) {
  constexpr int version = 0x10, fixedPoint = 0, floatingPoint = 1;
  Hdf5Bytes body;
  switch (type) {
    case Hdf5Set::Type::Float32:
      body.u8(version | floatingPoint).u8(0x20).u8(31).u8(0).u32(kValueBytes).u16(0).u16(32);
      body.u8(23).u8(8).u8(0).u8(23).u32(127);
      break;
    case Hdf5Set::Type::Unsigned32:
      body.u8(version | fixedPoint).u8(0).u8(0).u8(0).u32(kValueBytes).u16(0).u16(32);
      break;
  }
  return message(3, body);
}

// What has not been written reads as 0.
Hdf5Bytes fillValue() {
  constexpr int version = 2, early = 1, whenAllocated = 0, defined = 1;
  Hdf5Bytes body;
  return message(5, body.u8(version).u8(early).u8(whenAllocated).u8(defined).u32(0));
}

Hdf5Bytes layoutAt(std::uint64_t address, std::uint64_t size) {
  constexpr int version = 3, contiguous = 1;
  Hdf5Bytes body;
  return message(8, body.u8(version).u8(contiguous).u64(address).u64(size));
}

std::uint64_t bytesOf(const Hdf5Set& set) {
  return static_cast<std::uint64_t>(elementCount(set.shape)) * kValueBytes;
}

Hdf5Bytes headerOf(const Hdf5Set& set, std::uint64_t values) {
  return objectHeader({spaceOf(set.shape), typeOf(set.type), fillValue(), layoutAt(values, bytesOf(set))});
}

// Where everything lies, in this order: superblock, the group's header, index, names and leaf, then each set's header,
// then each set's values.
struct Places {
  static constexpr std::uint64_t group = 96, tree = 136, heap = tree + 544;
  static constexpr std::uint64_t leafBytes = 8 + 40 * Hdf5Writer::kMostSets;
  std::uint64_t names = heap + 32, leaf = 0, end = 0;
  std::vector<std::uint64_t> nameOffsets, headers, values;
};

Places placesOf(const std::vector<Hdf5Set>& sets) {
  Places p;
  std::uint64_t at = 8;  // the group's own name is empty
  for (const Hdf5Set& set : sets) p.nameOffsets.push_back(at), at += set.name.size() / 8 * 8 + 8;
  p.leaf = p.names + at;
  at = p.leaf + Places::leafBytes;
  for (const Hdf5Set& set : sets) p.headers.push_back(at), at += headerOf(set, 0).bytes.size();
  for (const Hdf5Set& set : sets) p.values.push_back(at), at += (bytesOf(set) + 7) / 8 * 8;
  p.end = at;
  return p;
}

Hdf5Bytes superblock(const Places& p) {
  constexpr int leafK = Hdf5Writer::kMostSets / 2, indexK = 16, cachedGroup = 1;
  Hdf5Bytes block;
  block.text("\x89HDF\r\n\x1a\n").u32(0).u8(0).u8(8).u8(8).u8(0).u16(leafK).u16(indexK).u32(0);
  block.u64(0).u64(kNowhere).u64(p.end).u64(kNowhere);
  return block.u64(0).u64(Places::group).u32(cachedGroup).u32(0).u64(Places::tree).u64(Places::heap);
}

Hdf5Bytes groupHeader() {
  Hdf5Bytes body;
  return objectHeader({message(17, body.u64(Places::tree).u64(Places::heap))});
}

// One leaf; the keys beside it are the names before its first and of its last entry.
Hdf5Bytes index(const Places& p) {
  Hdf5Bytes node;
  node.text("TREE").u8(0).u8(0).u16(1).u64(kNowhere).u64(kNowhere);
  return node.u64(0).u64(p.leaf).u64(p.nameOffsets.back()).zerosTo(Places::heap - Places::tree);
}

Hdf5Bytes names(const Places& p, const std::vector<Hdf5Set>& sets) {
  constexpr std::uint64_t nothingFree = 1;
  Hdf5Bytes heap;
  heap.text("HEAP").u32(0).u64(p.leaf - p.names).u64(nothingFree).u64(p.names).u64(0);
  for (const Hdf5Set& set : sets) heap.text(set.name).u8(0).whole();
  return heap;
}

Hdf5Bytes leaf(const Places& p) {
  Hdf5Bytes node;
  node.text("SNOD").u8(1).u8(0).u16(p.headers.size());
  for (std::size_t i = 0; i < p.headers.size(); ++i)
    node.u64(p.nameOffsets[i]).u64(p.headers[i]).u32(0).u32(0).u64(0).u64(0);
  return node.zerosTo(Places::leafBytes);
}

}  // namespace

Hdf5Writer::Hdf5Writer(const fs::path& path, const std::vector<Hdf5Set>& sets) : path_(path) {
  file_.reset(std::fopen(path.c_str(), "r+be"), [](std::FILE* file) { return file ? std::fclose(file) : 0; });
  if (!file_) failWrite(path, errno);
  const Places p = placesOf(sets);
  Hdf5Bytes head;
  for (const Hdf5Bytes& part : {superblock(p), groupHeader(), index(p), names(p, sets), leaf(p)}) head.all(part.bytes);
  for (std::size_t i = 0; i < sets.size(); ++i) head.all(headerOf(sets[i], p.values[i]).bytes);
  put(0, head.bytes);
  if (::ftruncate(::fileno(file_.get()), static_cast<off_t>(p.end)) != 0) failWrite(path_, errno);
  next_ = p.values;
}

void Hdf5Writer::put(std::uint64_t at, const std::vector<std::uint8_t>& bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written =
        ::pwrite(::fileno(file_.get()), bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failWrite(path_, errno);
    done += static_cast<std::size_t>(written);
  }
}

void Hdf5Writer::append(std::size_t set, const std::vector<std::uint8_t>& bytes) {
  put(next_[set], bytes);
  next_[set] += bytes.size();
}

void Hdf5Writer::add(std::size_t set, const std::vector<float>& values) {
  append(set, toBlob(values));
}

void Hdf5Writer::add(std::size_t set, const std::vector<std::uint32_t>& values) {
  append(set, toBlob(values));
}

}  // namespace relprop::eval
