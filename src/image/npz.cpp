#include "relprop/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>
#include <set>

#include "image/npy_values.h"
#include "image/npz_entries.h"
#include "image/replace_file.h"
#include "relprop/error.h"

namespace relprop {

namespace {

namespace fs = std::filesystem;
using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;

constexpr std::string_view kExtension = ".npy";
constexpr const char* kExpected = "a whole .npz archive of .npy entries";

[[noreturn]] void failMalformed(const std::string& where, const std::string& got) {
  throw Error(ErrorCode::MalformedTensor, where, got, kExpected);
}

std::string textOf(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

// ---- reading
[[noreturn]] void failOpen(const fs::path& path, int code) {
  const int system = errno;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  if (zip_error_system_type(&error) == ZIP_ET_SYS || code == ZIP_ER_NOENT)
    failRead(path, code == ZIP_ER_NOENT ? ENOENT : system);
  if (code == ZIP_ER_NOZIP) failMalformed(path.string(), "no directory of a zip archive at its end (cut short?)");
  failMalformed(path.string(), textOf(&error));
}

Archive openToRead(const fs::path& path) {
  if (std::error_code ignored; fs::is_directory(path, ignored)) failRead(path, EISDIR);
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code), zip_discard);
  if (!archive) failOpen(path, code);
  return archive;
}

struct EntryInfo {
  zip_uint64_t index = 0;
  std::string file, name, where;  // "a.npy", "a", "x.npz, entry 'a.npy'"
  std::size_t size = 0, packed = 0;
};

// Sizes are what the archive says; they are held against the file's before anything is allocated. Deflate shrinks by a
// factor of 1032 at most.
EntryInfo entryInfo(zip_t* archive, const fs::path& path, zip_uint64_t index) {
  constexpr zip_uint64_t mostPerByte = 1032, slack = 64;
  zip_stat_t stat;
  zip_stat_init(&stat);
  const char* file = zip_get_name(archive, index, ZIP_FL_ENC_RAW);
  EntryInfo info{index, file ? file : "", "", fmt::format("{}, entry {}", path.string(), index)};
  if (!file || zip_stat_index(archive, index, 0, &stat) != 0) failMalformed(info.where, zip_strerror(archive));
  info.where = fmt::format("{}, entry '{}'", path.string(), info.file);
  if (!info.file.ends_with(kExtension)) failMalformed(info.where, "no .npy file by its name");
  info.name = info.file.substr(0, info.file.size() - kExtension.size());
  info.size = stat.size, info.packed = stat.comp_size;
  const bool possible = stat.comp_method == ZIP_CM_STORE
                            ? stat.size == stat.comp_size
                            : (stat.size - std::min(stat.size, slack)) / mostPerByte <= stat.comp_size;
  if (!possible) failMalformed(info.where, fmt::format("{} bytes that are said to hold {}", info.packed, info.size));
  return info;
}

Bytes readEntry(zip_t* archive, const EntryInfo& info) {
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive, info.index, 0), zip_fclose);
  if (!file) failMalformed(info.where, zip_strerror(archive));
  Bytes bytes = allocateBytes(info.size, info.where);
  std::size_t used = 0;
  std::uint8_t beyond = 0;
  while (true) {  // one read beyond the end: only there is the checksum compared
    const bool full = used == bytes.size();
    const zip_int64_t count =
        zip_fread(file.get(), full ? &beyond : bytes.data() + used, full ? 1 : bytes.size() - used);
    if (count < 0) failMalformed(info.where, fmt::format("{} at byte {}", zip_file_strerror(file.get()), used));
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  if (used != bytes.size())
    failMalformed(info.where, fmt::format("{} bytes where {} are announced", used, bytes.size()));
  return bytes;
}

// All entries, each once and together no larger than the file that holds them.
std::vector<EntryInfo> listEntries(zip_t* archive, const fs::path& path) {
  std::error_code ignored;
  const std::uintmax_t whole = fs::file_size(path, ignored);
  std::vector<EntryInfo> entries;
  std::set<std::string> names;
  std::uintmax_t packed = 0;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    entries.push_back(entryInfo(archive, path, static_cast<zip_uint64_t>(i)));
    const EntryInfo& entry = entries.back();
    if (!names.insert(entry.name).second) failMalformed(entry.where, "the second entry of this name");
    if (entry.packed > whole - packed)
      failMalformed(entry.where, fmt::format("{} bytes, more than the file has", entry.packed));
    packed += entry.packed;
  }
  return entries;
}

// ---- writing
// What numpy reads as an archive of nothing; libzip removes the file instead.
const std::string kEmptyArchive = std::string("PK\5\6", 4) + std::string(18, '\0');

[[noreturn]] void failZip(const fs::path& path, zip_t* archive) {
  zip_error_t* error = zip_get_error(archive);
  if (zip_error_system_type(error) == ZIP_ET_SYS) failWrite(path, zip_error_code_system(error));
  throw Error(ErrorCode::FileWriteFailed, path.string(), zip_error_strerror(error));
}

void addEntry(zip_t* archive, const fs::path& path, const std::string& name, const NpyEntry& entry) {
  constexpr zip_uint16_t firstOf1980 = 1 << 5 | 1;
  auto* start = const_cast<std::uint8_t*>(entry.start.data());
  auto* data = const_cast<std::uint8_t*>(entry.data.data());
  const zip_buffer_fragment_t pieces[] = {{start, entry.start.size()}, {data, entry.data.size()}};
  zip_source_t* source = zip_source_buffer_fragment(archive, pieces, entry.data.empty() ? 1 : 2, 0);
  if (!source) failZip(path, archive);
  const zip_int64_t index = zip_file_add(archive, (name + std::string(kExtension)).c_str(), source, ZIP_FL_ENC_GUESS);
  if (index < 0) {
    zip_source_free(source);
    failZip(path, archive);
  }
  const auto at = static_cast<zip_uint64_t>(index);
  zip_set_file_compression(archive, at, ZIP_CM_STORE, 0);
  zip_file_set_dostime(archive, at, 0, firstOf1980, 0);
}

void writeArchive(const fs::path& path, const fs::path& temporary, const std::map<std::string, NpyEntry>& entries) {
  int code = 0;
  Archive archive(zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code), zip_discard);
  if (!archive) failWrite(path, errno);
  for (const auto& [name, entry] : entries) addEntry(archive.get(), path, name, entry);
  if (zip_close(archive.get()) != 0) failZip(path, archive.get());
  archive.release();  // closed
}

template <class T>
NpyEntry entryOf(const char* type, const Shape& shape, std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little, "data is written as it lies in memory");
  return {npyStart(type, shape), {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()}};
}

}  // namespace

NpyEntry npyEntry(const Shape& shape, std::span<const float> values) {
  return entryOf("<f4", shape, values);
}
NpyEntry npyEntry(const Shape& shape, std::span<const double> values) {
  return entryOf("<f8", shape, values);
}
NpyEntry npyEntry(const std::string& text) {
  NpyEntry entry{npyStart("|u1", {static_cast<std::int64_t>(text.size())}), {}};
  entry.start.insert(entry.start.end(), text.begin(), text.end());
  return entry;
}

void writeNpzEntries(const fs::path& path, const std::map<std::string, NpyEntry>& entries) {
  if (entries.empty()) return writeFile(path, kEmptyArchive);
  replaceFile(path, [&](const fs::path& temporary) { writeArchive(path, temporary, entries); });
}

void visitNpzEntries(const fs::path& path, const NpzVisitor& visit) {
  const Archive archive = openToRead(path);
  for (const EntryInfo& entry : listEntries(archive.get(), path))
    visit({entry.name, entry.where, [&] { return readEntry(archive.get(), entry); }});
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
