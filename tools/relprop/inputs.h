// What to explain: the files and folders of the command line, each with the name its results get.
#pragma once

#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace relprop::cli {

struct Input {
  std::filesystem::path path;
  std::string name;            // first part of the names of its results; no two inputs share one
  bool tensor = false;         // .npy
  std::exception_ptr failure;  // set when there is nothing to read, e.g. an unreadable folder
};

// Folders give the images and tensors right inside them, sorted, hidden ones left out. `notes` says what else they
// have.
std::vector<Input> collectInputs(const std::vector<std::string>& paths, std::vector<std::string>& notes);
// Which results are renamed to keep two inputs of the same stem apart, for commands that write some.
void noteNames(const std::vector<Input>& inputs, std::vector<std::string>& notes);
std::vector<std::filesystem::path> pathsOf(const std::vector<Input>& inputs);

}  // namespace relprop::cli
