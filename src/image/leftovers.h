// Files and folders under temporary names that a killed process left beside what it was writing.
#pragma once

#include <filesystem>
#include <string>

namespace relprop {

// ".NAME.part.ID.NUMBER", unique among the threads of this process by the number, among processes by the id.
std::string temporaryName(const std::string& name);
// Marks an open file or folder under such a name as one that is being written, for as long as it is open. False when
// somebody took it for a leftover before.
bool claimTemporary(int descriptor);
// Removes those of ended processes from a folder; once in the life of this process.
void sweepLeftovers(const std::filesystem::path& folder);
// The same of folders under such names, with all that is in them, where they hold a file `marker` or nothing at all: a
// name alone would be too little reason.
void sweepLeftoverFolders(const std::filesystem::path& folder, const std::string& marker);

// The marker last, so that what a kill leaves is marked or empty.
void removeMarkedFolder(const std::filesystem::path& path, const std::string& marker);

}  // namespace relprop
