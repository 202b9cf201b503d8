#include "eval/datasets/synsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "explainer/synsets.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

std::optional<fs::path> listIn(const std::vector<fs::path>& folders) {
  std::vector<fs::path> candidates;
  for (const fs::path& folder : folders)
    for (const char* name : {"LOC_synset_mapping.txt", "synset_words.txt", "synsets.txt"})
      candidates.push_back(folder / name);
  return firstFile(candidates);
}

// A line begins with the synset; its words, if any, follow.
std::map<std::string, int> readSynsets(const fs::path& list) {
  std::map<std::string, int> numbers;
  std::istringstream stream(readText(list));
  for (std::string line; std::getline(stream, line);) {
    std::string synset;
    if (!(std::istringstream(line) >> synset)) continue;
    const bool fresh = isSynset(synset) && numbers.emplace(synset, static_cast<int>(numbers.size())).second;
    if (!fresh)
      malformed(list, fmt::format("'{}' after {} synsets", synset, numbers.size()), "every synset once, as n01440764");
  }
  return numbers;
}

std::map<std::string, int> ranks(const std::set<std::string>& synsets) {
  std::map<std::string, int> numbers;
  for (const std::string& synset : synsets) numbers.emplace(synset, static_cast<int>(numbers.size()));
  return numbers;
}

}  // namespace

std::optional<std::map<std::string, int>> synsetNumbers(const std::vector<fs::path>& folders,
                                                        const std::set<std::string>& found) {
  if (const std::optional<fs::path> list = listIn(folders)) return readSynsets(*list);
  const auto ofIlsvrc = [](const std::string& synset) { return ilsvrcNumbers().contains(synset); };
  if (std::all_of(found.begin(), found.end(), ofIlsvrc)) return ilsvrcNumbers();
  if (found.size() == ilsvrcNumbers().size()) return ranks(found);
  return {};
}

}  // namespace relprop::eval
