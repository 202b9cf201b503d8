// The methods of a run, compiled when they are needed: a network's weights in the forms of dozens of methods need not
// fit into memory together.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "network_options.h"
#include "relprop/pool.h"
#include "report.h"

namespace relprop::cli {

struct Method {
  MethodChoice choice;
  std::string filePart;
  RunFacts facts;
  std::optional<ExplainerPool::Loan> explainer = {};  // while it is open
  bool compiledOnce = false, leftOut = false;
};

class MethodSet {
 public:
  // What all methods of the run are compiled for.
  struct Network {
    Model model;
    NetworkOptions options;  // with the batch that is computed together
    Shape shape;
    std::optional<Preprocess> preprocess;
    Question question;
    std::vector<std::string> at = {};
    bool layers = false;  // choose nodes for a strip of layers where `at` names none
    double requireConservation = 0;
    std::function<bool(std::int64_t, std::int64_t)> progress = {};
  };
  using Say = std::function<void(const std::string&)>;

  MethodSet(std::vector<MethodChoice> choices, Network network, Say note, Say warn);

  std::vector<Method>& all() { return methods_; }
  const std::vector<Method>& all() const { return methods_; }
  // Whether all methods stay compiled; known after check().
  bool fitTogether() const { return fitTogether_; }
  // Compiles every method that was named, so that a mistake shows before hours of work. Throws what Explainer's
  // constructor throws, and NotSupportedByMethod when no method is left.
  void check();
  const Shape& inputShape() const { return inputShape_; }  // C×H×W, known after check()
  // Null when the method is left out.
  Explainer* open(Method& method);
  // Frees the memory unless the method stays compiled, or when the run needs it no more.
  void close(Method& method, bool forGood = false);
  void leaveOut(Method& method, const std::string& why);

 private:
  std::size_t placeOf(const Method& method) const { return static_cast<std::size_t>(&method - methods_.data()); }
  void compile(Method& method);
  ExplainOptions optionsOf(const Method& method) const;
  std::vector<std::string> nodesToKeep(ExplainOptions options) const;

  Network network_;
  Say note_, warn_;
  ExplainerPool pool_;  // one of each of methods_
  std::set<std::string> warned_;
  std::vector<Method> methods_;  // their loans end before the pool does
  Shape inputShape_;
  bool fitTogether_ = false;
};

}  // namespace relprop::cli
