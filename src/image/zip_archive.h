// Entries of a zip archive, read one after the other, each held against the file's own size before anything is
// allocated, and written from where their data lies, so that an archive is never in memory as a second copy.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "image/containers.h"
#include "image/pixels.h"
#include "relprop/error.h"

namespace relprop {

// What errors say of an archive that is broken.
struct ZipKind {
  ErrorCode code = ErrorCode::MalformedTensor;
  const char* expected = "";  // "a whole .npz archive of .npy entries"
};

struct ZipEntry {
  std::string name, where;      // "a.npy"; "x.npz, entry 'a.npy'", for errors
  std::size_t size = 0;         // of what read returns
  std::function<Bytes()> read;  // valid during the visit
};
using ZipVisitor = std::function<void(const ZipEntry&)>;
// Entries may be stored or deflated; each has a name of its own. Throws FileNotFound, FileUnreadable, `kind.code`,
// OutOfMemory.
void visitZip(const std::filesystem::path& path, const ZipKind& kind, const ZipVisitor& visit);
void visitZip(ByteSpan bytes, const std::string& name, const ZipKind& kind, const ZipVisitor& visit);

struct ZipPart {
  std::string name;
  Bytes start;                         // comes first
  std::span<const std::uint8_t> data;  // the caller's
};
// Stored in this order and dated 1980, so that equal parts make equal files. Whole or not at all. Throws
// FileWriteFailed.
void writeZip(const std::filesystem::path& path, const std::vector<ZipPart>& parts);

}  // namespace relprop
