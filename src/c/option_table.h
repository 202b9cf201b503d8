// What each option of the C interface is called, means and does.
#pragma once

#include <vector>

#include "c/options.h"
#include "c/value.h"

namespace relprop::c {

struct Option {
  const char* name;
  const char* help;
  void (*read)(const Value& value, Options& options);
};
using OptionGroup = std::vector<Option>;

// The groups that a function reads.
std::vector<const OptionGroup*> groupsOf(Function function);

}  // namespace relprop::c
