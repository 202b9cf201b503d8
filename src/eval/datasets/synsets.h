// ImageNet's class numbers in a data set: the place of a synset in its list, or ILSVRC's own.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relprop::eval {

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
