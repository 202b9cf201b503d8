// The one backward walk. Every method that is not perturbation-based seeds relevance at the scores and walks the graph
// backwards; each node redistributes what arrived at its output by the rule its table row names.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/forward.h"
#include "explain/walk/analysis.h"
#include "explain/walk/gates.h"
#include "explain/walk/input_range.h"
#include "rules/table.h"

namespace relprop {

// Activations have a row for each image, relevance one for each of its targets. graph() below has the shapes of
// relevance, forward().graph() those of activations.

// Relevance at a value: a formula, the scalar its sum goes to, and sums that the next program evaluating it will take
// along. What is meant is the formula times the scale, a power of two for each row (-1: 1), so that nothing overflows
// where Σ|R| grows from layer to layer: every rule is homogeneous in R.
struct Relevance {
  Expr expr;
  ScalarId sum = -1;
  std::vector<ProgramRequest::Reduce> pending;
  ScalarId scale = -1;
};

// Why relevance that arrives at a node does not leave it.
enum class Absorbed { Bias, Stabiliser, ZeroDenominator };

// Where the sums of one node end up: `in` and what is absorbed are to be multiplied by one scale, `out` by the other.
struct LedgerSlots {
  int node = 0;
  ScalarId in = -1;
  std::vector<ScalarId> out;
  std::vector<ScalarId> absorbed[3];  // by Absorbed
  ScalarId scaleIn = -1, scaleOut = -1;
};

// Relevance that was recorded on the way, at a node's output: plain layout, pinned.
struct Recorded {
  ValueId value = kNoValue;
  BufferView relevance;
};

// Sums over the inputs of a layer, by which several walks of one plan divide: by the layer's output, γ where the
// weights are parts with it, and the terms.
using LayerSums = std::map<std::tuple<ValueId, float, std::vector<std::tuple<InputPart, WeightPart, float>>>, Expr>;

enum class Multiply { None, Input, DifferenceToBaseline };

struct WalkOptions {
  bool sums = true;                                         // sum relevance at every node (the ledger; RAP needs it)
  std::optional<InputBounds> bounds;                        // for bounds=range
  Multiply times = Multiply::None;                          // what the result is multiplied by
  std::map<std::string, std::vector<float>> patterns = {};  // by linear node, of its weights' shape
  std::vector<ValueId> record = {};                         // values whose relevance is recorded
  bool toInput = true;                                      // false: the walk ends at the recorded values
  bool constants = false;                                   // relevance of constant parts is recorded
  Forward* baseline = nullptr;                // the network at the baseline, for rules that compare with it
  LayerSums* denominators = nullptr;          // that earlier walks have made
  std::function<void(ValueId)> release = {};  // called with each constant that nothing still to be visited reads
};

class Walk {
 public:
  // rules: one a node (nullptr only where no rule fits, which is an error when relevance arrives there).
  Walk(Forward& forward, std::vector<const Rule*> rules, WalkOptions options);

  // Emits the whole backward half. `seed`: relevance at the scores, in plain layout. Result: the input's relevance,
  // plain layout, pinned (buffer -1 when the walk ends before).
  BufferView run(const BufferView& seed, ValueId scores);
  const std::vector<LedgerSlots>& ledger() const { return ledger_; }
  const std::vector<Recorded>& recorded() const { return recorded_; }
  // R·c at the output of each node that adds something constant, c = y − ∂y/∂x·x (constants.cpp).
  const std::vector<Recorded>& constants() const { return constants_; }
  ScalarId resultSum() const { return resultSum_; }

  // For the rules' interpreters.
  Forward& forward() { return forward_; }
  Plan& plan() { return forward_.plan(); }
  const Graph& graph() const { return graph_; }
  TensorDesc desc(ValueId id) const { return forward_.descOf(graph_.value(id).shape); }
  std::int64_t targets() const { return forward_.plan().targets(); }
  const WalkOptions& options() const { return options_; }
  bool nonNegative(ValueId id) const { return nonNegative_[static_cast<std::size_t>(id)]; }
  Signal signal(const Node& product) const {
    return signals_[static_cast<std::size_t>(&product - graph_.nodes.data())];
  }
  const std::vector<Signal>& signals() const { return signals_; }
  const Rule& rule(int node) const { return *rules_[static_cast<std::size_t>(node)]; }
  // Hands relevance to a value; what several nodes send is summed.
  void give(ValueId to, Relevance relevance);
  // A formula made from `from`; its sum, and those still pending there, will be taken along by the next program.
  Relevance derived(Relevance& from, const Expr& e);
  // Stores the formula now, taking pending sums along.
  BufferView store(Relevance& r, const std::string& name);
  // The next program that evaluates r also sums `e`: what the node being visited absorbs.
  void absorb(Relevance& r, Absorbed why, const Expr& e);
  // An activation with the rows of relevance, for kernels that read both; the same buffer when there is one target.
  BufferView expanded(const BufferView& activation, const std::string& name);
  // Range of a value, as options().bounds have it for the input.
  InputRanges::Range rangeOf(ValueId id);
  // Parts of values ("pos", "neg", …) that linear rules have made, by value and name.
  std::map<std::pair<ValueId, std::string>, BufferView>& parts() { return parts_; }

 private:
  void visit(int index);
  void release(int index);
  void findUseful();
  void record(ValueId id, Relevance& r);
  void recordConstant(const Node& node, const Rule& rule, const Relevance& r);
  Relevance collect(ValueId id);
  ScalarId commonScale(std::vector<Relevance>& all);
  Relevance unscaled(Relevance r);
  BufferView finish(ValueId in);

  Forward& forward_;
  Graph graph_;
  std::vector<const Rule*> rules_;
  WalkOptions options_;
  std::vector<bool> nonNegative_;
  std::vector<Signal> signals_;  // by node
  std::optional<InputRanges> ranges_;
  std::vector<bool> useful_;  // values that relevance has to pass to get where it is asked for
  std::map<ValueId, std::vector<Relevance>> given_;
  std::map<std::pair<ValueId, std::string>, BufferView> parts_;
  std::vector<LedgerSlots> ledger_;
  std::vector<Recorded> recorded_, constants_;
  LedgerSlots* current_ = nullptr;
  ScalarId resultSum_ = -1;
};

// One rule at one linear node (linear_walk.cpp), and everything else (node_walk.cpp).
void walkLinear(Walk& walk, const Node& node, const LinearRule& rule, Relevance r);
void walkNode(Walk& walk, const Node& node, const Rule& rule, Relevance r);
// What a node adds to its output whatever its input is; null where that is nothing (constants.cpp).
Expr constantPart(Walk& walk, const Node& node, const Rule& rule, Relevance& r);

}  // namespace relprop
