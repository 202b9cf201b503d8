#include "relprop/npz.h"

#include <bit>

#include "image/npy_values.h"
#include "image/npz_entries.h"
#include "image/zip_archive.h"
#include "relprop/error.h"

namespace relprop {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".npy";
constexpr ZipKind kKind{ErrorCode::MalformedTensor, "a whole .npz archive of .npy entries"};

template <class T>
NpyEntry entryOf(const char* type, const Shape& shape, std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little, "data is written as it lies in memory");
  return {npyStart(type, shape, values.size()),
          {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()}};
}

}  // namespace

NpyEntry npyEntry(const Shape& shape, std::span<const float> values) {
  return entryOf("<f4", shape, values);
}
NpyEntry npyEntry(const Shape& shape, std::span<const double> values) {
  return entryOf("<f8", shape, values);
}
NpyEntry npyEntry(const std::string& text) {
  NpyEntry entry{npyStart("|u1", {static_cast<std::int64_t>(text.size())}, text.size()), {}};
  entry.start.insert(entry.start.end(), text.begin(), text.end());
  return entry;
}

void writeNpzEntries(const fs::path& path, const std::map<std::string, NpyEntry>& entries) {
  std::vector<ZipPart> parts;
  for (const auto& [name, entry] : entries) parts.push_back({name + std::string(kExtension), entry.start, entry.data});
  writeZip(path, parts);
}

void visitNpzEntries(const fs::path& path, const NpzVisitor& visit) {
  visitZip(path, kKind, [&](const ZipEntry& entry) {
    if (!entry.name.ends_with(kExtension))
      throw Error(kKind.code, entry.where, "no .npy file by its name", kKind.expected);
    visit({entry.name.substr(0, entry.name.size() - kExtension.size()), entry.where, entry.read, entry.size});
  });
}

std::map<std::string, Tensor> readNpz(const fs::path& path) {
  std::map<std::string, Tensor> tensors;
  visitNpzEntries(path, [&](const NpzEntry& entry) { tensors[entry.name] = decodeNpy(entry.read(), entry.where); });
  return tensors;
}

void writeNpz(const fs::path& path, const std::map<std::string, Tensor>& tensors) {
  std::map<std::string, NpyEntry> entries;
  for (const auto& [name, tensor] : tensors) entries.emplace(name, npyEntry(tensor.shape, std::span(tensor.data)));
  writeNpzEntries(path, entries);
}

}  // namespace relprop
