// Writes the corpus: small inputs for each harness, of what the tests build anyway. The same program writes the same
// files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace relprop::fuzz {

using File = std::vector<std::uint8_t>;
using Files = std::map<std::string, File>;

// By harness, then by name.
using Corpus = std::map<std::string, Files>;

inline File fileOf(const std::string& text) {
  return {text.begin(), text.end()};
}
// As partsOf reads them, in this order.
File bundle(const std::vector<std::pair<std::string, File>>& parts);
// The entries of an archive as a bundle.
File unzipped(const std::filesystem::path& archive);

void addModels(Corpus& corpus);    // onnx, model, questions, external
void addPictures(Corpus& corpus);  // picture, npy, dataset, mat
void addArchives(Corpus& corpus);  // npz, patterns, bow, store
void addTexts(Corpus& corpus);     // strings, preprocess, side_files, labels, libsvm, c_interface

// Words for mutations, by harness.
std::map<std::string, std::vector<std::string>> dictionaries();

}  // namespace relprop::fuzz
