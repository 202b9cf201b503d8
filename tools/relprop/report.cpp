#include "report.h"

#include <fmt/format.h>

#include <cmath>

namespace relprop::cli {
namespace {

std::string labelOf(int index, const std::vector<std::string>& labels) {
  auto position = static_cast<std::size_t>(index);
  return index >= 0 && position < labels.size() ? labels[position] : "";
}

// 1.3e-6 rather than 1.3e-06
std::string shortExponent(double value) {
  std::string text = fmt::format("{:.1e}", value);
  std::size_t exponent = text.find('e') + 2;
  if (exponent + 1 < text.size() && text[exponent] == '0') text.erase(exponent, 1);
  return text;
}

Json predictionJson(const Prediction& prediction, const std::vector<std::string>& labels) {
  Json json = {{"index", prediction.index}};
  std::string label = labelOf(prediction.index, labels);
  json["label"] = label.empty() ? Json() : Json(label);
  json["probability"] = prediction.probability;
  json["logit"] = prediction.logit;
  return json;
}

const Prediction& predicted(const Explanation& explanation) {
  return explanation.top5.empty() ? explanation.top : explanation.top5.front();
}

const char* fileTitle(const std::string& kind) {
  if (kind == "npy") return "relevance";
  if (kind == "json") return "report";
  return kind == "panel" ? "panel" : "heatmap";
}

}  // namespace

std::optional<double> conservation(const Explanation& explanation) {
  if (explanation.ledger.empty() || explanation.seed == 0) return std::nullopt;
  return std::abs(explanation.sum - explanation.seed) / std::abs(explanation.seed);
}

std::string predictionText(const Prediction& prediction, const std::vector<std::string>& labels) {
  std::string label = labelOf(prediction.index, labels);
  return fmt::format("{}{}{} {:.2f}", prediction.index, label.empty() ? "" : " ", label, prediction.probability);
}

std::string resultLine(const std::string& input, const Explanation& explanation, const Files& files,
                       const std::vector<std::string>& labels) {
  const Prediction& best = predicted(explanation);
  std::string line = fmt::format("{}: {} (logit {:.1f})", input, predictionText(best, labels), best.logit);
  if (best.index != explanation.target)
    line +=
        fmt::format(" · explained: {} (logit {:.1f})", predictionText(explanation.top, labels), explanation.top.logit);
  for (const char* kind : {"png", "npy", "json"})
    if (auto file = files.find(kind); file != files.end())
      line += fmt::format(" · {} {}", fileTitle(kind), file->second);
  if (auto error = conservation(explanation)) line += " · conservation " + shortExponent(*error);
  return line;
}

Json rowJson(const Explanation& explanation, const RunFacts& facts) {
  Json json = {{"prediction", predictionJson(predicted(explanation), facts.labels)}};
  json["top5"] = Json::array();
  for (const Prediction& prediction : explanation.top5)
    json["top5"].push_back(predictionJson(prediction, facts.labels));
  json["target"] = predictionJson(explanation.top, facts.labels);
  json["seed"] = explanation.seed;
  json["sum"] = explanation.sum;
  auto error = conservation(explanation);
  json["conservation"] = error ? Json(*error) : Json();
  return json;
}

Json ledgerJson(const Explanation& explanation) {
  Json json = Json::array();
  for (const LedgerEntry& entry : explanation.ledger)
    json.push_back({{"node", entry.node},
                    {"op", entry.op},
                    {"rule", entry.rule},
                    {"in", entry.in},
                    {"out", entry.out},
                    {"absorbed", entry.absorbed()}});
  return json;
}

Json factsJson(const RunFacts& facts) {
  Json json = {{"model", {{"path", facts.modelPath}, {"hash", facts.modelHash}}}, {"method", facts.method}};
  json["rules"] = facts.rules;
  json["preprocess"] = facts.preprocess ? Json::parse(toJson(*facts.preprocess)) : Json();
  json["versions"] = {{"relprop", version()}};
  for (const auto& [library, number] : versions()) json["versions"][library] = number;
  return json;
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace relprop::cli
