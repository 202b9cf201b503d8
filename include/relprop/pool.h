// Explainers of several methods for one network, of which as many stay compiled as fit into memory together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"
#include "relprop/held.h"

namespace relprop {

class RELPROP_API ExplainerPool {
 public:
  // The options of one of the explainers; asked whenever it is compiled, and all are when the first one is, to see
  // which can share their forward pass (Explainer::together). What is borrowed from one pool therefore serves one
  // thread at a time.
  using OptionsOf = std::function<ExplainOptions(std::size_t which)>;
  // For explainers 0 to count − 1. `bytes`: what those that stay may take together, as their reports tell it
  // (arenaBytes and weightBytes); 0: half of the machine's memory. Throws InvalidArgument.
  ExplainerPool(const Model& model, std::size_t count, OptionsOf optionsOf, std::int64_t bytes = 0);
  ExplainerPool(const ExplainerPool&) = delete;
  ExplainerPool& operator=(const ExplainerPool&) = delete;

  // An explainer in use, which must end before its pool does.
  class Loan {
   public:
    Loan(Loan&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), which_(other.which_) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (pool_) pool_->giveBack(which_);
    }
    Explainer& operator*() const {
      if (!pool_) failMovedFrom();
      return *pool_->entries_[which_].explainer;
    }
    Explainer* operator->() const { return &**this; }

   private:
    friend class ExplainerPool;
    Loan(ExplainerPool& pool, std::size_t which) : pool_(&pool), which_(which) {}
    ExplainerPool* pool_;
    std::size_t which_;
  };

  // Compiles it unless it is there, with those that share its forward pass where all of them fit beside what is there.
  // When its last loan ends, it stays if it fits beside the others that are there, and is freed if not. Throws what
  // Explainer's constructor throws, and InvalidArgument; the pool is then as it was.
  Loan borrow(std::size_t which);
  // It does not count any more and is freed, if it is in use when its last loan ends. Throws InvalidArgument.
  void retire(std::size_t which);

  // Whether all are known to fit: each was compiled before (but for those that are retired).
  bool fitTogether() const;
  std::int64_t bytes() const;  // of those that are compiled now

 private:
  struct Entry {
    std::unique_ptr<Explainer> explainer = {};
    std::optional<std::int64_t> bytes = {};  // known once it was compiled
    std::size_t group = kAlone;              // whose bytes these are
    bool asked = false;                      // whether it can be in a group
    int loans = 0;
    bool retired = false;
  };
  static constexpr std::size_t kAlone = static_cast<std::size_t>(-1);
  Entry& entry(std::size_t which);
  ExplainOptions options(std::size_t which);
  void compileTogether(std::size_t first);
  void keep(std::size_t which, std::unique_ptr<Explainer> explainer, std::size_t group);
  std::int64_t bytesOf(const std::function<bool(const Entry&)>& counts) const;
  void giveBack(std::size_t which);

  Model model_;
  OptionsOf optionsOf_;
  std::int64_t budget_;
  std::vector<Entry> entries_;
  std::map<std::size_t, ExplainOptions> options_;  // that were asked for and not used yet
};

}  // namespace relprop
