#include "graph/op_traits.h"

#include <algorithm>

#include "graph/op_table.h"

namespace relprop {

const OpTraits& traitsOf(Op op) {
  return rowOf<double>(op).traits;
}

const char* opName(Op op) {
  return rowOf<double>(op).name;
}

bool opFromName(const std::string& name, Op& op) {
  const auto row =
      std::find_if(kOps<double>.begin(), kOps<double>.end(), [&](const auto& r) { return r.name == name; });
  if (row == kOps<double>.end()) return false;
  op = row->op;
  return true;
}

}  // namespace relprop
