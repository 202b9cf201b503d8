// The entries of a .npz archive as whole .npy files, read one after the other and written from where their data lies,
// so that an archive is never in memory as a second copy.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>

#include "image/pixels.h"

namespace relprop {

struct NpyEntry {
  Bytes start;                         // magic and header; of texts everything
  std::span<const std::uint8_t> data;  // the caller's; little-endian
};
NpyEntry npyEntry(const Shape& shape, std::span<const float> values);
NpyEntry npyEntry(const Shape& shape, std::span<const double> values);
NpyEntry npyEntry(const std::string& text);  // its bytes as a row of u1

void writeNpzEntries(const std::filesystem::path& path, const std::map<std::string, NpyEntry>& entries);

struct NpzEntry {
  std::string name, where;      // where: archive and entry, for errors
  std::function<Bytes()> read;  // the .npy file; valid during the visit
  std::uint64_t size = 0;       // of that file, as the archive says
};
using NpzVisitor = std::function<void(const NpzEntry&)>;
void visitNpzEntries(const std::filesystem::path& path, const NpzVisitor& visit);

}  // namespace relprop
