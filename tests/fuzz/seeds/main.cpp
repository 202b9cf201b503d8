// fuzz_seeds FOLDER: writes FOLDER/corpus/HARNESS/NAME and FOLDER/dictionaries/HARNESS.dict.
#include <fstream>
#include <iostream>

#include "fuzz/harness.h"
#include "fuzz/seeds/seeds.h"
#include "image/zip_archive.h"

namespace relprop::fuzz {

File bundle(const std::vector<std::pair<std::string, File>>& parts) {
  File all;
  for (const auto& [name, bytes] : parts) appendPart(all, name, bytes);
  return all;
}

File unzipped(const std::filesystem::path& archive) {
  std::vector<std::pair<std::string, File>> parts;
  visitZip(archive, {ErrorCode::MalformedTensor, "an archive"},
           [&](const ZipEntry& entry) { parts.emplace_back(entry.name, entry.read()); });
  return bundle(parts);
}

namespace {

namespace fs = std::filesystem;

// As libFuzzer reads them.
std::string quoted(const std::string& word) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
      text += c;
    else
      text += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
  }
  return text + "\"\n";
}

void write(const fs::path& path, const File& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void writeAll(const fs::path& folder) {
  Corpus corpus;
  for (const auto add : {addModels, addPictures, addArchives, addTexts}) add(corpus);
  for (const auto& [harness, files] : corpus)
    for (const auto& [name, bytes] : files) write(folder / "corpus" / harness / name, bytes);
  for (const auto& [harness, words] : dictionaries()) {
    std::string text = "# Written by tools/fuzz/seeds.\n";
    for (const std::string& word : words) text += quoted(word);
    write(folder / "dictionaries" / (harness + ".dict"), fileOf(text));
  }
}

}  // namespace
}  // namespace relprop::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "fuzz_seeds FOLDER\n";
    return 2;
  }
  relprop::fuzz::writeAll(argv[1]);
}
