// Paths that hold whatever becomes of the working folder.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "relprop/error.h"

namespace relprop::eval {

// Throws an error of this code where the working folder was removed: what is relative to it lies nowhere, and making
// folders would not help.
inline std::filesystem::path absolutePath(const std::filesystem::path& path, ErrorCode code) {
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  if (failed) throw Error(code, path.string(), "the working folder: " + failed.message(), "", "give an absolute path");
  return absolute;
}

}  // namespace relprop::eval
