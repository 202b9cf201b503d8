// Arrays of an HDF5 file as its own library reads them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "relprop/tensor.h"

namespace relprop::hdf5_test {

struct Hdf5Values {
  Shape shape;
  bool isFloat32 = false, isUnsigned32 = false;  // as stored
  std::vector<double> values;
};

bool canBeOpened(const std::filesystem::path& path);
// Fails the test, and is empty, where the file has no such array.
Hdf5Values valuesOf(const std::filesystem::path& path, const std::string& name);

}  // namespace relprop::hdf5_test
