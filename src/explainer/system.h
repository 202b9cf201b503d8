// What an Explainer runs: a network's plan or a bag of visual words, compiled for one method, and all that is said of
// it.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "explain/procedure.h"
#include "explain/runnable.h"
#include "relprop/explain.h"

namespace relprop {

class System {
 public:
  virtual ~System() = default;
  virtual Runnable& runnable() = 0;
  // Forward passes of single images, of methods that run many inputs; may be the same.
  virtual Runnable& probe() = 0;
  virtual Layout layout() const = 0;  // of the model; a runnable has its channels first
  // Of a row of relevance.
  virtual std::vector<LedgerEntry> ledger(std::int64_t row) = 0;
  virtual Facts facts(std::int64_t row) const = 0;
  virtual PlanReport report() = 0;
  virtual std::vector<StepReport> steps() const = 0;
};

// Throw what Explainer's constructor throws.
std::unique_ptr<System> makeNetworkSystem(const Model& model, const ExplainOptions& options, Method method);
// One for each of the options that can share a forward pass with the first ones; null for others, for methods that
// cannot be compiled or could not be parsed, and for all where there is but one or they take more than `bytes` (0:
// any).
std::vector<std::unique_ptr<System>> makeNetworkSystems(const Model& model, const std::vector<ExplainOptions>& options,
                                                        const std::vector<std::optional<Method>>& methods,
                                                        std::int64_t bytes);
std::unique_ptr<System> makeBagSystem(const Model& model, const ExplainOptions& options, Method method);

}  // namespace relprop
