// Reading MATLAB's .mat files of version 7.3, which are HDF5. Their arrays are stored column by column, so HDF5 sees
// the dimensions in reverse order; a cell array is a dataset of references.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace relprop::eval {

struct MatArray {
  std::vector<std::size_t> sizes;  // as MATLAB says them: rows, columns, …
  std::vector<std::uint8_t> values;
};

// Every function but the constructor throws MalformedDataset for what is not there or not of the expected type, and may
// be called from several threads.
class MatFile {
 public:
  using Reference = std::uint64_t;

  // Throws FileNotFound, FileUnreadable, MalformedDataset.
  explicit MatFile(const std::filesystem::path& path);
  ~MatFile();

  bool has(const std::string& name) const;  // "/value/img"
  std::vector<Reference> cells(const std::string& name) const;
  std::vector<Reference> cells(Reference cell) const;
  bool isCellArray(Reference cell) const;
  MatArray bytes(Reference cell) const;    // an array of uint8 or logical
  std::string text(Reference cell) const;  // an array of characters

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace relprop::eval
