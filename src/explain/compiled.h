// A method compiled for one network and batch: plan, seed, scores and where everything lies.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "explain/method.h"
#include "explain/walk.h"

namespace relprop {

class CompiledMethod {
 public:
  // `graph`: canonical, cut at the scores. bounds: for bounds=range.
  CompiledMethod(Graph graph, Method method, const std::vector<std::string>& userRules, Backend& backend,
                 const WalkOptions& options);

  const Graph& graph() const { return graph_; }
  const Method& method() const { return method_; }
  Plan& plan() { return plan_; }
  std::int64_t rows() const { return plan_.rows(); }
  std::int64_t classes() const { return classes_; }
  std::int64_t inputFloats() const { return inputDesc_.rowFloats(); }
  float* input() { return plan_.data(input_.buffer); }
  const float* scores() { return plan_.data(scores_.buffer); }
  float* seed() { return plan_.data(seed_.buffer); }
  const float* relevance() { return plan_.data(relevance_.buffer); }
  const double* scalar(ScalarId id) { return plan_.scalar(id); }
  const std::vector<LedgerSlots>& ledger() const { return ledger_; }
  ScalarId resultSum() const { return resultSum_; }
  const Rule* rule(int node) const { return rules_[static_cast<std::size_t>(node)]; }

 private:
  void chooseRules(const std::vector<std::string>& userRules);
  void build(const WalkOptions& options);

  Graph graph_;
  Method method_;
  Plan plan_;
  std::vector<const Rule*> rules_;
  BufferView input_, scores_, seed_, relevance_;
  TensorDesc inputDesc_;
  std::vector<LedgerSlots> ledger_;
  ScalarId resultSum_ = -1;
  std::int64_t classes_ = 0;
};

}  // namespace relprop
