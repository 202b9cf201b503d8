#include <unistd.h>

#include <algorithm>
#include <set>

#include "relprop/error.h"
#include "relprop/pool.h"

namespace relprop {
namespace {

std::int64_t halfOfTheMachine() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 2;
}

std::size_t checkedCount(std::size_t count) {
  constexpr std::size_t kMost = 1'000'000;
  if (count > kMost)
    throw Error(ErrorCode::InvalidArgument, "count", std::to_string(count), "at most " + std::to_string(kMost));
  return count;
}

}  // namespace

ExplainerPool::ExplainerPool(const Model& model, std::size_t count, OptionsOf optionsOf, std::int64_t bytes)
    : model_(model),
      optionsOf_(std::move(optionsOf)),
      budget_(bytes > 0 ? bytes : halfOfTheMachine()),
      entries_(checkedCount(count)) {
  if (bytes < 0) throw Error(ErrorCode::InvalidArgument, "memory", std::to_string(bytes), "bytes, or 0 for a default");
  if (!optionsOf_) throw Error(ErrorCode::InvalidArgument, "optionsOf", "an empty function", "one that gives options");
}

ExplainerPool::Entry& ExplainerPool::entry(std::size_t which) {
  if (which >= entries_.size())
    throw Error(ErrorCode::InvalidArgument, "explainer", std::to_string(which),
                "less than " + std::to_string(entries_.size()));
  return entries_[which];
}

// Where options cannot even be made, the one who borrows is told.
ExplainOptions ExplainerPool::options(std::size_t which) {
  const auto known = options_.find(which);
  if (known == options_.end()) return optionsOf_(which);
  ExplainOptions options = std::move(known->second);
  options_.erase(known);
  return options;
}

void ExplainerPool::keep(std::size_t which, std::unique_ptr<Explainer> explainer, std::size_t group) {
  Entry& entry = entries_[which];
  entry.explainer = std::move(explainer);
  entry.bytes = entry.explainer->report().arenaBytes + entry.explainer->report().weightBytes;
  entry.group = group;
}

void ExplainerPool::compileTogether(std::size_t first) {
  std::vector<std::size_t> which = {first};
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (i != first && !entries_[i].retired && !entries_[i].asked) which.push_back(i);
  std::vector<ExplainOptions> options;
  std::vector<std::size_t> asked;
  for (const std::size_t i : which) try {
      if (options_.count(i) == 0) options_.emplace(i, optionsOf_(i));
      options.push_back(options_.at(i)), asked.push_back(i);
    } catch (const Error&) {
      if (i == first) throw;
    }
  entries_[first].asked = true;
  auto together = Explainer::together(model_, options, std::max<std::int64_t>(budget_ - bytes(), 1));
  for (std::size_t k = 0; k < asked.size(); ++k) {
    if (!together[k]) continue;
    keep(asked[k], std::move(together[k]), first);
    entries_[asked[k]].asked = true;
    options_.erase(asked[k]);
  }
}

ExplainerPool::Loan ExplainerPool::borrow(std::size_t which) {
  Entry& entry = this->entry(which);
  if (!entry.explainer && !entry.asked && !entry.retired) compileTogether(which);
  if (!entry.explainer) keep(which, std::make_unique<Explainer>(model_, options(which)), kAlone);
  ++entry.loans;
  return {*this, which};
}

// Who uses a pool goes through its explainers in turn, over and over. Then the one that was used longest ago is the
// one needed next, so what is there stays, and the one that does not fit beside it goes. Of a group none goes alone:
// that would free nothing.
void ExplainerPool::giveBack(std::size_t which) {
  Entry& entry = entries_[which];
  if (--entry.loans > 0) return;
  if (entry.retired || (entry.group == kAlone && bytes() > budget_)) entry.explainer.reset();
}

void ExplainerPool::retire(std::size_t which) {
  Entry& entry = this->entry(which);
  entry.retired = true;
  if (entry.loans == 0) entry.explainer.reset();
}

std::int64_t ExplainerPool::bytesOf(const std::function<bool(const Entry&)>& counts) const {
  std::int64_t sum = 0;
  std::set<std::size_t> groups;
  for (const Entry& entry : entries_)
    if (counts(entry) && (entry.group == kAlone || groups.insert(entry.group).second)) sum += *entry.bytes;
  return sum;
}

bool ExplainerPool::fitTogether() const {
  const auto stays = [](const Entry& entry) { return !entry.retired; };
  const bool known =
      std::all_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return !stays(entry) || entry.bytes; });
  return known && bytesOf(stays) <= budget_;
}

std::int64_t ExplainerPool::bytes() const {
  return bytesOf([](const Entry& entry) { return entry.explainer != nullptr; });
}

}  // namespace relprop
