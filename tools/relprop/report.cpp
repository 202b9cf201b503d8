#include "report.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

namespace relprop::cli {
namespace {

// Of a network without probabilities there is none.
Json probabilityJson(double probability) {
  return std::isfinite(probability) ? Json(probability) : Json();
}

std::string labelOf(int index, const std::vector<std::string>& labels) {
  auto position = static_cast<std::size_t>(index);
  return index >= 0 && position < labels.size() ? labels[position] : "";
}

Json predictionJson(const Prediction& prediction, const std::vector<std::string>& labels) {
  Json json = {{"index", prediction.index}};
  std::string label = labelOf(prediction.index, labels);
  json["label"] = label.empty() ? Json() : Json(label);
  json["probability"] = probabilityJson(prediction.probability);
  json["logit"] = prediction.logit;
  return json;
}

std::string fileTitle(const std::string& kind) {
  if (kind == "npy") return "relevance";
  if (kind == "json") return "report";
  return kind == "png" ? "heatmap" : kind;
}

std::string contrastText(const Target& target, const Question& question) {
  if (target.contrast() == Target::Contrast::None) return "";
  if (target.contrast() == Target::Contrast::Others) return " against all others";
  const std::string label = labelOf(target.rival(), question.labels);
  return fmt::format(" against {}{}{}", target.rival(), label.empty() ? "" : " ", label);
}

bool explainsPrediction(const Explanation& explanation, const NamedTarget& target) {
  return target.target.kind() != Target::Kind::Relevance && target.target.kind() != Target::Kind::Not &&
         target.target.contrast() == Target::Contrast::None && predicted(explanation).index == explanation.target;
}

// "207 golden retriever 0.83 (logit 14.2)", and the target where it is not that class or one of several.
std::string answerText(const Explanation& explanation, const NamedTarget& target, const Question& question) {
  const std::string explained = targetText(explanation, target, question);
  if (!question.from.empty()) return question.from + " " + explained;
  const Prediction& best = predicted(explanation);
  std::string text = fmt::format("{} (logit {:.1f})", predictionText(best, question.labels), best.logit);
  if (question.single() && explainsPrediction(explanation, target)) return text;
  const bool scored = target.target.kind() != Target::Kind::Relevance;
  return text + " · explained: " + explained +
         (scored ? fmt::format(" (logit {:.1f})", explanation.targetPrediction.logit) : "");
}

Json targetJson(const Explanation& explanation, const NamedTarget& target, const Question& question) {
  if (target.target.kind() == Target::Kind::Relevance) return {{"file", target.name}};
  if (target.target.kind() == Target::Kind::All) return {{"channels", "all"}};
  Json json = question.from.empty()
                  ? predictionJson(explanation.targetPrediction, question.labels)
                  : Json{{"channel", explanation.target}, {"sum", explanation.targetPrediction.logit}};
  if (target.target.kind() == Target::Kind::Not) json["not"] = true;
  if (target.target.contrast() == Target::Contrast::Others) json["against"] = "others";
  if (target.target.contrast() == Target::Contrast::Class) json["against"] = target.target.rival();
  return json;
}

// What a node absorbed as a share of the relevance that was put in.
Json shareJson(const LedgerEntry& entry, const Explanation& explanation) {
  return explanation.seed == 0 ? Json() : Json(entry.absorbed() / explanation.seed);
}

Json innerMapsJson(const Explanation& explanation) {
  Json json = Json::array();
  for (const LayerMap& layer : explanation.layers) {
    const std::vector<float>& values = layer.relevance.data;
    json.push_back({{"node", layer.node},
                    {"shape", layer.relevance.shape},
                    {"sum", std::accumulate(values.begin(), values.end(), 0.0)}});
  }
  return json;
}

}  // namespace

const Prediction& predicted(const Explanation& explanation) {
  return explanation.top5.empty() ? explanation.targetPrediction : explanation.top5.front();
}

std::string shortExponent(double value) {
  std::string text = fmt::format("{:.1e}", value);
  std::size_t exponent = text.find('e') + 2;
  if (exponent + 1 < text.size() && text[exponent] == '0') text.erase(exponent, 1);
  return text;
}

// A contrast puts in as much of one sign as of the other; nothing can be a share of what rounding leaves of that.
std::optional<double> conservation(const Explanation& explanation) {
  constexpr double kRounding = 1e-5;
  if (explanation.ledger.empty() ||
      std::abs(explanation.seed) <= kRounding * std::abs(explanation.targetPrediction.logit))
    return std::nullopt;
  return std::abs(explanation.sum - explanation.seed) / std::abs(explanation.seed);
}

std::string predictionText(const Prediction& prediction, const std::vector<std::string>& labels) {
  std::string label = labelOf(prediction.index, labels);
  const std::string name = fmt::format("{}{}{}", prediction.index, label.empty() ? "" : " ", label);
  return std::isfinite(prediction.probability) ? fmt::format("{} {:.2f}", name, prediction.probability) : name;
}

std::string targetText(const Explanation& explanation, const NamedTarget& target, const Question& question) {
  if (target.target.kind() == Target::Kind::Relevance) return target.name;
  if (target.target.kind() == Target::Kind::All) return "all channels";
  const std::string subject = question.from.empty() ? predictionText(explanation.targetPrediction, question.labels)
                                                    : fmt::format("channel {} (sum {:.3g})", explanation.target,
                                                                  explanation.targetPrediction.logit);
  const char* const negation = target.target.kind() == Target::Kind::Not ? "not " : "";
  return negation + subject + contrastText(target.target, question);
}

std::string resultLine(const std::string& input, const Explanation& explanation, const NamedTarget& target,
                       const Files& files, const Question& question) {
  std::string line = input + ": " + answerText(explanation, target, question);
  for (const char* kind : {"png", "layers", "npy", "json"})
    if (auto file = files.find(kind); file != files.end())
      line += fmt::format(" · {} {}", fileTitle(kind), file->second);
  if (auto error = conservation(explanation)) line += " · conservation " + shortExponent(*error);
  for (const auto& [name, value] : explanation.facts) line += fmt::format(" · {} {:.3g}", name, value);
  return line;
}

Json mapJson(const Explanation& explanation, const NamedTarget& target, const Question& question) {
  Json json = Json::object();
  if (question.from.empty()) {
    json["prediction"] = predictionJson(predicted(explanation), question.labels);
    json["top5"] = Json::array();
    for (const Prediction& prediction : explanation.top5)
      json["top5"].push_back(predictionJson(prediction, question.labels));
  } else {
    json["from"] = question.from;
  }
  json["target"] = targetJson(explanation, target, question);
  json["seed"] = explanation.seed;
  json["sum"] = explanation.sum;
  auto error = conservation(explanation);
  json["conservation"] = error ? Json(*error) : Json();
  json["facts"] = Json::object();
  for (const auto& [name, value] : explanation.facts) json["facts"][name] = value;
  json["warnings"] = explanation.warnings;
  if (!explanation.layers.empty()) json["at"] = innerMapsJson(explanation);
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
                    {"absorbed", entry.absorbed()},
                    {"bias", entry.bias},
                    {"stabiliser", entry.stabiliser},
                    {"zeroDenominator", entry.zeroDenominator},
                    {"other", entry.other()},
                    {"share", shareJson(entry, explanation)}});
  return json;
}

Json factsJson(const RunFacts& facts) {
  Json json = {{"model", {{"path", facts.modelPath}, {"hash", facts.modelHash}}}, {"method", facts.method}};
  json["rules"] = facts.rules;
  json["precision"] = facts.precision == Precision::Bfloat16 ? "bf16" : "f32";
  json["preprocess"] = facts.preprocess ? Json::parse(toJson(*facts.preprocess)) : Json();
  json["versions"] = {{"relprop", version()}};
  for (const auto& [library, number] : versions()) json["versions"][library] = number;
  return json;
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace relprop::cli
