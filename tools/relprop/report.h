// What is said about a result: the line for people and the JSON for scripts.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "targets.h"

namespace relprop::cli {

using Json = nlohmann::ordered_json;

// What holds for all results of a run with one method.
struct RunFacts {
  std::string modelPath, modelHash;
  std::string method;  // complete, with all parameters
  std::vector<std::string> rules;
  Question question;
  std::optional<Preprocess> preprocess;
  Precision precision = Precision::Float32;
};

// The files written for one result, by kind: "png", "npy", "json", "layers", "npy:NODE", "panel".
using Files = std::map<std::string, std::string>;

// |sum − seed| / |seed|; nothing for methods that do not conserve.
std::optional<double> conservation(const Explanation& explanation);
// 1.3e-6 rather than 1.3e-06
std::string shortExponent(double value);

// "dog.jpg: 207 golden retriever 0.83 (logit 14.2) · heatmap out/dog.rap.png · conservation 1.3e-6"
std::string resultLine(const std::string& input, const Explanation& explanation, const NamedTarget& target,
                       const Files& files, const Question& question);
// What the map speaks of: "207 golden retriever 0.83", "channel 12 (3.4)", "all channels", the name of a file.
std::string targetText(const Explanation& explanation, const NamedTarget& target, const Question& question);
// "207 golden retriever 0.83"
std::string predictionText(const Prediction& prediction, const std::vector<std::string>& labels);
// The class with the highest score.
const Prediction& predicted(const Explanation& explanation);

// What is particular to one map.
Json mapJson(const Explanation& explanation, const NamedTarget& target, const Question& question);
// Σ relevance at every node, what it absorbed and why.
Json ledgerJson(const Explanation& explanation);
// Model, method, versions and preprocessing.
Json factsJson(const RunFacts& facts);
// Valid UTF-8 whatever file names hold.
std::string dump(const Json& json, int indent);

}  // namespace relprop::cli
