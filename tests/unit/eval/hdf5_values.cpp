#include "unit/eval/hdf5_values.h"

#include <gtest/gtest.h>
#include <hdf5.h>

namespace relprop::hdf5_test {
namespace {

hid_t openQuietly(const std::filesystem::path& path) {
  hid_t file = -1;
  H5E_BEGIN_TRY {
    file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  }
  H5E_END_TRY;
  return file;
}

}  // namespace

bool canBeOpened(const std::filesystem::path& path) {
  const hid_t file = openQuietly(path);
  if (file >= 0) H5Fclose(file);
  return file >= 0;
}

Hdf5Values valuesOf(const std::filesystem::path& path, const std::string& name) {
  Hdf5Values result;
  const hid_t file = openQuietly(path);
  const hid_t set = file < 0 ? -1 : H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  EXPECT_GE(set, 0) << path << " " << name;
  if (set < 0) return result;
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  result.shape.assign(sizes.begin(), sizes.end());
  result.isFloat32 = H5Tequal(type, H5T_IEEE_F32LE) > 0;
  result.isUnsigned32 = H5Tequal(type, H5T_STD_U32LE) > 0;
  result.values.resize(static_cast<std::size_t>(elementCount(result.shape)));
  EXPECT_GE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.values.data()), 0) << name;
  H5Tclose(type), H5Sclose(space), H5Dclose(set), H5Fclose(file);
  return result;
}

}  // namespace relprop::hdf5_test
