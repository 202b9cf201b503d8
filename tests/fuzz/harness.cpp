#include "fuzz/harness.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "image/zip_archive.h"
#include "relprop/error.h"
#include "support/temporary_folder.h"

namespace relprop::fuzz {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kParts = 32, kNameLength = 80;
constexpr std::string_view kMark = "@@@ ";

std::map<std::string, const Harness*>& registry() {
  static std::map<std::string, const Harness*> all;
  return all;
}

bool isNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Letters, digits, _ and -; single dots and slashes between them.
std::string harmless(std::string_view name) {
  std::string kept;
  for (const char c : name.substr(0, kNameLength)) {
    const bool between = (c == '.' || c == '/') && !kept.empty() && isNameCharacter(kept.back());
    if (between || isNameCharacter(c)) kept += c;
  }
  while (!kept.empty() && !isNameCharacter(kept.back())) kept.pop_back();
  return kept;
}

std::size_t nextMark(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find(kMark, from); at != text.npos; at = text.find(kMark, at + 1))
    if (at == 0 || text[at - 1] == '\n') return at;
  return text.size();
}

void removeAllIn(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
}

}  // namespace

Harness::Harness(const char* called, void (*what)(Bytes), StructuredDamage how) : name(called), run(what), damage(how) {
  registry()[called] = this;
}

const Harness& harnessCalled(const std::string& name) {
  return *registry().at(name);
}

void expectResultOrError(const std::function<void()>& reading) {
  try {
    reading();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Internal && !error.where().empty()) return;
    std::fprintf(stderr, "%s without a place or of a defect: %s\n", errorCodeName(error.code()), error.what());
    std::abort();
  }
}

std::string textOf(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

std::vector<Part> partsOf(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<Part> parts;
  for (std::size_t at = nextMark(text, 0); at < text.size() && parts.size() < kParts;) {
    const std::size_t end = nextMark(text, at + 1), line = std::min(text.find('\n', at), end);
    const std::size_t start = std::min(line + 1, end), stop = end > start && text[end - 1] == '\n' ? end - 1 : end;
    const std::string name = harmless(text.substr(at + kMark.size(), line - at - kMark.size()));
    if (!name.empty()) parts.push_back({name, bytes.subspan(start, stop - start)});
    at = end;
  }
  return parts;
}

void appendPart(std::vector<std::uint8_t>& bytes, const std::string& name, Bytes content) {
  const std::string line = std::string(kMark) + name + "\n";
  bytes.insert(bytes.end(), line.begin(), line.end());
  bytes.insert(bytes.end(), content.begin(), content.end());
  bytes.push_back('\n');
}

std::vector<std::uint8_t> withPart(Bytes bytes, Bytes part, Bytes other) {
  const auto start = static_cast<std::size_t>(part.data() - bytes.data());
  std::vector<std::uint8_t> result = copyOf(bytes.first(start));
  result.insert(result.end(), other.begin(), other.end());
  const Bytes rest = bytes.subspan(start + part.size());
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

fs::path emptyFolder() {
  static const test::TemporaryFolder folder;
  removeAllIn(folder.path());
  return folder.path();
}

fs::path written(const fs::path& folder, const std::string& name, Bytes bytes) {
  std::error_code ignored;  // a name may be that of a folder, or below a file
  fs::create_directories((folder / name).parent_path(), ignored);
  std::ofstream(folder / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return folder / name;
}

void writeParts(const fs::path& folder, const std::vector<Part>& parts) {
  for (const Part& part : parts) written(folder, part.name, part.bytes);
}

fs::path writtenArchive(const fs::path& folder, const std::string& name, Bytes bytes) {
  if (bytes.size() > 1 && bytes[0] == 'P' && bytes[1] == 'K') return written(folder, name, bytes);
  std::vector<ZipPart> entries;
  std::map<std::string, bool> seen;
  for (const Part& part : partsOf(bytes))
    if (!std::exchange(seen[part.name], true)) entries.push_back({part.name, {}, part.bytes});
  writeZip(folder / name, entries);
  return folder / name;
}

}  // namespace relprop::fuzz
