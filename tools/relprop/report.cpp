#include "report.h"

#include <fmt/format.h>

#include <cmath>

namespace relprop::cli {
namespace {

std::string labelOf(int index, const std::vector<std::string>& labels) {
  auto position = static_cast<std::size_t>(index);
  return index >= 0 && position < labels.size() ? labels[position] : "";
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

}  // namespace

std::string shortExponent(double value) {
  std::string text = fmt::format("{:.1e}", value);
  std::size_t exponent = text.find('e') + 2;
  if (exponent + 1 < text.size() && text[exponent] == '0') text.erase(exponent, 1);
  return text;
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

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace relprop::cli
