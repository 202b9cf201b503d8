// A method compiled for one network and batch: plan, seed, scores and where everything lies.
#pragma once

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
  // The same; null where options.memory is too low.
  static std::unique_ptr<CompiledMethod> within(Graph graph, Method method, Backend& backend,
                                                const CompileOptions& options);
  // Whether that would succeed, found out on a backend that computes nothing. Of the graph's own constants a compiled
  // method keeps none, so they do not count.
  static bool fits(const Graph& graph, const Method& method, Backend& idle, const CompileOptions& options);

  const Graph& graph() const { return graph_; }
  Plan& plan() { return plan_; }

  const Method& method() const override { return method_; }
  std::int64_t rows() const override { return plan_.rows(); }
  std::int64_t targets() const override { return plan_.targets(); }
  const ScoreShape& scoreShape() const override { return scoreShape_; }
  const Shape& imageShape() const override { return imageShape_; }
  void run(Phase phase, const Again& again) override { plan_.run(phase, again); }
  float* input() override { return plan_.data(input_.buffer); }
  const float* scores() override { return plan_.data(scores_.buffer); }
  float* seed() override { return plan_.data(seed_.buffer); }
  const float* relevance() override { return plan_.data(relevance_.buffer); }
  float* baselineInput() override { return plan_.data(baselineInput_.buffer); }
  bool scalesToSum() const override;

  const Shape& layerShape() const override { return layerMap_.shape; }
  std::vector<float> activation(std::int64_t row) override;
  std::vector<float> layerRelevance(std::int64_t row) override;
  const std::vector<std::string>& recordedNodes() const override { return recordedNodes_; }
  const float* recorded(std::size_t k) override { return plan_.data(recorded_.at(k).relevance.buffer); }
  const Shape& recordedShape(std::size_t k) const override { return recorded_.at(k).relevance.desc.shape; }

  const double* scalar(ScalarId id) { return plan_.scalar(id); }
  const std::vector<LedgerSlots>& ledger() const { return ledger_; }
  ScalarId resultSum() const { return resultSum_; }
  // Does nothing tell the signal of this product from its gate, so that its rule gives half to each?
  bool halves(int node) const;
  const Rule* rule(int node) const { return rules_[static_cast<std::size_t>(node)]; }
  // Of the network's constants that are still held: by the imported graph, or by kernels that read them in place.
  std::int64_t constantBytes() const;

 private:
  struct Unlaid {};
  CompiledMethod(Unlaid, Graph graph, Method method, Backend& backend, const CompileOptions& options);
  void chooseRules(const std::vector<std::string>& userRules);
  int chooseLayer();
  void chooseNodes(const CompileOptions& options);
  void build(const CompileOptions& options);
  void watchConstants(const Graph* graph);
  void release(ValueId id);
  void releaseUnread();
  void buildForward(Forward& forward);
  void buildBackward(Forward& forward, Forward* baseline, const CompileOptions& options);
  void sortRecorded(const std::vector<Recorded>& all);
  std::vector<float> asFeatureMap(const float* values) const;  // a row of the layer as C×h×w
  std::int64_t layerFloats() const { return activation_.desc.rowFloats(); }

  // A node whose relevance is recorded.
  struct Wanted {
    ValueId value;
    std::string node;
    bool required;  // named, not only matched
  };

  MemoryLimit limit() const { return {limit_.bytes, limit_.taken + constantBytes()}; }

  Graph graph_;
  Method method_;
  MemoryLimit limit_;  // taken: without constants
  Plan plan_;
  std::vector<const Rule*> rules_;
  std::vector<Signal> signals_;
  BufferView input_, baselineInput_, scores_, seed_, relevance_, activation_;
  Shape imageShape_;
  FeatureMap layerMap_;
  ScoreShape scoreShape_;
  std::string layerName_;
  ValueId layer_ = kNoValue;
  std::vector<Wanted> wanted_;
  std::vector<std::string> recordedNodes_;
  std::vector<Recorded> recorded_;
  std::vector<LedgerSlots> ledger_;
  ScalarId resultSum_ = -1;
  std::vector<std::weak_ptr<const std::vector<float>>> constants_;
};

}  // namespace relprop
