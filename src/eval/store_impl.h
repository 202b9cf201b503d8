// What the parts of Store share.
#pragma once

#include <optional>

#include "eval/process.h"
#include "eval/sqlite.h"
#include "relprop/store.h"

namespace relprop {

struct Store::Impl {
  Impl(const std::string& location, int flags, const std::string& name) : database(location, flags, name) {}

  eval::Database database;
  std::optional<Provenance> run;      // written with the first row that belongs to it
  std::optional<eval::Process> self;  // this process, once it has claimed something
};

struct StoreAccess {
  using Impl = Store::Impl;
};

}  // namespace relprop
