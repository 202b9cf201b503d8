// Reading MATLAB's .mat files of version 7.3, which are HDF5. Their arrays are stored column by column, so HDF5 sees
// the dimensions in reverse order; a cell array is a dataset of references.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/datasets/hdf5_file.h"

namespace relprop::eval {

struct MatArray {
  std::vector<std::size_t> sizes;  // as MATLAB says them: rows, columns, …
  std::vector<std::uint8_t> values;
};

// Every function but the constructor throws MalformedDataset for what is not there or not of the expected type, and may
// be called from several threads.
class MatFile {
 public:
  using Reference = Hdf5File::Address;

  // Throws FileNotFound, FileUnreadable, MalformedDataset.
  explicit MatFile(const std::filesystem::path& path);

  void endOpening() { file_.endOpening(); }  // as Hdf5File's

  bool has(const std::string& name) const;  // "/value/img"
  std::vector<Reference> cells(const std::string& name) const;
  std::vector<Reference> cells(Reference cell) const;
  bool isCellArray(Reference cell) const;
  MatArray bytes(Reference cell) const;    // an array of uint8 or logical
  std::string text(Reference cell) const;  // an array of characters

 private:
  struct Wanted {
    Hdf5Array::Kind kind;
    std::size_t valueBytes;
    std::uint64_t mostBytes;
    const char* name;
  };
  std::string where(Reference cell) const;
  std::optional<Hdf5Array> arrayAt(Reference cell) const;
  std::vector<std::uint8_t> read(const std::optional<Hdf5Array>& array, const Wanted& wanted,
                                 const std::string& where) const;
  std::vector<Reference> references(const std::optional<Hdf5Array>& array, const std::string& where) const;

  std::string path_;
  Hdf5File file_;
};

}  // namespace relprop::eval
