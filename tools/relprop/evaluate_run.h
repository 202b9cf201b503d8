// One run of `relprop evaluate`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "network_options.h"

namespace relprop::cli {

struct Shard {
  std::size_t index = 0, count = 1;
};

struct EvaluateArguments {
  NetworkOptions network;
  std::string data, labels, target = "true", command;
  std::vector<std::string> metrics;
  std::filesystem::path store;
  Precision metricPrecision = Precision::Float32;
  std::uint64_t seed = 0;
  std::size_t limit = 0;  // pictures; 0: all
  Shard shard;
  bool onlyCorrect = false, keep = false, retry = false, quiet = false;
};

int runEvaluate(const EvaluateArguments& arguments);

}  // namespace relprop::cli
