// The methods of an evaluation, compiled. They stay compiled while they fit into the memory that is given; beyond that
// they are compiled when they are needed and freed again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relprop/evaluate.h"

namespace relprop {

class MethodPool {
 public:
  // Compiles each once. Methods of options.optional that cannot be applied are left out, with a warning.
  MethodPool(const Model& model, const EvaluateOptions& options, bool ledger);

  const std::vector<std::string>& names() const { return names_; }  // complete, with the user's rules
  bool fitTogether() const { return fitTogether_; }

  // An explainer in use; when it goes out of scope what does not fit is freed.
  class Loan {
   public:
    Loan(MethodPool& pool, std::size_t method) : pool_(pool), method_(method) {}
    ~Loan() { pool_.giveBack(method_); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Explainer& operator*() const { return *pool_.explainers_[method_]; }
    Explainer* operator->() const { return pool_.explainers_[method_].get(); }

   private:
    MethodPool& pool_;
    std::size_t method_;
  };
  Loan borrow(std::size_t method);
  // The same method on another network of the same shape.
  std::unique_ptr<Explainer> compileFor(const Model& model, std::size_t method) const;

 private:
  void add(const std::string& text, bool optional);
  ExplainOptions optionsOf(const std::string& text) const;
  void giveBack(std::size_t method);

  Model model_;
  EvaluateOptions options_;
  bool ledger_, fitTogether_ = true;
  std::int64_t budget_, held_ = 0;
  std::vector<std::string> texts_, names_;
  std::vector<std::unique_ptr<Explainer>> explainers_;
  std::vector<bool> stays_;
};

}  // namespace relprop
