#include "image/zip_archive.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "core/limits.h"
#include "image/replace_file.h"
#include "relprop/budgets.h"

namespace relprop {

namespace {

namespace fs = std::filesystem;
using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;

// An archive that is read: what it is called, how large its file is, and how errors speak of it.
struct Reading {
  zip_t* archive;
  std::string name;
  std::uintmax_t bytes;
  ZipKind kind;
  [[noreturn]] void fail(const std::string& where, const std::string& got) const {
    throw Error(kind.code, where, got, kind.expected);
  }
};

std::string textOf(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

[[noreturn]] void failArchive(const std::string& name, zip_error_t* error, const ZipKind& kind) {
  const bool headless = zip_error_code_zip(error) == ZIP_ER_NOZIP;
  const std::string text = textOf(error);
  throw Error(kind.code, name, headless ? "no directory of a zip archive at its end (cut short?)" : text,
              kind.expected);
}

[[noreturn]] void failOpen(const fs::path& path, int code, const ZipKind& kind) {
  const int system = errno;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  if (zip_error_system_type(&error) == ZIP_ET_SYS || code == ZIP_ER_NOENT)
    failRead(path, code == ZIP_ER_NOENT ? ENOENT : system);
  failArchive(path.string(), &error, kind);
}

Archive openToRead(const fs::path& path, const ZipKind& kind) {
  if (std::error_code ignored; fs::is_directory(path, ignored)) failRead(path, EISDIR);
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code), zip_discard);
  if (!archive) failOpen(path, code, kind);
  return archive;
}

Archive openToRead(ByteSpan bytes, const std::string& name, const ZipKind& kind) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (!source) failArchive(name, &error, kind);
  Archive archive(zip_open_from_source(source, ZIP_RDONLY, &error), zip_discard);
  if (!archive) {
    zip_source_free(source);
    failArchive(name, &error, kind);
  }
  return archive;
}

struct EntryInfo {
  zip_uint64_t index = 0;
  std::string name, where;
  std::size_t size = 0, packed = 0;
};

// Sizes are what the archive says; they are held against the file's before anything is allocated. Deflate shrinks by a
// factor of 1032 at most.
EntryInfo entryInfo(const Reading& reading, zip_uint64_t index) {
  constexpr zip_uint64_t mostPerByte = 1032, slack = 64;
  zip_stat_t stat;
  zip_stat_init(&stat);
  const char* name = zip_get_name(reading.archive, index, ZIP_FL_ENC_RAW);
  EntryInfo info{index, name ? name : "", fmt::format("{}, entry {}", reading.name, index)};
  if (!name || zip_stat_index(reading.archive, index, 0, &stat) != 0)
    reading.fail(info.where, zip_strerror(reading.archive));
  info.where = fmt::format("{}, entry '{}'", reading.name, info.name);
  info.size = stat.size, info.packed = stat.comp_size;
  const bool possible = stat.comp_method == ZIP_CM_STORE
                            ? stat.size == stat.comp_size
                            : (stat.size - std::min(stat.size, slack)) / mostPerByte <= stat.comp_size;
  if (!possible) reading.fail(info.where, fmt::format("{} bytes that are said to hold {}", info.packed, info.size));
  const std::int64_t most = limits::withBytes(budgets().archiveBytes, limits::kArchiveBytesPerByte, reading.bytes);
  if (info.size > static_cast<std::uint64_t>(most))
    throw Error(reading.kind.code, info.where, fmt::format("{} bytes, unpacked", info.size),
                fmt::format("at most {} in an archive of this size", most),
                "if the file is to be trusted, allow more (--budget archive=SIZE)");
  return info;
}

Bytes readEntry(const Reading& reading, const EntryInfo& info) {
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(reading.archive, info.index, 0),
                                                               zip_fclose);
  if (!file) reading.fail(info.where, zip_strerror(reading.archive));
  Bytes bytes = allocateBytes(info.size, info.where);
  std::size_t used = 0;
  std::uint8_t beyond = 0;
  while (true) {  // one read beyond the end: only there is the checksum compared
    const bool full = used == bytes.size();
    const zip_int64_t count =
        zip_fread(file.get(), full ? &beyond : bytes.data() + used, full ? 1 : bytes.size() - used);
    if (count < 0) reading.fail(info.where, fmt::format("{} at byte {}", zip_file_strerror(file.get()), used));
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > bytes.size()) break;
  }
  if (used != bytes.size())
    reading.fail(info.where, fmt::format("{} bytes where {} are announced", used, bytes.size()));
  return bytes;
}

// All entries, each once and together no larger than the file that holds them.
std::vector<EntryInfo> listEntries(const Reading& reading) {
  std::vector<EntryInfo> entries;
  std::set<std::string> names;
  std::uintmax_t packed = 0;
  for (zip_int64_t i = 0; i < zip_get_num_entries(reading.archive, 0); ++i) {
    entries.push_back(entryInfo(reading, static_cast<zip_uint64_t>(i)));
    const EntryInfo& entry = entries.back();
    if (!names.insert(entry.name).second) reading.fail(entry.where, "the second entry of this name");
    if (entry.packed > reading.bytes - packed)
      reading.fail(entry.where, fmt::format("{} bytes, more than the file has", entry.packed));
    packed += entry.packed;
  }
  return entries;
}

void visitAll(const Reading& reading, const ZipVisitor& visit) {
  for (const EntryInfo& entry : listEntries(reading))
    visit({entry.name, entry.where, entry.size, [&] { return readEntry(reading, entry); }});
}

// ---- writing
// What numpy reads as an archive of nothing; libzip removes the file instead.
const std::string kEmptyArchive = std::string("PK\5\6", 4) + std::string(18, '\0');

[[noreturn]] void failZip(const fs::path& path, zip_t* archive) {
  zip_error_t* error = zip_get_error(archive);
  if (zip_error_system_type(error) == ZIP_ET_SYS) failWrite(path, zip_error_code_system(error));
  throw Error(ErrorCode::FileWriteFailed, path.string(), zip_error_strerror(error));
}

void addPart(zip_t* archive, const fs::path& path, const ZipPart& part) {
  constexpr zip_uint16_t firstOf1980 = 1 << 5 | 1;
  std::vector<zip_buffer_fragment_t> pieces;
  for (const std::span<const std::uint8_t> piece : {std::span(part.start), part.data})  // libzip reads empty ones too
    if (!piece.empty()) pieces.push_back({const_cast<std::uint8_t*>(piece.data()), piece.size()});
  zip_source_t* source = zip_source_buffer_fragment(archive, pieces.data(), pieces.size(), 0);
  if (!source) failZip(path, archive);
  const zip_int64_t index = zip_file_add(archive, part.name.c_str(), source, ZIP_FL_ENC_GUESS);
  if (index < 0) {
    zip_source_free(source);
    failZip(path, archive);
  }
  const auto at = static_cast<zip_uint64_t>(index);
  zip_set_file_compression(archive, at, ZIP_CM_STORE, 0);
  zip_file_set_dostime(archive, at, 0, firstOf1980, 0);
}

void writeArchive(const fs::path& path, const fs::path& temporary, const std::vector<ZipPart>& parts) {
  int code = 0;
  Archive archive(zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code), zip_discard);
  if (!archive) failWrite(path, errno);
  for (const ZipPart& part : parts) addPart(archive.get(), path, part);
  if (zip_close(archive.get()) != 0) failZip(path, archive.get());
  archive.release();  // closed
}

}  // namespace

void visitZip(const fs::path& path, const ZipKind& kind, const ZipVisitor& visit) {
  const Archive archive = openToRead(path, kind);
  std::error_code ignored;
  visitAll({archive.get(), path.string(), fs::file_size(path, ignored), kind}, visit);
}

void visitZip(ByteSpan bytes, const std::string& name, const ZipKind& kind, const ZipVisitor& visit) {
  const Archive archive = openToRead(bytes, name, kind);
  visitAll({archive.get(), name, bytes.size(), kind}, visit);
}

void writeZip(const fs::path& path, const std::vector<ZipPart>& parts) {
  if (parts.empty()) return writeFile(path, kEmptyArchive);
  replaceFile(path, [&](const fs::path& temporary) { writeArchive(path, temporary, parts); });
}

}  // namespace relprop
