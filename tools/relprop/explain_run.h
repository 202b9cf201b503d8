// relprop explain, after its options were read.
#pragma once

#include <string>
#include <vector>

#include "network_options.h"
#include "outputs.h"

namespace relprop::cli {

struct ExplainArguments {
  NetworkOptions network;
  std::vector<std::string> paths;
  std::string labels, target = "argmax";
  OutputOptions output;
  bool json = false, quiet = false;
};

int runExplain(const ExplainArguments& arguments);

}  // namespace relprop::cli
