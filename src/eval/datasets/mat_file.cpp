#include "eval/datasets/mat_file.h"

#include <fmt/format.h>

#include "eval/datasets/files.h"
#include "image/pixels.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

using Kind = Hdf5Array::Kind;

constexpr std::uint64_t kMostPictureBytes = static_cast<std::uint64_t>(kMaxPixels) * 3;
constexpr std::size_t kMostDimensions = 4;

}  // namespace

MatFile::MatFile(const std::filesystem::path& path) : path_(path.string()), file_(path) {}

std::string MatFile::where(Reference cell) const {
  return fmt::format("{}, object {:#x}", path_, cell);
}

bool MatFile::has(const std::string& name) const {
  return file_.find(name).has_value();
}

std::vector<std::uint8_t> MatFile::read(const std::optional<Hdf5Array>& array, const Wanted& wanted,
                                        const std::string& where) const {
  if (!array) malformed(where, "nothing that can be read", wanted.name);
  if (array->kind != wanted.kind || array->valueBytes != wanted.valueBytes)
    malformed(where, "values of another type", wanted.name);
  if (array->sizes.empty() || array->sizes.size() > kMostDimensions)
    malformed(where, fmt::format("{} dimensions", array->sizes.size()),
              fmt::format("an array of 1 to {} dimensions", kMostDimensions));
  return file_.read(*array, wanted.mostBytes);
}

std::optional<Hdf5Array> MatFile::arrayAt(Reference cell) const {
  try {
    return file_.arrayAt(cell);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::MalformedDataset) throw;
    return {};  // a reference to nowhere
  }
}

std::vector<MatFile::Reference> MatFile::references(const std::optional<Hdf5Array>& array,
                                                    const std::string& where) const {
  const std::uint64_t most = file_.size() / limits::kMatBytesOfAnObject * sizeof(Reference);
  const auto bytes = read(array, {Kind::Reference, sizeof(Reference), most, "a cell array"}, where);
  std::vector<Reference> cells(bytes.size() / sizeof(Reference));
  for (std::size_t i = 0; i < bytes.size(); ++i) cells[i / 8] |= Reference{bytes[i]} << i % 8 * 8;
  return cells;
}

std::vector<MatFile::Reference> MatFile::cells(const std::string& name) const {
  const auto object = file_.find(name);
  return references(object ? file_.arrayAt(*object) : std::nullopt, path_ + ", " + name);
}

std::vector<MatFile::Reference> MatFile::cells(Reference cell) const {
  return references(arrayAt(cell), where(cell));
}

bool MatFile::isCellArray(Reference cell) const {
  const auto array = arrayAt(cell);
  return array && array->kind == Kind::Reference;
}

MatArray MatFile::bytes(Reference cell) const {
  const auto array = arrayAt(cell);
  MatArray result;
  result.values = read(array, {Kind::Unsigned, 1, kMostPictureBytes, "an array of uint8"}, where(cell));
  result.sizes.assign(array->sizes.rbegin(), array->sizes.rend());
  return result;
}

std::string MatFile::text(Reference cell) const {
  const auto bytes = read(arrayAt(cell), {Kind::Unsigned, 2, limits::kMatNameBytes, "characters"}, where(cell));
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    if (bytes[i + 1] != 0 || bytes[i] < 0x20 || bytes[i] > 0x7e)
      malformed(where(cell), "characters beyond ASCII", "a name");
    text += static_cast<char>(bytes[i]);
  }
  return text;
}

}  // namespace relprop::eval
