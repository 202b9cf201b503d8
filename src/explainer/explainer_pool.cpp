#include <unistd.h>

#include "relprop/error.h"
#include "relprop/pool.h"

namespace relprop {
namespace {

std::int64_t halfOfTheMachine() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 2;
}

}  // namespace

ExplainerPool::ExplainerPool(const Model& model, std::size_t count, OptionsOf optionsOf, std::int64_t bytes)
    : model_(model),
      optionsOf_(std::move(optionsOf)),
      budget_(bytes > 0 ? bytes : halfOfTheMachine()),
      entries_(count) {}

ExplainerPool::Entry& ExplainerPool::entry(std::size_t which) {
  if (which >= entries_.size())
    throw Error(ErrorCode::InvalidArgument, "explainer", std::to_string(which),
                "less than " + std::to_string(entries_.size()));
  return entries_[which];
}

ExplainerPool::Loan ExplainerPool::borrow(std::size_t which) {
  Entry& entry = this->entry(which);
  if (!entry.explainer) {
    entry.explainer = std::make_unique<Explainer>(model_, optionsOf_(which));
    entry.bytes = entry.explainer->report().arenaBytes + entry.explainer->report().weightBytes;
  }
  ++entry.loans;
  return {*this, which};
}

// Who uses a pool goes through its explainers in turn, over and over. Then the one that was used longest ago is the
// one needed next, so what is there stays, and the one that does not fit beside it goes.
void ExplainerPool::giveBack(std::size_t which) {
  Entry& entry = entries_[which];
  if (--entry.loans > 0) return;
  if (entry.retired || bytes() > budget_) entry.explainer.reset();
}

void ExplainerPool::retire(std::size_t which) {
  Entry& entry = this->entry(which);
  entry.retired = true;
  if (entry.loans == 0) entry.explainer.reset();
}

bool ExplainerPool::fitTogether() const {
  std::int64_t sum = 0;
  for (const Entry& entry : entries_) {
    if (entry.retired) continue;
    if (!entry.bytes) return false;
    sum += *entry.bytes;
  }
  return sum <= budget_;
}

std::int64_t ExplainerPool::bytes() const {
  std::int64_t sum = 0;
  for (const Entry& entry : entries_)
    if (entry.explainer) sum += *entry.bytes;
  return sum;
}

}  // namespace relprop
