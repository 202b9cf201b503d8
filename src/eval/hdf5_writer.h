// Arrays of known sizes in a new HDF5 file, in its oldest and plainest form, which every reader knows: superblock 0,
// one group, values in one piece each. Format: "HDF5 File Format Specification Version 3.0", The HDF Group,
// docs.hdfgroup.org.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "relprop/tensor.h"

namespace relprop::eval {

struct Hdf5Set {
  enum class Type { Float32, Unsigned32 };
  std::string name;
  Type type = Type::Float32;
  Shape shape;
};

class Hdf5Writer {
 public:
  static constexpr std::size_t kMostSets = 8;  // what one leaf of a group's index holds

  // Into a file that is there, and empty; sets are in the order of their names. Throws FileWriteFailed.
  Hdf5Writer(const std::filesystem::path& path, const std::vector<Hdf5Set>& sets);
  // The values that come next in a set, row by row.
  void add(std::size_t set, const std::vector<float>& values);
  void add(std::size_t set, const std::vector<std::uint32_t>& values);

 private:
  void put(std::uint64_t at, const std::vector<std::uint8_t>& bytes) const;
  void append(std::size_t set, const std::vector<std::uint8_t>& bytes);

  std::filesystem::path path_;
  std::shared_ptr<std::FILE> file_;
  std::vector<std::uint64_t> next_;  // where each set's next value goes
};

}  // namespace relprop::eval
