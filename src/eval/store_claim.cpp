#include "eval/process.h"
#include "eval/store_impl.h"

namespace relprop {
namespace {

using eval::Database;
using eval::Process;
using eval::Statement;

std::optional<Process> holder(const Database& database, const std::string& model, const std::string& dataset,
                              const std::string& picture, const std::string& target) {
  Statement row(database,
                "select machine, pid, started from claims where (model, dataset, picture, target) = (?, ?, ?, ?)");
  if (!row.bind(model, dataset, picture, target).step()) return {};
  return Process{row.text(0), row.integer(1), row.text(2)};
}

void take(const Database& database, const Process& self, const std::string& model, const std::string& dataset,
          const std::string& picture, const std::string& target) {
  Statement(database,
            "insert or replace into claims (model, dataset, picture, target, machine, pid, started) "
            "values (?, ?, ?, ?, ?, ?, ?)")
      .run(model, dataset, picture, target, self.machine, self.id, self.started);
}

}  // namespace

bool Store::claim(const std::string& model, const std::string& dataset, const std::string& picture,
                  const std::string& target) {
  const Database& database = impl_->database;
  if (!impl_->self) impl_->self = eval::thisProcess();
  const Process& self = *impl_->self;
  eval::Writing writing(database);
  const auto other = holder(database, model, dataset, picture, target);
  const bool free = !other || *other == self || !eval::mayRun(*other);
  if (free) take(database, self, model, dataset, picture, target);
  writing.commit();
  return free;
}

}  // namespace relprop
