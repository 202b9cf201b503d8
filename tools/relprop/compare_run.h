// relprop compare, after its options were read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "network_options.h"

namespace relprop::cli {

struct CompareArguments {
  NetworkOptions network;  // with the first model
  std::string other;       // the second
  std::vector<std::string> paths;
  std::string labels;
  std::filesystem::path folder = "out";
  int zoom = 0;  // 0: whatever makes small maps legible
  bool json = false, quiet = false;
};

int runCompare(const CompareArguments& arguments);

}  // namespace relprop::cli
