// Which inputs of a run went wrong.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>

#include "inputs.h"

namespace relprop::cli {

// Asked and told by the threads that read, compute and write.
class Failures {
 public:
  // False when the input had failed before.
  bool fail(const Input& input) {
    std::lock_guard lock(mutex_);
    return failed_.insert(&input).second;
  }
  void flaw(const Input& input) {
    std::lock_guard lock(mutex_);
    flawed_.insert(&input);
  }
  bool hasFailed(const Input& input) const {
    std::lock_guard lock(mutex_);
    return failed_.count(&input) > 0;
  }
  bool isFlawed(const Input& input) const {
    std::lock_guard lock(mutex_);
    return flawed_.count(&input) > 0;
  }
  std::size_t count() const {
    std::lock_guard lock(mutex_);
    std::set<const Input*> all = failed_;
    all.insert(flawed_.begin(), flawed_.end());
    return all.size();
  }

 private:
  mutable std::mutex mutex_;
  std::set<const Input*> failed_, flawed_;  // flawed: a method failed on it, which need not stop the others
};

}  // namespace relprop::cli
