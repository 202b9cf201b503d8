// Small data sets on disk, for the tests of their layouts.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "relprop/dataset.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::dataset_test {

using Bytes = std::vector<std::uint8_t>;

using test::expectError;

// A folder with a data set in it.
class Tree : public test::TemporaryFolder {
 public:
  // A picture whose first pixel has this red value, so that one can be told from another.
  void writePicture(const std::string& name, int red = 7, int width = 8, int height = 6) const;
  void remove(const std::string& name) const { std::filesystem::remove_all(*this / name); }
};

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
// With the size that the picture had when it was annotated.
std::string sizedXml(int width, int height, const std::vector<Object>& objects);

// How many pixels are object, background and void.
std::vector<int> counts(const Mask& mask);

}  // namespace relprop::dataset_test
