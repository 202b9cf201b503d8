#include "eval/datasets/hdf5_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "core/limits.h"
#include "eval/datasets/files.h"
#include "eval/datasets/hdf5_cursor.h"
#include "image/replace_file.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using namespace std::string_view_literals;

enum MessageType : std::uint16_t { kSpace = 1, kType = 3, kLayout = 8, kFilters = 11, kContinuation = 16, kTable = 17 };

constexpr std::uint64_t kOpeningBytes = 1 << 16;  // groups are read once for each name that is looked up

struct HeaderPart {
  std::uint64_t address, bytes;
};

bool overlap(const HeaderPart& a, const HeaderPart& b) {
  return a.address < b.address + b.bytes && b.address < a.address + a.bytes;
}

bool begins(const Bytes& bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin(), [](char c, auto byte) {
           return static_cast<std::uint8_t>(c) == byte;
         });
}

bool readSpace(const Bytes& body, Hdf5Array& array) {
  Hdf5Cursor at(body);
  const int version = at.u8(), rank = at.u8();
  at.u8();  // whether largest sizes follow
  at.take(version == 1 ? 5 : 1);
  for (int i = 0; i < rank; ++i) array.sizes.push_back(at.u64());
  return at.good() && (version == 1 || version == 2);
}

bool readType(const Bytes& body, Hdf5Array& array) {
  constexpr int fixedPoint = 0, reference = 7;
  Hdf5Cursor at(body);
  const int kind = at.u8() & 0xF, bits = at.u8();
  at.take(2);
  array.valueBytes = at.u32();
  const bool plain = (bits & 0xF) == 0;  // the lowest byte first, no sign, no padding; a reference to an object
  if (plain && kind == fixedPoint && (array.valueBytes == 1 || array.valueBytes == 2))
    array.kind = Hdf5Array::Kind::Unsigned;
  if (plain && kind == reference && array.valueBytes == 8) array.kind = Hdf5Array::Kind::Reference;
  return at.good() && array.valueBytes > 0;
}

bool readLayout(const Bytes& body, Hdf5Array& array) {
  Hdf5Cursor at(body);
  const int version = at.u8(), layout = at.u8();
  if (version != 3 || layout > 2) return false;
  array.layout = static_cast<Hdf5Array::Layout>(layout);
  if (array.layout == Hdf5Array::Layout::Compact) {
    const auto values = at.take(at.u16());
    array.compact.assign(values.begin(), values.end());
    return at.good();
  }
  const int sizes = array.layout == Hdf5Array::Layout::Chunked ? at.u8() : 0;
  array.address = at.u64();
  for (int i = 0; i < sizes; ++i) array.chunk.push_back(at.u32());
  if (sizes > 0) array.chunk.pop_back();  // the size of a value
  return at.good();
}

bool readFilters(const Bytes& body, Hdf5Array& array) {
  constexpr int deflate = 1;
  Hdf5Cursor at(body);
  const int version = at.u8(), count = at.u8();
  if (version == 1) at.take(6);
  array.deflated = count == 1 && at.u16() == deflate;
  return at.good() && (version == 1 || version == 2) && (count == 0 || array.deflated);
}

}  // namespace

void Hdf5File::fail(const std::string& got) const {
  malformed(path_, got, "a whole file as MATLAB writes it");
}

Hdf5File::Hdf5File(const fs::path& path) : path_(path.string()) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) failRead(path, errno);
  if (!S_ISREG(info.st_mode)) throw Error(ErrorCode::FileUnreadable, path_, "not a file", "a .mat file");
  file_.reset(std::fopen(path.c_str(), "rbe"), [](std::FILE* file) { return file ? std::fclose(file) : 0; });
  if (!file_) failRead(path, errno);
  size_ = static_cast<std::uint64_t>(info.st_size);
  openingLeft_ = 2 * size_ + kOpeningBytes;
  openSuperblock();
}

Bytes Hdf5File::bytesAt(Address address, std::uint64_t count) const {
  if (address > size_ || base_ > size_ - address || count > size_ - base_ - address) fail("cut short or damaged");
  if (openingLeft_ && count > *openingLeft_) fail("parts that lie over one another");
  if (openingLeft_) *openingLeft_ -= count;
  Bytes bytes(count);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t read = ::pread(::fileno(file_.get()), bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(base_ + address + done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) failRead(path_, errno);
    if (read == 0) fail("cut short while it is read");
    done += static_cast<std::size_t>(read);
  }
  return bytes;
}

// It lies at the begin or at 512, 1024, … MATLAB puts 512 bytes of text before it.
void Hdf5File::openSuperblock() {
  constexpr std::uint64_t bytes = 96, farthest = 1 << 20;
  for (std::uint64_t at = 0; at <= farthest && at + bytes <= size_; at = at == 0 ? 512 : at * 2) {
    const Bytes block = bytesAt(at, bytes);
    if (!begins(block, "\x89HDF\r\n\x1a\n"sv)) continue;
    if (block[8] != 0 || block[13] != 8 || block[14] != 8) fail("HDF5 of another version than MATLAB's");
    Hdf5Cursor fields(block, 24);
    base_ = fields.u64();
    fields.take(3 * 8 + 8);
    root_ = fields.u64();
    return;
  }
  malformed(path_, "not HDF5", "a .mat file of version 7.3", "MATLAB writes one with save(…, '-v7.3')");
}

std::vector<Hdf5File::Message> Hdf5File::messagesOf(Address object) const {
  constexpr std::size_t prefix = 16;
  const Bytes start = bytesAt(object, prefix);
  if (start[0] != 1) fail("an object that is damaged or of another version than MATLAB's");
  std::vector<HeaderPart> parts;
  std::uint64_t left = limits::kMatHeaderBytes;
  const auto add = [&](const HeaderPart& part) {
    if (part.bytes > left || parts.size() == limits::kMatHeaderParts) fail("an object with too large a header");
    if (std::any_of(parts.begin(), parts.end(), [&](const HeaderPart& other) { return overlap(part, other); }))
      fail("an object whose header lies over itself");
    left -= part.bytes;
    parts.push_back(part);
  };
  add({object + prefix, Hdf5Cursor(start, 8).u32()});
  std::vector<Message> messages;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Bytes bytes = bytesAt(parts[i].address, parts[i].bytes);
    for (Hdf5Cursor at(bytes); at.left() >= 8;) {
      Message message{at.u16(), false, {}};
      const std::size_t length = at.u16();
      message.shared = (at.u8() & 2) != 0;
      at.take(3);
      const auto body = at.take(length);
      if (!at.good()) fail("an object with a damaged header");
      message.body.assign(body.begin(), body.end());
      Hdf5Cursor further(message.body);
      if (message.type == kContinuation) add({further.u64(), further.u64()});
      messages.push_back(std::move(message));
    }
  }
  return messages;
}

std::optional<Hdf5File::Table> Hdf5File::tableOf(Address object) const {
  for (const Message& message : messagesOf(object)) {
    Hdf5Cursor at(message.body);
    if (message.type == kTable) return Table{at.u64(), at.u64()};
  }
  return {};
}

// Nodes of an index that names: `levelAbove` shrinks on every way down, so there is an end.
void Hdf5File::leavesOf(Address node, int levelAbove, std::size_t& left,
                        const std::function<void(Address)>& visit) const {
  if (left-- == 0) fail("a group with too many members");
  const Bytes head = bytesAt(node, 24);
  const int level = head[5];
  if (!begins(head, "TREE") || head[4] != 0 || level >= levelAbove) fail("a damaged index");
  const std::uint64_t used = Hdf5Cursor(head, 6).u16();
  const Bytes entries = bytesAt(node + head.size(), used * 16);
  for (Hdf5Cursor at(entries); !at.empty();) {
    at.u64();  // the first name
    const Address child = at.u64();
    level > 0 ? leavesOf(child, level, left, visit) : visit(child);
  }
}

std::optional<Hdf5File::Address> Hdf5File::member(const Table& table, const std::string& name) const {
  const Bytes heap = bytesAt(table.heap, 32);
  if (!begins(heap, "HEAP")) fail("a damaged group");
  const Address names = Hdf5Cursor(heap, 24).u64();
  std::optional<Address> found;
  std::size_t left = limits::kMatIndexNodes;
  leavesOf(table.tree, 256, left, [&](Address leaf) {
    const Bytes head = bytesAt(leaf, 8);
    if (!begins(head, "SNOD")) fail("a damaged group");
    const std::size_t count = Hdf5Cursor(head, 6).u16();
    const Bytes entries = bytesAt(leaf + head.size(), count * 40);
    for (Hdf5Cursor at(entries); !at.empty(); at.take(24)) {
      const Address link = at.u64(), object = at.u64();
      if (begins(bytesAt(names + link, name.size() + 1), std::string_view(name.c_str(), name.size() + 1)))
        found = object;
    }
  });
  return found;
}

std::optional<Hdf5File::Address> Hdf5File::find(const std::string& path) const {
  Address object = root_;
  for (const fs::path& name : fs::path(path).relative_path()) {
    const auto table = tableOf(object);
    const auto found = table ? member(*table, name.string()) : std::nullopt;
    if (!found) return {};
    object = *found;
  }
  return object;
}

std::optional<Hdf5Array> Hdf5File::arrayAt(Address object) const {
  Hdf5Array array;
  int parts = 0;
  for (const Message& message : messagesOf(object)) {
    bool good = true;
    if (message.type == kSpace) good = readSpace(message.body, array), parts |= 1;
    if (message.type == kType) good = message.shared || readType(message.body, array), parts |= 2;
    if (message.type == kLayout) good = readLayout(message.body, array), parts |= 4;
    if (message.type == kFilters) good = readFilters(message.body, array);
    if (!good) fail("an array that is damaged or stored as MATLAB does not store it");
  }
  if (parts != 7) return {};
  return array;
}

}  // namespace relprop::eval
