// The one backward walk. Every method that is not perturbation-based seeds relevance at the scores and walks the graph
// backwards; each node redistributes what arrived at its output by the rule its table row names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/forward.h"
#include "explain/analysis.h"
#include "rules/table.h"

namespace relprop {

// Relevance at a value: a formula, the scalar its sum goes to, and sums that the next program evaluating it will take
// along.
struct Relevance {
  Expr expr;
  ScalarId sum = -1;
  std::vector<ProgramRequest::Reduce> pending;
};

// Where the sums of one node end up.
struct LedgerSlots {
  int node = 0;
  ScalarId in = -1;
  std::vector<ScalarId> out;
};

// Lowest and highest value of the network's input, by channel.
struct InputBounds {
  std::vector<float> low, high;
};

struct WalkOptions {
  bool sums = true;                   // sum relevance at every node (the ledger; RAP needs it)
  std::optional<InputBounds> bounds;  // for bounds=range
  bool timesInput = false;            // the result is multiplied by the input
};

class Walk {
 public:
  // rules: one a node (nullptr only where no rule fits, which is an error when relevance arrives there).
  Walk(Forward& forward, std::vector<const Rule*> rules, WalkOptions options);

  // Emits the whole backward half. `seed`: relevance at the scores, N×classes in plain layout. Result: the input's
  // relevance, plain layout, pinned.
  BufferView run(const BufferView& seed, ValueId scores);
  const std::vector<LedgerSlots>& ledger() const { return ledger_; }
  ScalarId resultSum() const { return resultSum_; }

  // For the rules' interpreters.
  Forward& forward() { return forward_; }
  Plan& plan() { return forward_.plan(); }
  const Graph& graph() const { return forward_.graph(); }
  const WalkOptions& options() const { return options_; }
  bool nonNegative(ValueId id) const { return nonNegative_[static_cast<std::size_t>(id)]; }
  const Rule& rule(int node) const { return *rules_[static_cast<std::size_t>(node)]; }
  // Hands relevance to a value; what several nodes send is summed.
  void give(ValueId to, Relevance relevance);
  // A formula made from `from`; its sum, and those still pending there, will be taken along by the next program.
  Relevance derived(Relevance& from, const Expr& e);
  // Stores the formula now, taking pending sums along.
  BufferView store(Relevance& r, const std::string& name);
  // Parts of values ("pos", "neg", …) that linear rules have made, by value and name.
  std::map<std::pair<ValueId, std::string>, BufferView>& parts() { return parts_; }

 private:
  void visit(int index);
  Relevance collect(ValueId id);
  BufferView finish(ValueId in);

  Forward& forward_;
  std::vector<const Rule*> rules_;
  WalkOptions options_;
  std::vector<bool> nonNegative_;
  std::map<ValueId, std::vector<Relevance>> given_;
  std::map<std::pair<ValueId, std::string>, BufferView> parts_;
  std::vector<LedgerSlots> ledger_;
  LedgerSlots* current_ = nullptr;
  ScalarId resultSum_ = -1;
};

// One rule at one linear node (linear_walk.cpp), and everything else (node_walk.cpp).
void walkLinear(Walk& walk, const Node& node, const LinearRule& rule, Relevance r);
void walkNode(Walk& walk, const Node& node, const Rule& rule, Relevance r);

}  // namespace relprop
