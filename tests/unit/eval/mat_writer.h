// Writes MATLAB's files with the HDF5 library, for tests and seeds of our own reader.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace relprop::dataset_test {

// Writes what `>> save('x.mat', 'value', '-v7.3')` writes of a struct array: a group for the struct, a dataset of
// references for each field, and the objects they refer to in #refs#. Dimensions are in HDF5's order, which is
// reversed.
class MatWriter {
 public:
  explicit MatWriter(const std::filesystem::path& path) {
    const hid_t create = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(create, 512);
    file_ = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, create, H5P_DEFAULT);
    H5Pclose(create);
    for (const char* name : {"/#refs#", "/value"})
      H5Gclose(H5Gcreate2(file_, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  MatWriter(const MatWriter&) = delete;
  MatWriter& operator=(const MatWriter&) = delete;
  ~MatWriter() { H5Fclose(file_); }

  hobj_ref_t bytes(const std::vector<hsize_t>& sizes, const std::vector<std::uint8_t>& values) {
    return refer(sizes, H5T_STD_U8LE, H5T_NATIVE_UINT8, values.data());
  }
  // As MATLAB stores larger arrays: deflated, in chunks that may go beyond the edges.
  hobj_ref_t chunkedBytes(const std::vector<hsize_t>& sizes, const std::vector<hsize_t>& chunk,
                          const std::vector<std::uint8_t>& values) {
    return chunked(sizes, chunk, H5T_STD_U8LE, H5T_NATIVE_UINT8, values.data());
  }
  // No values are written.
  void chunkedField(const std::string& name, hsize_t count, hsize_t chunk) {
    create("/value/" + name, {count, 1}, {chunk, 1}, H5T_STD_REF_OBJ, [](hid_t) {});
  }
  hobj_ref_t doubles(const std::vector<hsize_t>& sizes, const std::vector<double>& values) {
    return refer(sizes, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data());
  }
  hobj_ref_t text(const std::string& text) {
    const std::vector<std::uint16_t> characters(text.begin(), text.end());
    return refer({characters.size(), 1}, H5T_STD_U16LE, H5T_NATIVE_UINT16, characters.data());
  }
  hobj_ref_t cell(const std::vector<hobj_ref_t>& references) {
    return refer({references.size(), 1}, H5T_STD_REF_OBJ, H5T_STD_REF_OBJ, references.data());
  }
  void field(const std::string& name, const std::vector<hobj_ref_t>& references) {
    write("/value/" + name, {references.size(), 1}, H5T_STD_REF_OBJ, H5T_STD_REF_OBJ, references.data());
  }

 private:
  static void succeed(herr_t code) {
    if (code < 0) throw std::runtime_error("HDF5 does not write");
  }
  void create(const std::string& name, const std::vector<hsize_t>& sizes, const std::vector<hsize_t>& chunk,
              hid_t stored, const std::function<void(hid_t)>& fill) {
    const hid_t space = H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr);
    const hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    if (!chunk.empty()) {
      H5Pset_chunk(how, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_deflate(how, 3);
    }
    const hid_t set = H5Dcreate2(file_, name.c_str(), stored, space, H5P_DEFAULT, how, H5P_DEFAULT);
    fill(set);
    H5Dclose(set);
    H5Pclose(how);
    H5Sclose(space);
  }
  hobj_ref_t chunked(const std::vector<hsize_t>& sizes, const std::vector<hsize_t>& chunk, hid_t stored, hid_t memory,
                     const void* values) {
    const std::string name = "/#refs#/" + std::to_string(count_++);
    create(name, sizes, chunk, stored,
           [&](hid_t set) { succeed(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values)); });
    return referenceTo(name);
  }
  void write(const std::string& name, const std::vector<hsize_t>& sizes, hid_t stored, hid_t memory,
             const void* values) {
    create(name, sizes, {}, stored,
           [&](hid_t set) { succeed(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values)); });
  }
  hobj_ref_t refer(const std::vector<hsize_t>& sizes, hid_t stored, hid_t memory, const void* values) {
    const std::string name = "/#refs#/" + std::to_string(count_++);
    write(name, sizes, stored, memory, values);
    return referenceTo(name);
  }
  hobj_ref_t referenceTo(const std::string& name) {
    hobj_ref_t reference = 0;
    succeed(H5Rcreate(&reference, file_, name.c_str(), H5R_OBJECT, -1));
    return reference;
  }

  hid_t file_ = -1;
  int count_ = 0;
};

}  // namespace relprop::dataset_test
