// What can be said of paths before they are read or written.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <system_error>

#include "inputs.h"
#include "relprop/error.h"

namespace relprop::cli {

// For options that are paths: nothing can be written to "", and a message about it would name nothing.
inline CLI::Validator namesSomething() {
  return {[](const std::string& path) { return path.empty() ? std::string("'' is no path") : std::string(); }, ""};
}

inline void requireModelName(const std::string& model) {
  if (model.empty()) throw Error(ErrorCode::FileNotFound, "''", "no such file", "a model");
}

// Called before the work that the file is for. Folders above it may be missing.
inline void requirePlaceOfFile(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored) || !file.has_filename())
    throw Error(ErrorCode::FileWriteFailed, file.string(), "a folder", "the path of a file", "give one with --out");
  checkWritable(file.has_parent_path() ? file.parent_path() : ".");
}

}  // namespace relprop::cli
