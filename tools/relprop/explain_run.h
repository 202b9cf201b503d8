// relprop explain, after its options were read.
#pragma once

#include <string>
#include <vector>

#include "network_options.h"
#include "outputs.h"
#include "targets.h"

namespace relprop::cli {

struct ExplainArguments {
  NetworkOptions network;
  TargetOptions target;
  std::vector<std::string> paths;
  std::string labels;
  OutputOptions output;
  double requireConservation = 0;
  bool json = false, quiet = false;
};

int runExplain(const ExplainArguments& arguments);

}  // namespace relprop::cli
