// ImageNet's class numbers: the rank of a synset among the thousand of ILSVRC, sorted by name.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relprop::eval {

// "n01440764"
bool isSynset(const std::string& name);

// The thousand of ILSVRC 2012, with their class numbers.
const std::map<std::string, int>& ilsvrcNumbers();
// Is it one of them?
bool isOfIlsvrc(const std::string& synset);
// From the first list among LOC_synset_mapping.txt, synset_words.txt and synsets.txt in one of the folders; without one
// ILSVRC's own numbers, when all that were found are of its thousand, or else their ranks, when they are a thousand.
// Throws MalformedDataset for a broken list.
std::optional<std::map<std::string, int>> synsetNumbers(const std::vector<std::filesystem::path>& folders,
                                                        const std::set<std::string>& found);

// What to tell users who lack the list.
inline constexpr const char* kNoSynsetList =
    "The classes are given as synsets that are not all of ILSVRC's thousand, and their numbers are not known without "
    "LOC_synset_mapping.txt, synset_words.txt or synsets.txt, so the pictures have no classes.";

}  // namespace relprop::eval
