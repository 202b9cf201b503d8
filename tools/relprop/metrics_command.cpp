#include <fmt/format.h>

#include "listing.h"
#include "relprop/metrics.h"

namespace relprop::cli {
namespace {

constexpr const char* kMetricsExamples = R"(Examples:
  relprop metrics
  relprop metrics id-score
  relprop metrics --json)";

std::vector<MetricInfo> chosenMetrics(const std::string& name) {
  if (!name.empty()) completeProtocol(name);  // an unknown name is refused there
  std::vector<MetricInfo> all = metricInfos();
  if (!name.empty())
    std::erase_if(all, [&](const MetricInfo& one) { return one.name != name.substr(0, name.find_first_of("@:")); });
  return all;
}

void printOne(Console& console, const MetricInfo& metric) {
  console.data(fmt::format("{}, version {}: {}", metric.name, metric.version, metric.summary));
  console.data(metric.citation);
  if (!metric.needs.empty()) console.data("Needs " + metric.needs + ".");
  console.heading("Scores");
  for (const ScoreInfo& score : metric.scores)
    console.data(fmt::format("  {:<16}{} ({})", score.name, score.summary, betterName(score.better)));
  printParameters(console, "Parameters", metric.parameters);
}

Json asJson(const MetricInfo& metric) {
  return Json::parse(metricJson(metric));
}

}  // namespace

Command addMetrics(CLI::App& root) {
  return addListing<MetricInfo>(
      root, {"metrics", "list the metrics of evaluate, or describe one with its parameters", "the metric to describe",
             kMetricsExamples, chosenMetrics, printOne, asJson, [](Console&) {}});
}

}  // namespace relprop::cli
