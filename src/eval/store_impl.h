// What the parts of Store share.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eval/process.h"
#include "eval/sqlite.h"
#include "eval/store_schema.h"
#include "relprop/store.h"

namespace relprop {

struct Store::Impl {
  Impl(const std::string& location, int flags, const std::string& name) : database(location, flags, name) {}

  // Throws StoreUnusable where a row of these tables refers to one that is missing, unless all were looked at when the
  // store was opened. Each table once: what is written later the system checks itself.
  void checkReferences(const std::vector<std::string>& tables) {
    for (const std::string& table : tables) {
      if (checked || referred.contains(table)) continue;
      eval::checkReferences(database, {table});
      referred.insert(table);
    }
  }

  eval::Database database;
  bool checked = true;                // false of a file too large to be read whole when it is opened
  std::set<std::string> referred;     // of such a file the tables whose rows refer to what is there
  std::optional<Provenance> run;      // written with the first row that belongs to it
  std::optional<eval::Process> self;  // this process, once it has claimed something
};

struct StoreAccess {
  using Impl = Store::Impl;
  static const eval::Database& databaseOf(const Store& store) { return store.impl_->database; }
};

}  // namespace relprop
