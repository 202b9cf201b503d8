// What relprop bow's parts do once their options are read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "relprop/bow.h"

namespace relprop::cli {

struct BowTrainArguments {
  std::string data;
  std::filesystem::path out;
  BowOptions options;
  std::size_t leastPhotos = 5;  // of a class
  bool quiet = false;
};
int runBowTrain(const BowTrainArguments& arguments);

struct BowWordsArguments {
  std::filesystem::path bag, out;
  std::string data;  // empty: what the bag was trained on
  BowWordOptions options;
  bool quiet = false;
};
int runBowWords(const BowWordsArguments& arguments);

struct BowImportArguments {
  BowImport import;
  std::filesystem::path out;
  bool quiet = false;
};
int runBowImport(const BowImportArguments& arguments);

}  // namespace relprop::cli
