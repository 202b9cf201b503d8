#include <fmt/format.h>

#include <algorithm>

#include "core/names.h"
#include "eval/metric.h"
#include "relprop/error.h"

namespace relprop::eval {
namespace {

struct Spelled {
  std::string name, version, parameters;
};

// "name", "name@version", "name:key=value,…" or all of it.
Spelled spell(const std::string& text) {
  Spelled s;
  const std::size_t colon = text.find(':');
  s.name = text.substr(0, colon);
  if (colon != std::string::npos) s.parameters = text.substr(colon + 1);
  if (const std::size_t at = s.name.find('@'); at != std::string::npos) {
    s.version = s.name.substr(at + 1);
    s.name.resize(at);
  }
  return s;
}

const Metric& find(const std::string& name) {
  const auto found =
      std::find_if(metrics().begin(), metrics().end(), [&](const Metric& one) { return one.name == name; });
  if (found != metrics().end()) return *found;
  std::vector<std::string> names;
  for (const Metric& one : metrics()) names.push_back(one.name);
  unknownName(ErrorCode::UnknownMetric, "metric", name, names);
}

Parameters parametersOf(const Metric& metric, const std::string& text) {
  const std::string subject = "metric " + metric.name;
  std::map<std::string, std::string> given;
  if (!text.empty()) given = parseKeyValues(text, "", ErrorCode::InvalidMetricParameter, subject);
  return {ErrorCode::InvalidMetricParameter, subject, std::move(given)};
}

Precision precisionOf(Parameters& parameters, const Metric& metric) {
  const std::string text = parameters.optional("precision", "f32 or bf16", "f32");
  if (text != "f32" && text != "bf16")
    throw Error(ErrorCode::InvalidMetricParameter, "metric " + metric.name + ", precision", "'" + text + "'",
                "f32 or bf16");
  return text == "bf16" ? Precision::Bfloat16 : Precision::Float32;
}

Protocol made(const Metric& metric, Parameters& parameters) {
  Protocol protocol = metric.make(parameters);
  if (metric.asksNetwork) protocol.precision = precisionOf(parameters, metric);
  return protocol;
}

std::string needsOf(const Protocol& protocol) {
  switch (protocol.region) {
    case Protocol::Region::None:
      return "";
    case Protocol::Region::BoxesOrMask:
      return "boxes or a mask";
    case Protocol::Region::Boxes:
      return "boxes";
    case Protocol::Region::Mask:
      return "a mask";
  }
  return "";
}

MetricInfo infoOf(const Metric& metric) {
  Parameters parameters = parametersOf(metric, "");
  const Protocol protocol = made(metric, parameters);
  MetricInfo info{metric.name, metric.summary, metric.citation, metric.version, {}, protocol.scores, needsOf(protocol)};
  for (const ParameterInfo& one : parameters.asked())
    info.parameters.emplace_back(one.key, fmt::format("{} ({})", one.fallback, one.choices));
  return info;
}

}  // namespace

Protocol parseProtocol(const std::string& text) {
  const Spelled spelled = spell(text);
  const Metric& metric = find(spelled.name);
  const std::string version = std::to_string(metric.version);
  if (!spelled.version.empty() && spelled.version != version)
    throw Error(ErrorCode::InvalidMetricParameter, "metric " + metric.name, "version " + spelled.version,
                "version " + version, "scores of different versions do not compare");
  Parameters parameters = parametersOf(metric, spelled.parameters);
  Protocol protocol = made(metric, parameters);
  parameters.finish();
  protocol.text = parameters.complete(fmt::format("{}@{}", metric.name, metric.version));
  return protocol;
}

std::optional<ScoreInfo> scoreInfoOf(const std::string& protocol, const std::string& score) {
  for (const std::string& text : {protocol, spell(protocol).name}) try {
      for (const ScoreInfo& one : parseProtocol(text).scores)
        if (one.name == score) return one;
      return {};
    } catch (const Error&) {  // of another version
    }
  return {};
}

std::string withPrecision(const std::string& text, Precision precision) {
  const Spelled spelled = spell(text);
  const Metric& metric = find(spelled.name);
  if (precision == Precision::Float32 || !metric.asksNetwork) return text;
  if (spelled.parameters.empty()) return text + ":precision=bf16";
  return parametersOf(metric, spelled.parameters).isGiven("precision") ? text : text + ",precision=bf16";
}

}  // namespace relprop::eval

namespace relprop {

std::vector<MetricInfo> metricInfos() {
  std::vector<MetricInfo> infos;
  for (const eval::Metric& metric : eval::metrics()) infos.push_back(eval::infoOf(metric));
  return infos;
}

std::string completeProtocol(const std::string& text) {
  return eval::parseProtocol(text).text;
}

}  // namespace relprop
