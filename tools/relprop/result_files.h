// The files that a run writes into one folder: none over what it reads, and none over another of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "paths.h"

namespace relprop::cli {

class ResultFiles {
 public:
  ResultFiles(std::filesystem::path folder, const InputFiles& inputs);

  // Throws FileWriteFailed when the file of that name is one that the run reads, or none that the folder can hold.
  void requirePlace(const std::string& name) const;
  // Writes NAME.extension, or where the run has written that already, NAME-2.extension, …; the first one makes the
  // folder where it is missing. The result is the path. Throws FileWriteFailed.
  std::string write(const std::string& name, const std::string& extension, const std::vector<std::uint8_t>& bytes);

 private:
  void requireFolder();

  std::filesystem::path folder_;
  bool made_ = false;              // or there before
  std::size_t longest_;            // name that the folder takes
  std::set<std::string> inputs_;   // names in the folder that lead to what is read
  std::set<std::string> written_;  // names that are taken
};

}  // namespace relprop::cli
