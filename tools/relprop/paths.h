// What can be said of paths before they are read or written.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relprop/error.h"

namespace relprop::cli {

inline void requireModelName(const std::string& model) {
  if (model.empty()) throw Error(ErrorCode::FileNotFound, "''", "no such file", "a model");
}

// Ordinary files that a command reads, whatever they are called: a link to one is that one.
class InputFiles {
 public:
  // Those of the paths that are there.
  explicit InputFiles(const std::vector<std::filesystem::path>& paths);
  bool holds(const std::filesystem::path& file) const;

 private:
  std::set<std::pair<dev_t, ino_t>> files_;
};

// Throws FileWriteFailed when a file to write is one of those that are read. `option` names it.
void requireNoInput(const std::filesystem::path& out, const InputFiles& inputs, const std::string& option = "--out");

// Throws FileWriteFailed when results could not be written to `folder`; makes nothing.
void checkWritable(const std::filesystem::path& folder, const std::string& option = "--out");

// The path, or the folder nearest above it that is there. A link that leads nowhere is there, and no folder can be made
// in its place.
std::filesystem::path existingAbove(std::filesystem::path path);

// In bytes, of what a folder holds that is there or is still to be made.
std::size_t longestName(const std::filesystem::path& folder);

// Called before the work that the file is for; throws FileWriteFailed. It is written whole: no device or pipe. Folders
// above it may be missing, but not above what a link leads to.
void requirePlaceOfFile(const std::filesystem::path& file, const std::string& option = "--out");
// The same of what writeFile writes: devices and pipes take what they are sent, and nobody makes a folder.
void requirePlaceOfText(const std::filesystem::path& file, const std::string& option = "--out");

// Bytes of a file, to tell it from another of its name; 0 where it cannot be seen, or is none of its own, as a picture
// of a set in one file.
std::uintmax_t sizeIfAny(const std::filesystem::path& file);

// With those above it; throws FileWriteFailed. One that is there is left as it is.
void makeFolder(const std::filesystem::path& folder);
std::filesystem::path folderOf(const std::filesystem::path& file);

}  // namespace relprop::cli
