// The part of HDF5 that MATLAB writes (format specification 3.0, its oldest forms): groups by symbol tables, arrays of
// unsigned integers and of references, whole or in chunks that are deflated at most. Files come from strangers, and all
// else in HDF5 is code that needs not be trusted then.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relprop::eval {

// An array as its header describes it, and nothing of it read.
struct Hdf5Array {
  enum class Kind { Unsigned, Reference, Other } kind = Kind::Other;
  enum class Layout { Compact, Contiguous, Chunked } layout = Layout::Compact;
  std::size_t valueBytes = 0;         // of one value
  std::vector<std::uint64_t> sizes;   // in HDF5's order, the last running fastest
  std::vector<std::uint8_t> compact;  // the values themselves
  std::uint64_t address = 0;          // of the values, or of the index of chunks
  std::vector<std::uint64_t> chunk;   // sizes of one
  bool deflated = false;
};

// Every function throws MalformedDataset for what is broken or not of that part, FileUnreadable for what cannot be
// read, and may be called from several threads. No more memory is taken than values are asked for.
class Hdf5File {
 public:
  using Address = std::uint64_t;  // of an object, as references hold it

  // Throws FileNotFound too.
  explicit Hdf5File(const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }
  // Until this is called by the thread that made it, no more than twice the file is read: what lies side by side is
  // read once, and only parts that lie over one another add up to more.
  void endOpening() { openingLeft_.reset(); }
  std::optional<Address> find(const std::string& path) const;  // "/value/img"
  std::optional<Hdf5Array> arrayAt(Address object) const;      // none where something else lies there
  // Its values as they are stored. At most `most` bytes.
  std::vector<std::uint8_t> read(const Hdf5Array& array, std::uint64_t most) const;

 private:
  struct Message {
    std::uint16_t type = 0;
    bool shared = false;
    std::vector<std::uint8_t> body;
  };
  struct Table {
    Address tree = 0, heap = 0;
  };
  struct Chunks;

  [[noreturn]] void fail(const std::string& got) const;
  std::vector<std::uint8_t> bytesAt(Address address, std::uint64_t count) const;
  void openSuperblock();
  std::vector<Message> messagesOf(Address object) const;
  std::optional<Address> member(const Table& table, const std::string& name) const;
  std::optional<Table> tableOf(Address object) const;
  void leavesOf(Address node, int levelAbove, std::size_t& left, const std::function<void(Address)>& visit) const;
  void chunksOf(Address node, int levelAbove, Chunks& chunks) const;
  void placeChunk(std::vector<std::uint8_t> stored, const std::vector<std::uint64_t>& from, Chunks& chunks) const;
  std::vector<std::uint8_t> inflated(const std::vector<std::uint8_t>& bytes, std::uint64_t size) const;

  std::string path_;
  std::shared_ptr<std::FILE> file_;
  std::uint64_t size_ = 0, base_ = 0;
  mutable std::optional<std::uint64_t> openingLeft_;  // bytes that may still be read
  Address root_ = 0;
};

}  // namespace relprop::eval
