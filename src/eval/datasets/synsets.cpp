#include "eval/datasets/synsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>

#include "eval/datasets/files.h"
#include "relprop/image.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIlsvrcClasses = 1000;

constexpr int kIlsvrc[] = {
#include "eval/datasets/imagenet_synsets.inc"
};
static_assert(std::size(kIlsvrc) == kIlsvrcClasses);

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
  const std::vector<std::uint8_t> bytes = readFile(list);
  std::istringstream stream(std::string(bytes.begin(), bytes.end()));
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

bool isSynset(const std::string& name) {
  return name.size() == 9 && name.front() == 'n' &&
         std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c); });
}

const std::map<std::string, int>& ilsvrcNumbers() {
  static const std::map<std::string, int> numbers = [] {
    std::map<std::string, int> all;
    for (int synset : kIlsvrc) all.emplace(fmt::format("n{:08}", synset), static_cast<int>(all.size()));
    return all;
  }();
  return numbers;
}

bool isOfIlsvrc(const std::string& synset) {
  return ilsvrcNumbers().contains(synset);
}

std::optional<std::map<std::string, int>> synsetNumbers(const std::vector<fs::path>& folders,
                                                        const std::set<std::string>& found) {
  if (const std::optional<fs::path> list = listIn(folders)) return readSynsets(*list);
  if (std::all_of(found.begin(), found.end(), isOfIlsvrc)) return ilsvrcNumbers();
  if (found.size() == kIlsvrcClasses) return ranks(found);
  return {};
}

}  // namespace relprop::eval
