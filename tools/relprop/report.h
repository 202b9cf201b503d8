// What is said about a result: the line for people and the JSON for scripts.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "relprop/describe.h"
#include "targets.h"

namespace relprop::cli {

using Json = nlohmann::ordered_json;

// The files written for one result, by kind: "png", "npy", "json", "layers", "npy:NODE", "panel".
using Files = std::map<std::string, std::string>;

// 1.3e-6 rather than 1.3e-06
std::string shortExponent(double value);

// "dog.jpg: 207 golden retriever 0.83 (logit 14.2) · heatmap out/dog.rap.png · conservation 1.3e-6"
std::string resultLine(const std::string& input, const Explanation& explanation, const NamedTarget& target,
                       const Files& files, const Question& question);
// What the map speaks of: "207 golden retriever 0.83", "channel 12 (3.4)", "all channels", the name of a file.
std::string targetText(const Explanation& explanation, const NamedTarget& target, const Question& question);
// "207 golden retriever 0.83"
std::string predictionText(const Prediction& prediction, const std::vector<std::string>& labels);
// Valid UTF-8 whatever file names hold.
std::string dump(const Json& json, int indent);

}  // namespace relprop::cli
