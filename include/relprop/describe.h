// Results, reports and lists as JSON text, as the command line prints them: valid UTF-8 whatever names hold, null where
// there is no number.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"
#include "relprop/question.h"

namespace relprop {

// What holds for all results of a run with one method.
struct RunFacts {
  std::string modelPath, modelHash;
  std::string method;  // complete, with all parameters
  std::vector<std::string> rules;
  TargetChoice question;
  std::optional<Preprocess> preprocess;
  Precision precision = Precision::Float32;
  std::string tuning = {};  // nameOf; empty: none
};

// |sum − seed| / |seed|; nothing for methods that do not conserve.
RELPROP_API std::optional<double> conservation(const Explanation& explanation);
// The class with the highest score.
RELPROP_API const Prediction& predicted(const Explanation& explanation);

// What is particular to one map: prediction, top5, target, seed, sum, conservation, facts, warnings, at.
RELPROP_API std::string mapJson(const Explanation& explanation, const NamedTarget& target, const TargetChoice& choice);
// Σ relevance at every node, what it absorbed and why.
RELPROP_API std::string ledgerJson(const Explanation& explanation);
// Model, method, versions and preprocessing.
RELPROP_API std::string factsJson(const RunFacts& facts);
// What the explainer does: shapes, rules, memory, nodes, steps.
RELPROP_API std::string planJson(const Model& model, const Explainer& explainer);
// What every method takes, less what this one gives a meaning of its own.
RELPROP_API std::vector<std::pair<std::string, std::string>> commonParameters(const MethodInfo& method);
RELPROP_API std::string methodJson(const MethodInfo& method);
// {"relprop": "0.2.0", "oneDNN": …}
RELPROP_API std::string versionsJson();

}  // namespace relprop
