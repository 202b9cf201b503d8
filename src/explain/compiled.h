// A method compiled for one network and batch: plan, seed, scores and where everything lies.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "explain/feature_maps.h"
#include "explain/method.h"
#include "explain/runnable.h"
#include "explain/walk/walk.h"

namespace relprop {

struct CompileOptions {
  WalkOptions walk = {};                // bounds, patterns, sums
  std::vector<std::string> rules = {};  // rows of the user's in front of the table
  std::int64_t targets = 1;             // of each image
  std::vector<std::string> at = {};     // nodes whose relevance is recorded
  bool anyScores = false;               // scores with positions, for an inner node
  Head head = {};                       // what the graph was cut at
  bool forwardOnly = false;             // whatever the method needs
  MemoryLimit memory = {};              // taken: without constants
  const Graph* imported = nullptr;      // the graph that the caller keeps, whose constants count as well
};

class CompiledMethod final : public Runnable {
 public:
  // `graph`: canonical, cut at the scores. Throws OutOfMemory where options.memory is too low.
  CompiledMethod(Graph graph, Method method, Backend& backend, const CompileOptions& options);
  // Several methods in one plan: walks behind one forward phase, which is not run again for an input that it saw last.
  // They have one input and one arena, so one of them runs at a time. Their options differ in what concerns the walk
  // alone; memory is that of the first, for all together. Empty where that is too low. `idle`: as of `fits`.
  struct Asked {
    Method method;
    CompileOptions options;
  };
  using Together = std::vector<std::unique_ptr<CompiledMethod>>;
  static Together together(Graph graph, const std::vector<Asked>& asked, Backend& backend);
  static bool fitTogether(const Graph& graph, const std::vector<Asked>& asked, Backend& idle);
  // Can a method be one of several?
  static bool goesTogether(const Method& method);
  // The same; null where options.memory is too low.
  static std::unique_ptr<CompiledMethod> within(Graph graph, Method method, Backend& backend,
                                                const CompileOptions& options);
  // Whether that would succeed, found out on a backend that computes nothing. Of the graph's own constants a compiled
  // method keeps none, so they do not count.
  static bool fits(const Graph& graph, const Method& method, Backend& idle, const CompileOptions& options);

  const Graph& graph() const { return network_->graph; }
  Plan& plan() { return network_->plan; }
  // Does a step belong to the forward phase or the walks of this method?
  bool runs(const StepInfo& step) const { return step.serves(walk_) || (layerWalk_ >= 0 && step.serves(layerWalk_)); }

  const Method& method() const override { return method_; }
  std::int64_t rows() const override { return network_->plan.rows(); }
  std::int64_t targets() const override { return network_->plan.targets(); }
  const ScoreShape& scoreShape() const override { return scoreShape_; }
  const Shape& imageShape() const override { return network_->imageShape; }
  void run(Phase phase, const Again& again) override;
  double sparedSeconds() const override { return sparedSeconds_; }
  float* input() override { return plan().data(network_->input.buffer); }
  const float* scores() override { return plan().data(network_->scores.buffer); }
  float* seed() override { return plan().data(seed_.buffer); }
  const float* relevance() override { return plan().data(relevance_.buffer); }
  float* baselineInput() override { return plan().data(baselineInput_.buffer); }
  bool scalesToSum() const override;

  std::int64_t stride() override;
  const Shape& layerShape() const override { return layerMap_.shape; }
  std::vector<float> activation(std::int64_t row) override;
  void putIn(std::int64_t row, const float* activation) override;
  const float* resumedScores() override { return plan().data(resumedScores_.buffer); }
  std::vector<float> layerRelevance(std::int64_t row) override;
  std::vector<PlacedValues> constants(std::int64_t row) override;
  const TokenPlaces& tokenPlaces() const override { return attention_.places; }
  AttentionValues attention(std::int64_t row, std::int64_t target) override;
  const std::vector<std::string>& recordedNodes() const override { return recordedNodes_; }
  const float* recorded(std::size_t k) override { return plan().data(recorded_.at(k).relevance.buffer); }
  const Shape& recordedShape(std::size_t k) const override { return recorded_.at(k).relevance.desc.shape; }

  const double* scalar(ScalarId id) { return plan().scalar(id); }
  const std::vector<LedgerSlots>& ledger() const { return ledger_; }
  ScalarId resultSum() const { return resultSum_; }
  // Does nothing tell the signal of this product from its gate, so that its rule gives half to each?
  bool halves(int node) const;
  const Rule* rule(int node) const { return rules_[static_cast<std::size_t>(node)]; }
  std::vector<std::string> idleUserRows() const { return method_.table.idleUserRows(rules_); }
  // Of the network's constants that are still held: by the imported graph, or by kernels that read them in place.
  std::int64_t constantBytes() const { return network_->constantBytes(); }

 private:
  // What the methods of a plan share.
  struct Network {
    Network(Graph own, Backend& backend, const CompileOptions& options);
    void watchConstants(const Graph* of);
    void release(ValueId id);
    void releaseUnread();
    MemoryLimit limit() const { return {memory.bytes, memory.taken + constantBytes()}; }
    std::int64_t constantBytes() const;
    BufferView kept(Forward& forward, ValueId id, const std::string& name);
    void noteInput();

    Graph graph;
    MemoryLimit memory;  // taken: without constants
    Plan plan;
    BufferView input, scores;
    Shape imageShape;
    std::vector<std::weak_ptr<const std::vector<float>>> constants;
    LayerSums denominators;   // of the walks, while they are built
    std::vector<float> seen;  // the input of the last forward phase, where several walks share it
  };
  using Fuse = std::function<bool(int)>;

  struct Unlaid {};
  CompiledMethod(Unlaid, std::shared_ptr<Network> network, Method method, const CompileOptions& options);
  static Together unlaid(Graph graph, const std::vector<Asked>& asked, Backend& backend);
  void chooseRules(const std::vector<std::string>& userRules);
  void requireBaselineForRescale() const;
  FeatureMaps featureMaps() const;
  int chooseLayer();
  std::vector<int> chooseAttention();
  std::vector<bool> readQueries(std::int64_t row);
  void chooseNodes(const CompileOptions& options);
  Fuse fuse() const;
  // Of one network, and the options of each.
  static void build(const std::vector<CompiledMethod*>& methods, const std::vector<const CompileOptions*>& options);
  void buildWalk(const Forward& forward, const CompileOptions& options, bool last);
  void buildResumed(Forward& forward);
  void addSeed(Forward& forward);
  void buildToLayer(Forward forward);
  void buildBackward(Forward& forward, Forward* baseline, const CompileOptions& options, bool last);
  WalkOptions walkOptions(Forward* baseline, const CompileOptions& options, bool last);
  void placeConstants(const std::vector<Recorded>& constants);
  void sortRecorded(const std::vector<Recorded>& all);
  std::int64_t layerFloats() const { return activation_.desc.rowFloats(); }

  // A node whose relevance is recorded.
  struct Wanted {
    ValueId value;
    std::string node;
    bool required;  // named, not only matched
  };

  std::shared_ptr<Network> network_;
  Method method_;
  int walk_ = 0, layerWalk_ = -1;  // of the plan; -1: there is none
  double sparedSeconds_ = 0;
  std::vector<const Rule*> rules_, layerRules_;
  std::vector<Signal> signals_;
  BufferView baselineInput_, seed_, relevance_, activation_, putIn_, resumedScores_;
  FeatureMap layerMap_;
  AttentionLayers attention_;
  std::vector<BufferView> attentionWeights_;
  std::optional<std::int64_t> stride_;  // once somebody has asked for it
  ScoreShape scoreShape_;
  std::string layerName_;
  ValueId layer_ = kNoValue;
  std::vector<Wanted> wanted_;
  std::vector<std::string> recordedNodes_;
  std::vector<Recorded> recorded_;
  std::vector<std::pair<Recorded, std::optional<FeatureMap>>> constants_;
  std::vector<LedgerSlots> ledger_;
  ScalarId resultSum_ = -1;
};

}  // namespace relprop
