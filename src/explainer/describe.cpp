#include "relprop/describe.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace relprop {
namespace {

using OrderedJson = nlohmann::ordered_json;
using ParameterTexts = std::vector<std::pair<std::string, std::string>>;  // key, and what it means

std::string dump(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// Of a network without probabilities there is none.
OrderedJson probabilityJson(double probability) {
  return std::isfinite(probability) ? OrderedJson(probability) : OrderedJson();
}

std::string labelOf(int index, const std::vector<std::string>& labels) {
  auto position = static_cast<std::size_t>(index);
  return index >= 0 && position < labels.size() ? labels[position] : "";
}

OrderedJson predictionJson(const Prediction& prediction, const std::vector<std::string>& labels) {
  OrderedJson json = {{"index", prediction.index}};
  std::string label = labelOf(prediction.index, labels);
  json["label"] = label.empty() ? OrderedJson() : OrderedJson(label);
  json["probability"] = probabilityJson(prediction.probability);
  json["logit"] = prediction.logit;
  return json;
}

OrderedJson targetJson(const Explanation& explanation, const NamedTarget& target, const TargetChoice& question) {
  if (target.target.kind() == Target::Kind::Relevance) return {{"file", target.name}};
  if (target.target.kind() == Target::Kind::All) return {{"channels", "all"}};
  OrderedJson json = question.from.empty()
                         ? predictionJson(explanation.targetPrediction, question.labels)
                         : OrderedJson{{"channel", explanation.target}, {"sum", explanation.targetPrediction.logit}};
  if (target.target.kind() == Target::Kind::Not) json["not"] = true;
  if (target.target.contrast() == Target::Contrast::Others) json["against"] = "others";
  if (target.target.contrast() == Target::Contrast::Class) json["against"] = target.target.rival();
  return json;
}

// What a node absorbed as a share of the relevance that was put in.
OrderedJson shareJson(const LedgerEntry& entry, const Explanation& explanation) {
  return explanation.seed == 0 ? OrderedJson() : OrderedJson(entry.absorbed() / explanation.seed);
}

OrderedJson innerMapsJson(const Explanation& explanation) {
  OrderedJson json = OrderedJson::array();
  for (const LayerMap& layer : explanation.layers) {
    const std::vector<float>& values = layer.relevance.data;
    json.push_back({{"node", layer.node},
                    {"shape", layer.relevance.shape},
                    {"sum", std::accumulate(values.begin(), values.end(), 0.0)}});
  }
  return json;
}

OrderedJson nodesJson(const std::vector<NodeReport>& nodes) {
  OrderedJson json = OrderedJson::array();
  for (const NodeReport& node : nodes)
    json.push_back(
        {{"node", node.node}, {"op", node.op}, {"shape", node.shape}, {"rule", node.rule}, {"folded", node.folded}});
  return json;
}

OrderedJson stepsJson(const std::vector<StepReport>& steps) {
  OrderedJson json = OrderedJson::array();
  for (const StepReport& step : steps)
    json.push_back({{"phase", step.phase},
                    {"name", step.name},
                    {"shape", step.shape},
                    {"bytes", step.bytes},
                    {"flops", step.flops},
                    {"algorithm", step.algorithm},
                    {"multiplied", step.multiplied}});
  return json;
}

OrderedJson versionsOfAll() {
  OrderedJson json = {{"relprop", version()}};
  for (const auto& [library, number] : versions()) json[library] = number;
  return json;
}

OrderedJson parametersJson(const ParameterTexts& parameters) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [key, text] : parameters) json[key] = text;
  return json;
}

}  // namespace

const Prediction& predicted(const Explanation& explanation) {
  return explanation.top5.empty() ? explanation.targetPrediction : explanation.top5.front();
}

// A contrast puts in as much of one sign as of the other; nothing can be a share of what rounding leaves of that.
std::optional<double> conservation(const Explanation& explanation) {
  constexpr double kRounding = 1e-5;
  if (explanation.ledger.empty() ||
      std::abs(explanation.seed) <= kRounding * std::abs(explanation.targetPrediction.logit))
    return std::nullopt;
  return std::abs(explanation.sum - explanation.seed) / std::abs(explanation.seed);
}

std::string mapJson(const Explanation& explanation, const NamedTarget& target, const TargetChoice& question) {
  OrderedJson json = OrderedJson::object();
  if (question.from.empty()) {
    json["prediction"] = predictionJson(predicted(explanation), question.labels);
    json["top5"] = OrderedJson::array();
    for (const Prediction& prediction : explanation.top5)
      json["top5"].push_back(predictionJson(prediction, question.labels));
  } else {
    json["from"] = question.from;
  }
  json["target"] = targetJson(explanation, target, question);
  json["seed"] = explanation.seed;
  json["sum"] = explanation.sum;
  auto error = conservation(explanation);
  json["conservation"] = error ? OrderedJson(*error) : OrderedJson();
  json["facts"] = OrderedJson::object();
  for (const auto& [name, value] : explanation.facts) json["facts"][name] = value;
  json["warnings"] = explanation.warnings;
  if (!explanation.layers.empty()) json["at"] = innerMapsJson(explanation);
  return dump(json);
}

std::string ledgerJson(const Explanation& explanation) {
  OrderedJson json = OrderedJson::array();
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
  return dump(json);
}

std::string factsJson(const RunFacts& facts) {
  OrderedJson json = {{"model", {{"path", facts.modelPath}, {"hash", facts.modelHash}}}, {"method", facts.method}};
  json["rules"] = facts.rules;
  json["precision"] = facts.precision == Precision::Bfloat16 ? "bf16" : "f32";
  json["tuning"] = facts.tuning.empty() ? OrderedJson() : OrderedJson(facts.tuning);
  json["preprocess"] = facts.preprocess ? OrderedJson::parse(toJson(*facts.preprocess)) : OrderedJson();
  json["versions"] = versionsOfAll();
  return dump(json);
}

std::string planJson(const Model& model, const Explainer& explainer) {
  const PlanReport& plan = explainer.report();
  OrderedJson json = {{"inputShape", explainer.inputShape()}};
  json["output"] = model.output();
  json["outputs"] = model.outputs();
  json["head"] = plan.head;
  json["layout"] = layoutName(explainer.layout());
  json["weightBytes"] = plan.weightBytes;
  json["arenaBytes"] = plan.arenaBytes;
  json["modelBytes"] = plan.modelBytes;
  json["memory"] = plan.memory;
  json["warnings"] = plan.warnings;
  json["passes"] = plan.passes;
  json["table"] = plan.table;
  json["nodes"] = nodesJson(plan.nodes);
  json["steps"] = stepsJson(plan.steps);
  return dump(json);
}

std::string methodJson(const MethodInfo& method) {
  return dump({{"name", method.name},
               {"summary", method.summary},
               {"citation", method.citation},
               {"parameters", parametersJson(method.parameters)},
               {"common", parametersJson(commonParameters(method))},
               {"networks", method.ofNetworks},
               {"needsAttention", method.needsAttention},
               {"bagsOfWords", method.ofBags}});
}

ParameterTexts commonParameters(const MethodInfo& method) {
  ParameterTexts common = commonParameters();
  std::erase_if(common, [&](const auto& one) {
    return std::any_of(method.parameters.begin(), method.parameters.end(),
                       [&](const auto& own) { return own.first == one.first; });
  });
  return common;
}

std::string versionsJson() {
  return dump(versionsOfAll());
}

}  // namespace relprop
