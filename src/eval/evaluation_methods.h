// The methods of an evaluation, as explainers in a pool.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "relprop/evaluate.h"
#include "relprop/pool.h"

namespace relprop::eval {

class EvaluatedMethods {
 public:
  // Compiles each once. Methods of options.optional that cannot be applied are left out, with a warning.
  // `ledger`: whether explanations tell the relevance at every node. The options are looked at later too.
  EvaluatedMethods(const Model& model, const EvaluateOptions& options, bool ledger);

  const std::vector<std::string>& names() const { return names_; }  // complete, with the user's rules
  bool fitTogether() const { return pool_.fitTogether(); }
  ExplainerPool::Loan borrow(std::size_t method) { return pool_.borrow(asked_[method]); }
  // The same method on another network of the same shape.
  std::unique_ptr<Explainer> compileFor(const Model& model, std::size_t method) const;

 private:
  void add(std::size_t asked);
  void take(std::size_t asked);
  ExplainOptions optionsOf(std::size_t asked) const;
  const std::string& patternsDigest();

  const EvaluateOptions& options_;
  int channels_;  // of the network's input
  bool ledger_;
  ExplainerPool pool_;              // of options.methods
  std::vector<std::size_t> asked_;  // which of them each method is
  std::vector<std::string> names_;
  std::set<std::string> warned_;
  std::string patternsDigest_;  // "" until it is needed
};

}  // namespace relprop::eval
