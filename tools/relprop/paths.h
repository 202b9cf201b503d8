// What can be said of paths before they are read or written.
#pragma once

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "relprop/error.h"

namespace relprop::cli {

// For options that are paths: nothing can be written to "", and a message about it would name nothing.
inline CLI::Validator namesSomething() {
  return {[](const std::string& path) { return path.empty() ? std::string("'' is no path") : std::string(); }, ""};
}

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

// Called before the work that the file is for. Folders above it may be missing.
void requirePlaceOfFile(const std::filesystem::path& file, const std::string& option = "--out");

// With those above it; throws FileWriteFailed. One that is there is left as it is.
void makeFolder(const std::filesystem::path& folder);
std::filesystem::path folderOf(const std::filesystem::path& file);

}  // namespace relprop::cli
