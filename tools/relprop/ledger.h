// inspect --ledger: an image is explained, and where relevance stays on its way is printed node by node.
#pragma once

#include <string>

#include "console.h"
#include "network_options.h"
#include "targets.h"

namespace relprop::cli {

struct LedgerArguments {
  NetworkOptions network;
  TargetOptions target;
  std::string image, labels;
  bool networkOrder = false;  // else the nodes that absorb most come first
  bool json = false;
};

void runLedger(const LedgerArguments& arguments, Console& console);

}  // namespace relprop::cli
