// Small data sets on disk, for the tests of their layouts.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "relprop/dataset.h"
#include "relprop/error.h"

namespace relprop::dataset_test {

using Bytes = std::vector<std::uint8_t>;

// A folder that is removed with what is in it.
class Tree {
 public:
  Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  // Folders on the way are made.
  void write(const std::string& name, const std::string& text) const;
  void write(const std::string& name, const Bytes& bytes) const;
  // A picture whose first pixel has this red value, so that one can be told from another.
  void writePicture(const std::string& name, int red = 7, int width = 8, int height = 6) const;
  void remove(const std::string& name) const { std::filesystem::remove_all(path_ / name); }

 private:
  std::filesystem::path path_;
};

// Runs `call`, which has to throw relprop::Error with this code; returns the error for a closer look.
Error expectError(ErrorCode code, const std::function<void()>& call);

Dataset open(const std::string& kind, const std::filesystem::path& path);
int redOf(const Dataset& dataset, std::size_t i);
std::vector<std::string> ids(const Dataset& dataset);
std::vector<std::vector<int>> classes(const Dataset& dataset);
// Whether one of the notes has this text in it.
bool notes(const Dataset& dataset, const std::string& text);

struct Object {
  std::string name;
  std::vector<double> corners;  // xmin, ymin, xmax, ymax
};
std::string xml(const std::vector<Object>& objects);

// How many pixels are object, background and void.
std::vector<int> counts(const Mask& mask);

}  // namespace relprop::dataset_test
