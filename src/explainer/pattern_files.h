// What pattern files and saved sums have in common: entries about the whole beside those of the nodes.
#pragma once

#include <map>
#include <string>

#include "image/npz_entries.h"
#include "relprop/error.h"

namespace relprop {

// Entries about the whole are named so; nodes of networks are not.
inline constexpr std::string_view kFactPrefix = "relprop.";

// Throws an error of that code where an archive has no entry for a node of that name, or would read it as another.
void requireEntryName(const std::string& node, ErrorCode code);

using PatternFacts = std::map<std::string, std::string>;  // without the prefix

void addFacts(std::map<std::string, NpyEntry>& entries, const PatternFacts& facts);
// Reads those that are `needed`, no others. Throws MalformedTensor when one is missing or longer than 64 KiB; `hint`
// says where such files come from.
PatternFacts readFacts(const std::filesystem::path& path, const std::vector<std::string>& needed,
                       const std::string& hint);
std::int64_t numberFact(const PatternFacts& facts, const std::string& key, const std::filesystem::path& path);
// Calls visit for all other entries. Throws MalformedTensor where they are together too large for the archive.
void visitNodeEntries(const std::filesystem::path& path, const NpzVisitor& visit);

}  // namespace relprop
