#include "eval/datasets/mat_file.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <mutex>

#include "eval/datasets/files.h"
#include "image/pixels.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

// The usual build of HDF5 allows one thread at a time.
std::mutex& libraryMutex() {
  static std::mutex mutex;
  return mutex;
}

// While it lives, this thread alone uses the library, and the library does not print its errors.
class Library {
 public:
  Library() : lock_(libraryMutex()) {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

 private:
  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  explicit operator bool() const { return id_ >= 0; }
  hid_t get() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

constexpr int kMostDimensions = 4;
constexpr hsize_t kMostValues = static_cast<hsize_t>(kMaxPixels) * 3;

std::vector<hsize_t> storedSizes(hid_t dataset, const std::string& where) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int count = space ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (count < 1 || count > kMostDimensions)
    malformed(where, fmt::format("{} dimensions", count),
              fmt::format("an array of 1 to {} dimensions", kMostDimensions));
  std::vector<hsize_t> sizes(static_cast<std::size_t>(count));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return sizes;
}

std::size_t valueCount(const std::vector<hsize_t>& sizes, const std::string& where) {
  hsize_t count = 1;
  for (const hsize_t size : sizes) {
    if (size > kMostValues || count * size > kMostValues)
      malformed(where, "an array too large for a picture", fmt::format("at most {} values", kMostValues));
    count *= size;
  }
  return static_cast<std::size_t>(count);
}

bool holds(hid_t dataset, hid_t type) {
  const Handle stored(H5Dget_type(dataset), H5Tclose);
  return stored && H5Tequal(stored.get(), type) > 0;
}

// The values of a dataset, which has to store `stored` (in either byte order for numbers).
template <typename T>
std::vector<T> read(const Handle& dataset, hid_t memory, const std::vector<hid_t>& stored, const std::string& where,
                    const std::string& expected) {
  if (!dataset) malformed(where, "nothing that can be read", expected);
  if (std::none_of(stored.begin(), stored.end(), [&](hid_t type) { return holds(dataset.get(), type); }))
    malformed(where, "values of another type", expected);
  std::vector<T> values(valueCount(storedSizes(dataset.get(), where), where));
  if (!values.empty() && H5Dread(dataset.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    malformed(where, "values that cannot be read (a damaged file?)", expected);
  return values;
}

static_assert(sizeof(hobj_ref_t) == sizeof(MatFile::Reference));

std::vector<MatFile::Reference> readReferences(const Handle& dataset, const std::string& where) {
  return read<MatFile::Reference>(dataset, H5T_STD_REF_OBJ, {H5T_STD_REF_OBJ}, where, "a cell array");
}

void requireHdf5(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    throw Error(ErrorCode::FileNotFound, path.string(), "no such file", "a .mat file");
  if (status.type() != fs::file_type::regular)
    throw Error(ErrorCode::FileUnreadable, path.string(), "not a file", "a .mat file");
  if (H5Fis_hdf5(path.c_str()) <= 0)
    malformed(path, "not HDF5", "a .mat file of version 7.3", "MATLAB writes one with save(…, '-v7.3')");
}

}  // namespace

struct MatFile::Impl {
  std::string path;
  Handle file{-1, H5Fclose};

  std::string where(Reference cell) const { return fmt::format("{}, object {:#x}", path, cell); }
  Handle open(const std::string& name) const {
    return Handle(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  }
  Handle open(Reference cell) const {
    const hid_t object = H5Rdereference2(file.get(), H5P_DEFAULT, H5R_OBJECT, &cell);
    if (object >= 0 && H5Iget_type(object) != H5I_DATASET) {
      H5Oclose(object);
      return Handle(-1, H5Dclose);
    }
    return Handle(object, H5Dclose);
  }
};

MatFile::MatFile(const fs::path& path) {
  const Library library;
  requireHdf5(path);
  impl_.reset(new Impl{path.string(), Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose)});
  if (!impl_->file) malformed(path, "an HDF5 file that cannot be opened (cut short?)", "a whole file");
}

MatFile::~MatFile() {
  const Library library;
  impl_.reset();
}

bool MatFile::has(const std::string& name) const {
  const Library library;
  // Every group on the way has to be there before the library may be asked about what lies in it.
  for (std::size_t slash = name.find('/', 1); slash != std::string::npos; slash = name.find('/', slash + 1))
    if (H5Lexists(impl_->file.get(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
  return H5Lexists(impl_->file.get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<MatFile::Reference> MatFile::cells(const std::string& name) const {
  const Library library;
  return readReferences(impl_->open(name), impl_->path + ", " + name);
}

std::vector<MatFile::Reference> MatFile::cells(Reference cell) const {
  const Library library;
  return readReferences(impl_->open(cell), impl_->where(cell));
}

bool MatFile::isCellArray(Reference cell) const {
  const Library library;
  const Handle dataset = impl_->open(cell);
  return dataset && holds(dataset.get(), H5T_STD_REF_OBJ);
}

MatArray MatFile::bytes(Reference cell) const {
  const Library library;
  const Handle dataset = impl_->open(cell);
  MatArray array;
  array.values = read<std::uint8_t>(dataset, H5T_NATIVE_UINT8, {H5T_STD_U8LE, H5T_STD_U8BE}, impl_->where(cell),
                                    "an array of uint8");
  const std::vector<hsize_t> sizes = storedSizes(dataset.get(), impl_->where(cell));
  array.sizes.assign(sizes.rbegin(), sizes.rend());
  return array;
}

std::string MatFile::text(Reference cell) const {
  const Library library;
  const std::vector<std::uint16_t> characters = read<std::uint16_t>(
      impl_->open(cell), H5T_NATIVE_UINT16, {H5T_STD_U16LE, H5T_STD_U16BE}, impl_->where(cell), "characters");
  std::string text;
  for (const std::uint16_t character : characters) {
    if (character < 0x20 || character > 0x7e) malformed(impl_->where(cell), "characters beyond ASCII", "a name");
    text += static_cast<char>(character);
  }
  return text;
}

}  // namespace relprop::eval
